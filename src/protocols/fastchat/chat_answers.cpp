// ClientRoutes: /api/v1/chat/completions, from the request to its answer, whole or streamed.
#include <chrono>

#include "base/digest.hpp"
#include "http/sse.hpp"
#include "jobs/waiting.hpp"
#include "protocols/fastchat/client_routes.hpp"
#include "protocols/fastchat/errors.hpp"

namespace headrace::protocols::fastchat {
namespace {

constexpr std::string_view kDone = "data: [DONE]\n\n";

std::string new_id() {
    return "chatcmpl-" + to_hex(random_bytes(12));
}

/// The members that every answer and chunk begins with.
std::string opening(const Parts& parts, std::string_view id, std::string_view object,
                    std::string_view model) {
    std::string out = "{\"id\":\"" + std::string(id) + "\",\"object\":\"" + std::string(object) +
                      "\",\"created\":" + std::to_string(parts.clock.wall() / 1000) + ",\"model\":";
    append_json_string(out, model);
    return out;
}

std::string_view text_in(const catalog::Values& output, std::string_view name) {
    const auto* value = output.find(name);
    const auto* text = value == nullptr ? nullptr : value->get<std::string>();
    return text == nullptr ? std::string_view() : std::string_view(*text);
}

http::Response job_error(const jobs::JobRecord& job) {
    if (!job.error) return api_error(code::kInternal, "the job has no answer");
    return api_error(*job.error);
}

http::Response stream_head() {
    http::Response head;
    head.content_type = http::kSseContentType;
    head.headers.add("Cache-Control", "no-cache");
    head.headers.add("X-Accel-Buffering", "no");
    return head;
}

}  // namespace

/// What the jobs of one request have consumed.
struct ClientRoutes::Usage {
    std::uint64_t prompt = 0;
    std::uint64_t completion = 0;
    void add(const jobs::JobRecord& job) {
        prompt += meter_of(job, "prompt_tokens");
        completion += meter_of(job, "completion_tokens");
    }
    [[nodiscard]] std::string text() const {
        return "{\"prompt_tokens\":" + std::to_string(prompt) +
               ",\"total_tokens\":" + std::to_string(prompt + completion) +
               ",\"completion_tokens\":" + std::to_string(completion) + '}';
    }
};

asio::awaitable<void> ClientRoutes::chat_completions(http::Exchange& exchange) const {
    Asked asked{"chat", {}, {}};
    auto body = co_await body_of(exchange);
    if (!body) {
        co_await refuse(parts_, exchange, asked, code::kValidation, body.error().message);
        co_return;
    }
    const auto request = read_chat_request(*body);
    if (!request) {
        const auto& refusal = request.error();
        co_await refuse(parts_, exchange, asked, refusal.number, refusal.message);
        co_return;
    }
    asked.model = request->model;
    auto version = find_model(parts_, caller_of(exchange), request->model);
    if (version) asked.capability = (*version)->name;
    auto input = version ? canonical(*request, **version) : fail(version.error());
    auto submission = input ? submission_of(exchange, *version, std::move(*input))
                            : fail(std::move(input).error());
    if (!submission) {
        co_await refuse(parts_, exchange, asked, submission.error());
        co_return;
    }
    if (request->stream && !parts_.jobs.accepts_streams()) {
        const Error shed{ErrorCode::unavailable, "the server is short of memory", {}, 5};
        co_await refuse(parts_, exchange, asked, shed);
        co_return;
    }
    auto permit =
        co_await admit(parts_, exchange, *submission, static_cast<std::uint64_t>(request->n));
    if (!permit) {
        co_await refuse(parts_, exchange, asked, permit.error());
        co_return;
    }
    Usage usage;
    if (request->stream) {
        co_await streamed(exchange, *request, std::move(*submission), usage);
    } else {
        co_await whole(exchange, *request, std::move(*submission), usage);
    }
    if (usage.prompt + usage.completion > 0) permit->settle(usage.prompt + usage.completion);
}

asio::awaitable<void> ClientRoutes::whole(http::Exchange& exchange, const ChatRequest& request,
                                          jobs::Submission submission, Usage& usage) const {
    std::vector<std::shared_ptr<jobs::EndWatcher>> ends;
    std::vector<Abandon> abandons;
    http::Response response(200, "application/json");
    for (std::int64_t i = 0; i < request.n; ++i) {
        auto one = submission;
        ends.push_back(std::make_shared<jobs::EndWatcher>(exchange.executor()));
        one.watcher = ends.back();
        auto accepted = co_await parts_.jobs.submit(std::move(one));
        if (!accepted) {
            const Asked asked{"chat", request.model, submission.version->name};
            const auto& error = accepted.error();
            // One that has a job is told of with it.
            if (i == 0)
                co_await refuse(parts_, exchange, asked, error);
            else
                co_await answer(exchange, api_error(error));
            co_return;
        }
        abandons.emplace_back(parts_.jobs, accepted->id);
    }
    exchange.on_hangup([ends] {
        for (const auto& end : ends) end->hang_up();
    });
    response.body = opening(parts_, new_id(), "chat.completion", request.model) + ",\"choices\":[";
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const auto outcome = co_await ends[i]->wait(std::chrono::hours(24));
        if (outcome != jobs::EndWatcher::Outcome::ended) co_return;
        abandons[i].release();
        const auto job = ends[i]->record();
        auto output = co_await outputs_of(parts_, job);
        if (job->state != jobs::JobState::succeeded || !output) {
            response = job->state != jobs::JobState::succeeded ? job_error(*job)
                                                               : api_error(output.error());
            co_await answer(exchange, std::move(response));
            co_return;
        }
        usage.add(*job);
        if (i > 0) response.body += ',';
        response.body +=
            "{\"index\":" + std::to_string(i) + ",\"message\":{\"role\":\"assistant\",\"content\":";
        append_json_string(response.body, text_in(*output, "text"));
        response.body += "},\"finish_reason\":";
        append_json_string(response.body, text_in(*output, "finish_reason"));
        response.body += '}';
    }
    response.body += "],\"usage\":" + usage.text() + '}';
    co_await answer(exchange, std::move(response));
}

