#include "upstreams/openai_dialer.hpp"

#include "base/json.hpp"
#include "base/json_scan.hpp"
#include "upstreams/event_relay.hpp"
#include "upstreams/event_scanner.hpp"
#include "upstreams/openai_answer.hpp"
#include "upstreams/openai_interface.hpp"
#include "upstreams/openai_request.hpp"
#include "upstreams/retry_after.hpp"
#include "upstreams/usage_scanner.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::size_t kBytesPerToken = 4;  // of a prompt that nobody counted

CallError fault(Fault kind, std::string code, std::string message, int retry = 0) {
    return CallError{kind, std::move(code), std::move(message), retry, {}};
}

std::string_view text_field(const catalog::Values& input, std::string_view name) {
    const auto* value = input.find(name);
    const auto* text = value ? value->get<std::string>() : nullptr;
    return text ? std::string_view(*text) : std::string_view();
}

const catalog::Json* request_of(const catalog::Values& input) {
    const auto* value = input.find("request");
    return value ? value->get<catalog::Json>() : nullptr;
}

/// What the call is: a chat model may be asked for embeddings.
catalog::Profile profile_of(const Call& call) {
    using catalog::Profile;
    const auto profile = call.model.profile;
    if (profile != Profile::chat) return profile;
    if (request_of(call.input)) {
        const bool embeds = text_field(call.input, "operation") == operation_of(Profile::embed);
        return embeds ? Profile::embed : profile;
    }
    const auto* value = call.input.find("text");
    const auto* texts = value ? value->get<catalog::Value::List>() : nullptr;
    return texts && !texts->empty() ? Profile::embed : profile;
}

CallResult<OpenaiBody> body_of(const Call& call) {
    const auto& model = call.model;
    const auto* request = request_of(call.input);
    if (!request) {
        return render_body(profile_of(call), call.input, model.remote_name(), call.wants_stream);
    }
    std::string operation(text_field(call.input, "operation"));
    if (operation.empty()) operation = operation_of(model.profile);
    if (!is_operation(operation)) {
        return call_failed(Fault::request, "invalid_argument", "the operation is no route name");
    }
    return splice_body(request->text, std::move(operation), model.remote_name());
}

bool is_events(const OutAnswer& answer) {
    constexpr std::string_view kEvents = "text/event-stream";
    const auto type = answer.headers().find("content-type");
    if (!type || type->size() < kEvents.size()) return false;
    if (!http::equal_without_case(type->substr(0, kEvents.size()), kEvents)) return false;
    return type->size() == kEvents.size() || http::media_type(*type) == kEvents;
}

std::string type_of(const OutAnswer& answer) {
    const auto given = answer.headers().find("content-type");
    return given ? http::media_type(*given) : std::string();
}

/// Of a route that the model is not there for: a refusal is about that, whatever status it has.
/// Counted against the server or its key, any caller could shut it out.
CallError of_other_route(CallError error, int status, std::string_view operation) {
    if (error.fault == Fault::busy) return error;
    error.fault = Fault::model;
    error.retry_after_s = 0;
    const bool none = status / 100 == 4 || status == 501;
    error.code = to_string(none ? ErrorCode::invalid_argument : ErrorCode::engine_failed);
    error.message = none ? "the upstream has no " + std::string(operation) + " of this model"
                         : "the upstream failed at " + std::string(operation);
    return error;
}

CallError cut_short() {
    return fault(Fault::server, "unavailable", "the upstream's answer was cut short");
}

CallError dropped() {
    return fault(Fault::cancelled, "cancelled", "the call was dropped");
}

}  // namespace

std::optional<CallError> status_fault(int status, const http::Headers& headers) {
    if (status / 100 == 2 && status != 204 && status != 205) return std::nullopt;
    const int retry = retry_after(headers);
    if (status == 401 || status == 403) {
        return fault(Fault::credentials, "unavailable",
                     "the upstream does not take the key it was given");
    }
    if (status == 404 || status == 405) {
        return fault(Fault::model, "unavailable", "the upstream does not have the model or route");
    }
    if (status == 429 || status == 529 || (status == 503 && retry > 0)) {
        return fault(Fault::busy, "unavailable", "the upstream is busy", retry);
    }
    if (status / 100 == 4 && status != 408) return std::nullopt;
    return fault(Fault::server, "unavailable",
                 "the upstream answered with status " + std::to_string(status), retry);
}

