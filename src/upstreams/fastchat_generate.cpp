// FastchatDialer: one text generation, from the job's input to the end of the worker's chunks.
#include <chrono>
#include <utility>

#include "base/digest.hpp"
#include "http/guarded_fetch.hpp"
#include "upstreams/fastchat_chunks.hpp"
#include "upstreams/fastchat_dialer.hpp"
#include "upstreams/retry_after.hpp"

namespace headrace::upstreams {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostChunk = 32 << 20;  // text, usage and log probabilities of one chunk
constexpr std::size_t kMostText = 8 << 20;    // of one answer
constexpr std::size_t kMostImages = 16;
constexpr std::size_t kMostImageBytes = 20 << 20;
constexpr auto kImageTime = 20'000ms;

std::string_view json_of(const catalog::Values& input, std::string_view name) {
    const auto* value = input.find(name);
    const auto* text = value == nullptr ? nullptr : value->get<catalog::Json>();
    return text == nullptr ? std::string_view() : std::string_view(text->text);
}

/// A JSON parameter, null where the job has none. Jobs are validated, so what is there is JSON.
json::value parameter(const catalog::Values& input, std::string_view name) {
    const auto text = json_of(input, name);
    if (text.empty()) return nullptr;
    auto parsed = parse_json(text);
    return parsed ? std::move(*parsed) : json::value(nullptr);
}

/// The canonical output: {index, id, name, arguments} for each call.
std::string calls_json(const std::vector<ToolCallReader::Call>& calls) {
    std::string out = "[";
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (i > 0) out += ',';
        out += "{\"index\":" + std::to_string(i) + ",\"id\":\"call_" + to_hex(random_bytes(12));
        out += "\",\"name\":";
        append_json_string(out, calls[i].name);
        out += ",\"arguments\":";
        append_json_string(out, calls[i].arguments);
        out += '}';
    }
    return out + ']';
}

CallError of_request(const Error& error) {
    CallError out;
    out.fault = Fault::request;
    out.code = to_string(error.code);
    out.message = error.message;
    return out;
}

}  // namespace

struct FastchatDialer::Plan {
    Generation ask;
    std::string prompt;
    std::vector<std::string> images;
    std::string begun;  // of a call that the prompt has begun for the model
    bool with_tools = false;
};

struct FastchatDialer::Reading {
    ChunkSplitter splitter{kMostChunk};
    CumulativeText text;
    bool with_tools = false;
    ToolCallReader tools;
    std::size_t bytes = 0;
    std::string finish_reason;
    std::string logprobs;
    std::optional<WorkerUsage> usage;
    std::string whole;  // while the worker has told no usage
    std::uint64_t chunks = 0;
    bool answered = false;  // some text has gone to the caller

    /// What the next piece of text adds for the caller.
    std::string shown(std::string delta) {
        return with_tools ? tools.push(delta) : std::move(delta);
    }
    CallResult<std::string> take(std::string chunk) {
        auto read = text.next(std::move(chunk));
        if (!read) {
            return call_failed(Fault::server, "engine_failed", std::move(read.error().message));
        }
        if (read->error_code != 0) return call_failed(worker_error(read->error_code, read->error));
        ++chunks;
        bytes += read->delta.size();
        if (bytes > kMostText) {
            return call_failed(Fault::server, "engine_failed", "the worker's answer has no end");
        }
        if (auto told = usage_of(read->rest)) usage = told;
        if (auto reason = finish_reason_of(read->rest); !reason.empty()) {
            finish_reason = std::move(reason);
        }
        if (const auto* member = read->rest.if_contains("logprobs");
            member && member->is_object()) {
            logprobs = canonical_logprobs(member->get_object());
        }
        if (usage) {
            whole.clear();
        } else {
            whole += read->delta;
        }
        return shown(std::move(read->delta));
    }
};