/// One streamed answer under way.
struct ClientRoutes::Stream {
    http::Exchange& exchange;
    http::StreamWriter writer;
    std::string id;
    std::string model;
    std::shared_ptr<jobs::EventFeed> feed;
    Usage& usage;
    bool gone = false;
};

asio::awaitable<void> ClientRoutes::streamed(http::Exchange& exchange, const ChatRequest& request,
                                             jobs::Submission submission, Usage& usage) const {
    auto head = stream_head();
    stamp(head, exchange);
    auto writer = co_await exchange.start_stream(std::move(head));
    if (!writer) co_return;
    Stream stream{exchange, *writer, new_id(), request.model, nullptr, usage};
    exchange.on_hangup([&stream] {
        stream.gone = true;
        if (stream.feed) stream.feed->hang_up();
    });
    // One after the other, as FastChat does: its clients tell choices apart by their order.
    for (std::int64_t i = 0; i < request.n; ++i) {
        const bool more = co_await stream_choice(stream, submission, i);
        if (stream.gone) co_return;
        if (!more) break;
    }
    auto written = co_await writer->write(kDone);
    if (written) co_await writer->finish();
}

/// False: nothing is to follow but the end.
asio::awaitable<bool> ClientRoutes::stream_choice(Stream& stream, jobs::Submission submission,
                                                  std::int64_t index) const {
    const auto chunk = [&](std::string_view delta, std::string_view reason) {
        auto out = "data: " + opening(parts_, stream.id, "chat.completion.chunk", stream.model);
        out += ",\"choices\":[{\"index\":" + std::to_string(index) + ",\"delta\":";
        out.append(delta).append(",\"finish_reason\":").append(reason).append("}]}\n\n");
        return out;
    };
    const auto failed = [](int number, std::string_view message) {
        auto out = "data: " + error_chunk(number, message);
        out.pop_back();
        return out + "\n\n";
    };
    stream.feed = std::make_shared<jobs::EventFeed>(stream.exchange.executor());
    submission.watcher = stream.feed;
    const Asked asked{"chat", stream.model, submission.version->name};
    auto accepted = co_await parts_.jobs.submit(std::move(submission));
    if (!accepted) {
        const int number = number_of(accepted.error().code);
        const auto message = message_of(accepted.error());
        // Its answer has begun: 200.
        if (index == 0) tell(parts_, stream.exchange, asked, number, 200, message);
        const auto last = failed(number, message);
        auto written = co_await stream.writer.write(last);
        stream.gone = !written;
        co_return false;
    }
    Abandon abandon(parts_.jobs, accepted->id);
    auto piece = chunk(R"({"role":"assistant"})", "null");
    while (true) {
        if (!piece.empty()) {
            auto written = co_await stream.writer.write(piece);
            if (!written) stream.gone = true;
        }
        if (stream.gone || stream.feed->overrun()) {
            stream.gone = true;
            co_return false;
        }
        piece.clear();
        const auto events = co_await stream.feed->take(http::kSseCommentEvery);
        if (events.empty()) piece = http::kSseComment;
        std::uint64_t taken = 0;
        for (const auto& event : events) {
            taken += jobs::output_bytes(*event);
            if (const auto* step = std::get_if<jobs::OutputEvent>(&event->what)) {
                const auto values = catalog::decode(step->values);
                const auto text = values ? text_in(*values, "text") : std::string_view();
                if (text.empty()) continue;
                std::string delta = "{\"content\":";
                append_json_string(delta, text);
                piece += chunk(delta + '}', "null");
            } else if (const auto* done = std::get_if<jobs::DoneEvent>(&event->what)) {
                abandon.release();
                const auto& job = *done->record;
                stream.usage.add(job);
                const bool succeeded = job.state == jobs::JobState::succeeded;
                if (succeeded) {
                    auto output = co_await outputs_of(parts_, done->record);
                    const auto reason = output ? text_in(*output, "finish_reason") : "";
                    piece += chunk("{}", '"' + std::string(reason.empty() ? "stop" : reason) + '"');
                } else if (job.error) {
                    piece += failed(number_of(*job.error), job.error->message);
                }
                auto written = co_await stream.writer.write(piece);
                stream.gone = !written;
                co_return succeeded;
            }
        }
        if (taken > 0) parts_.jobs.output_taken(accepted->id, taken);
    }
}

}  // namespace headrace::protocols::fastchat