Result<catalog::Interface> OpenaiDialer::interface_of(catalog::Profile profile) const {
    return openai_interface(profile);
}

asio::awaitable<CallResult<CallAnswer>> OpenaiDialer::call(Line& line, const Call& call,
                                                           CallSink& sink) {
    auto body = body_of(call);
    if (!body) co_return call_failed(std::move(body).error());
    const bool verbatim = request_of(call.input) != nullptr;
    const std::size_t sent = body->body.size();
    const std::string& operation = body->operation;
    OutRequest request;
    request.path.reserve(operation.size() + 1);
    request.path.append(1, '/').append(operation);
    if (!body->content_type.empty()) request.content_type = body->content_type;
    request.body = std::move(body->body);
    if (!call.traceparent.empty()) request.headers.add("traceparent", call.traceparent);
    auto answer = co_await line.connections.open(std::move(request), line.abort);
    if (!answer) co_return call_failed(std::move(answer).error());
    if (auto error = status_fault(answer->status(), answer->headers())) {
        if (!is_own_operation(call.model.profile, operation)) {
            error = of_other_route(std::move(*error), answer->status(), operation);
        }
        error->detail = "status " + std::to_string(answer->status());
        answer->let_end();
        co_return call_failed(std::move(*error));
    }
    CallResult<CallAnswer> result;
    if (answer->status() / 100 == 4) {
        result = co_await read_refusal(*answer, line, verbatim);
    } else if (is_events(*answer)) {
        if (verbatim)
            result = co_await relay(*answer, line, sink, body->usage_wanted);
        else
            result = co_await read_deltas(*answer, line, sink);
    } else {
        result = co_await read_whole(*answer, line, call, verbatim);
    }
    if (result && !result->tokens.prompt) result->tokens.prompt = sent / kBytesPerToken;
    co_return result;
}

/// The server refuses what the caller sent: that is an answer to a body that was his own.
asio::awaitable<CallResult<CallAnswer>> OpenaiDialer::read_refusal(OutAnswer& answer, Line& line,
                                                                   bool verbatim) {
    const int status = answer.status();
    auto body = co_await answer.read_all(limits_.most_error);
    if (!body) co_return call_failed(std::move(body).error());
    const auto secret = line.upstream->key.reveal();
    if (verbatim && is_json(*body)) {
        CallAnswer refusal;
        refusal.output.set("status", std::int64_t{status});
        refusal.output.set("response", without_secrets(std::move(*body), *line.upstream));
        refusal.tokens = {0, 0, 0};
        co_return refusal;
    }
    std::string message = message_in(*body, secret);
    if (message.empty()) message = "the upstream refused with status " + std::to_string(status);
    co_return call_failed(Fault::request, status == 413 ? "too_large" : "invalid_argument",
                          std::move(message));
}

/// Passes whole events on as they come.
asio::awaitable<CallResult<CallAnswer>> OpenaiDialer::relay(OutAnswer& answer, Line& line,
                                                            CallSink& sink, bool usage_wanted) {
    using Verdict = EventRelay::Verdict;
    EventRelay events(usage_wanted, line.upstream->key.reveal());
    Verdict verdict = Verdict::more;
    while (verdict == Verdict::more) {
        auto piece = co_await answer.read_some();
        if (!piece) co_return call_failed(std::move(piece).error());
        if (!*piece) break;
        verdict = events.take(std::move(**piece), sink);
        if (verdict == Verdict::broken) co_return call_failed(events.error());
        if (verdict == Verdict::unwanted) co_return call_failed(dropped());
        if (!sink.has_room()) co_await sink.room();
    }
    if (verdict == Verdict::more) {
        if (!events.whole()) co_return call_failed(cut_short());
        if (!sink.pass_on("response", "data: [DONE]\n\n")) co_return call_failed(dropped());
    }
    answer.let_end();
    CallAnswer end;
    end.tokens = events.tokens();
    co_return end;
}