/// Workers open what they are given: an address of their own network, even a file. So they get
/// nothing but data.
asio::awaitable<CallResult<std::string>> FastchatDialer::image(std::string address) {
    constexpr std::string_view kBase64 = ";base64,";
    if (address.starts_with("data:image/")) {
        const auto comma = address.find(kBase64);
        if (comma == std::string::npos || comma > 64 ||
            !from_base64(std::string_view(address).substr(comma + kBase64.size()))) {
            co_return call_failed(Fault::request, "invalid_argument",
                                  "an image's data URL is not base64");
        }
        co_return address;
    }
    http::FetchRequest request;
    request.url = std::move(address);
    request.max_bytes = kMostImageBytes;
    request.total_time = kImageTime;
    auto content = co_await fetch_.open(std::move(request));
    if (!content || content->status() != 200) {
        co_return call_failed(Fault::request, "invalid_argument",
                              "an image could not be fetched: " +
                                  (content ? "status " + std::to_string(content->status())
                                           : content.error().message));
    }
    const auto type = http::media_type(content->headers().find("content-type").value_or(""));
    if (!type.starts_with("image/")) {
        co_return call_failed(Fault::request, "invalid_argument", "an image's address gives none");
    }
    auto bytes = co_await content->read_all();
    if (!bytes) {
        co_return call_failed(Fault::request, "invalid_argument",
                              "an image could not be fetched: " + bytes.error().message);
    }
    co_return "data:" + type + std::string(kBase64) + to_base64(*bytes);
}

CallResult<FastchatDialer::Plan> FastchatDialer::plan_of(const Line& line, const Call& call,
                                                         const Facts& facts) {
    auto ask = read_generation(call.input);
    if (!ask) return call_failed(std::move(ask).error());
    Plan plan;
    plan.ask = std::move(*ask);
    const auto* prompt = call.input.find("prompt");
    const auto messages = parameter(call.input, "messages");
    if (messages.is_null() && prompt != nullptr && prompt->get<std::string>() != nullptr) {
        plan.prompt = *prompt->get<std::string>();
        return plan;
    }
    if (!messages.is_array()) {
        return call_failed(Fault::request, "invalid_argument", "messages is missing");
    }
    const auto tools = parameter(call.input, "tools");
    const auto choice = parameter(call.input, "tool_choice");
    auto request = read_tools(&tools, &choice);
    if (!request) return call_failed(of_request(request.error()));
    const auto form =
        tool_form_of(facts.form, call.model.remote_name(), line.upstream->option("tools"));
    auto built = build_chat_prompt(facts.form, messages.get_array(), *request, form);
    if (!built) return call_failed(of_request(built.error()));
    if (built->images.size() > kMostImages) {
        return call_failed(Fault::request, "invalid_argument", "messages has too many images");
    }
    plan.prompt = std::move(built->prompt);
    plan.images = std::move(built->images);
    plan.with_tools = request->active();
    if (request->active()) plan.begun = hermes_start(*request);
    plan.ask.echo = false;
    return plan;
}

asio::awaitable<CallResult<std::uint64_t>> FastchatDialer::answer_room(Line& line, const Call& call,
                                                                       const Facts& facts,
                                                                       const Plan& plan) {
    const auto wanted = plan.ask.max_tokens;
    if (const auto bound = bound_by_bytes(plan.prompt.size(), facts.context, wanted)) {
        co_return *bound;
    }
    auto count = co_await count_tokens(line, call.model.remote_name(), plan.prompt);
    if (!count) co_return call_failed(std::move(count).error());
    co_return bound_by_count(*count, facts.context, wanted);
}