/// Reads a stream into canonical fields.
asio::awaitable<CallResult<CallAnswer>> OpenaiDialer::read_deltas(OutAnswer& answer, Line& line,
                                                                  CallSink& sink) {
    EventScanner events;
    ChatDeltas deltas(line.upstream->key.reveal());
    bool done = false;
    while (!done) {
        auto piece = co_await answer.read_some();
        if (!piece) co_return call_failed(std::move(piece).error());
        if (!*piece) break;
        events.feed(std::move(**piece));
        while (auto event = events.next()) {
            if (event->data.empty()) continue;
            done = event->data == "[DONE]";
            if (done) break;
            auto text = deltas.take(event->data);
            if (!text) co_return call_failed(std::move(text).error());
            if (!text->empty() && !sink.append("text", *text)) co_return call_failed(dropped());
        }
        if (events.too_large()) {
            co_return call_failed(Fault::server, "engine_failed",
                                  "an event of the upstream's stream is too large");
        }
        if (!sink.has_room()) co_await sink.room();
    }
    if (!done && (events.pending() || !deltas.finished())) co_return call_failed(cut_short());
    answer.let_end();
    co_return deltas.answer();
}

asio::awaitable<CallResult<CallAnswer>> OpenaiDialer::read_whole(OutAnswer& answer, Line& line,
                                                                 const Call& call, bool verbatim) {
    auto body = co_await answer.read_all(limits_.most_answer);
    if (!body) co_return call_failed(std::move(body).error());
    const auto secret = line.upstream->key.reveal();
    const auto profile = profile_of(call);
    if (profile == catalog::Profile::speak) {
        const std::string type = type_of(answer);
        if (body->empty() || type == "application/json") {
            auto message = message_in(*body, secret);
            if (message.empty()) message = "the upstream's answer is no audio";
            co_return call_failed(Fault::server, "engine_failed", std::move(message));
        }
        catalog::Media audio;
        audio.content_type = type.starts_with("audio/") ? type : "application/octet-stream";
        audio.size = body->size();
        audio.source = catalog::InlineBytes{std::move(*body)};
        CallAnswer spoken;
        spoken.output.set("audio", std::move(audio));
        co_return spoken;
    }
    if (!verbatim) co_return read_answer(profile, *body, secret);
    const auto members = JsonMembers::scan(*body);
    if (!members) {
        co_return call_failed(Fault::server, "engine_failed", "the upstream's answer is not JSON");
    }
    if (auto error = error_in(*members, secret)) co_return call_failed(std::move(*error));
    CallAnswer whole;
    if (const JsonMember* usage = members->find("usage")) whole.tokens = tokens_of(usage->value);
    if (!whole.tokens.completion && profile == catalog::Profile::chat) {
        whole.tokens.completion = body->size() / kBytesPerToken;
    }
    whole.output.set("response", std::move(*body));
    co_return whole;
}

asio::awaitable<CallResult<ProbeAnswer>> OpenaiDialer::probe(Line& line) {
    OutRequest request;
    request.method = "GET";
    request.path = "/models";
    request.first_byte =
        std::min(line.upstream->timeouts.first_byte, std::chrono::milliseconds(10'000));
    auto answer = co_await line.connections.open(std::move(request), line.abort);
    if (!answer) co_return call_failed(std::move(answer).error());
    const int status = answer->status();
    auto error = status_fault(status, answer->headers());
    // A server without the route is there all the same.
    if (error && error->fault == Fault::model) error.reset();
    if (error) {
        answer->let_end();
        co_return call_failed(std::move(*error));
    }
    auto body = co_await answer->read_all(limits_.most_error * 16);
    if (!body) co_return call_failed(std::move(body).error());
    ProbeAnswer found;
    const auto members = status == 200 ? JsonMembers::scan(*body)
                                       : Result<JsonMembers>(fail(ErrorCode::not_found, ""));
    const JsonMember* data = members ? members->find("data") : nullptr;
    const auto items = data && data->kind == JsonKind::array
                           ? scan_json_array(data->value)
                           : Result<std::vector<std::string_view>>(std::vector<std::string_view>());
    if (items) {
        for (const auto item : *items) {
            const auto model = JsonMembers::scan(item);
            const JsonMember* id = model ? model->find("id") : nullptr;
            if (!id) continue;
            if (auto name = json_text(id->value)) found.models.push_back(std::move(*name));
        }
    }
    co_return found;
}

}  // namespace headrace::upstreams