asio::awaitable<CallResult<CallAnswer>> FastchatDialer::generate(Line& line, const Call& call,
                                                                 CallSink& sink) {
    auto facts = co_await facts_of(line, call.model.remote_name());
    if (!facts) co_return call_failed(std::move(facts).error());
    auto plan = plan_of(line, call, **facts);
    if (!plan) co_return call_failed(std::move(plan).error());
    for (auto& address : plan->images) {
        auto data = co_await image(std::move(address));
        if (!data) co_return call_failed(std::move(data).error());
        address = std::move(*data);
    }
    auto room = co_await answer_room(line, call, **facts, *plan);
    if (!room) co_return call_failed(std::move(room).error());
    OutRequest request;
    request.path = "/worker_generate_stream";
    request.body = generation_body(plan->ask, (*facts)->form, call.model.remote_name(),
                                   plan->prompt, plan->images, *room);
    auto answer = co_await line.connections.open(std::move(request), line.abort);
    if (!answer) co_return call_failed(std::move(answer).error());
    if (auto error = status_error(answer->status(), retry_after(answer->headers()))) {
        co_return call_failed(std::move(*error));
    }
    Reading reading;
    reading.with_tools = plan->with_tools;
    if (!plan->begun.empty()) reading.tools.push(plan->begun);
    auto read = co_await read_answer(std::move(*answer), reading, sink);
    if (!read) co_return call_failed(std::move(read).error());
    co_return co_await answer_of(line, call, *plan, reading);
}

asio::awaitable<CallResult<void>> FastchatDialer::read_answer(OutAnswer answer, Reading& reading,
                                                              CallSink& sink) {
    for (bool more = true; more;) {
        auto piece = co_await answer.read_some();
        if (!piece) co_return call_failed(std::move(piece).error());
        more = piece->has_value();
        if (more) reading.splitter.push(**piece);
        std::string shown;
        while (true) {
            auto chunk = reading.splitter.next();
            if (!chunk) {
                co_return call_failed(Fault::server, "engine_failed", chunk.error().message);
            }
            // A worker of somebody else's making may leave out the last NUL.
            if (!*chunk && !more) *chunk = reading.splitter.take_rest();
            if (!*chunk || (*chunk)->empty()) break;
            auto text = reading.take(std::move(**chunk));
            if (!text) co_return call_failed(std::move(text).error());
            shown += *text;
        }
        if (!more && reading.with_tools) shown += reading.tools.finish();
        if (shown.empty()) continue;
        reading.answered = true;
        if (!sink.append("text", shown)) {
            co_return call_failed(Fault::cancelled, "cancelled", "nobody wants the rest");
        }
        co_await sink.room();
    }
    if (reading.chunks == 0) {
        co_return call_failed(Fault::server, "engine_failed", "the worker's answer is empty");
    }
    co_return CallResult<void>();
}

asio::awaitable<CallResult<CallAnswer>> FastchatDialer::answer_of(Line& line, const Call& call,
                                                                  const Plan& plan,
                                                                  Reading& reading) {
    CallAnswer out;
    if (!reading.answered) out.output.set("text", std::string());
    const auto& calls = reading.tools.calls();
    if (!calls.empty()) {
        reading.finish_reason = "tool_calls";
        out.output.set("tool_calls", catalog::Json{calls_json(calls)});
    }
    // Some workers never tell a reason: then the model ended by itself.
    if (reading.finish_reason.empty()) reading.finish_reason = "stop";
    out.output.set("finish_reason", std::move(reading.finish_reason));
    if (plan.ask.logprobs && !reading.logprobs.empty()) {
        out.output.set("logprobs", catalog::Json{std::move(reading.logprobs)});
    }
    if (reading.usage) {
        out.tokens.prompt = reading.usage->prompt_tokens;
        out.tokens.completion = reading.usage->completion_tokens;
        co_return out;
    }
    // The answer is there already, so a worker that does not count either costs nobody anything.
    const auto& model = call.model.remote_name();
    auto prompt = co_await count_tokens(line, model, plan.prompt);
    if (!prompt || *prompt == 0) co_return out;
    out.tokens.prompt = *prompt;
    auto completion = co_await count_tokens(line, model, reading.whole);
    if (completion) out.tokens.completion = *completion;
    co_return out;
}

}  // namespace headrace::upstreams
