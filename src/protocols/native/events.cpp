// Events of jobs as server-sent events: of a job that this very request made, and of any other.
#include <algorithm>
#include <charconv>
#include <chrono>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/json.hpp"
#include "http/sse.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/job_permit.hpp"
#include "protocols/native/job_routes.hpp"
#include "protocols/native/limits_json.hpp"

namespace headrace::protocols::native {
namespace {

Result<std::uint64_t> last_event_id(const http::Exchange& exchange) {
    const auto text = exchange.header("Last-Event-ID");
    if (!text || text->empty()) return 0;
    std::uint64_t id = 0;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), id);
    if (read.ec != std::errc{} || read.ptr != text->data() + text->size()) {
        return fail(invalid("Last-Event-ID", "type:integer", "", "Last-Event-ID is no id of ours"));
    }
    return id;
}

http::Response stream_head(bool replay) {
    http::Response head;
    head.content_type = http::kSseContentType;
    head.headers.add("Cache-Control", "no-store");
    // nginx would hold small events back.
    head.headers.add("X-Accel-Buffering", "no");
    if (replay) head.headers.add("Idempotent-Replay", "true");
    return head;
}

std::string state_data(const jobs::StateEvent& event) {
    std::string data = "{\"state\":\"";
    data += jobs::to_string(event.state);
    data += "\",\"attempt\":";
    data += std::to_string(event.attempt);
    data += '}';
    return data;
}

std::string log_data(const jobs::LogEvent& event) {
    std::string data = "{\"stream\":";
    append_json_string(data, event.stream);
    data += ",\"line\":";
    append_json_string(data, event.line);
    data += ",\"at\":\"" + to_rfc3339(event.at) + "\"}";
    return data;
}

std::string output_data(const jobs::OutputEvent& event, const Links& links) {
    std::string data = "{\"output\":";
    if (!append_values(data, event.values, links, nullptr)) data += "{}";
    data += event.last ? ",\"last\":true}" : ",\"last\":false}";
    return data;
}

/// Any event but the job's end.
void append_event(std::string& out, const jobs::JobEvent& event, const Links& links) {
    if (const auto* state = std::get_if<jobs::StateEvent>(&event.what)) {
        http::append_sse(out, event.id, "state", state_data(*state));
    } else if (const auto* progress = std::get_if<jobs::Progress>(&event.what)) {
        std::string data;
        append_progress(data, *progress, links);
        http::append_sse(out, event.id, "progress", data);
    } else if (const auto* line = std::get_if<jobs::LogEvent>(&event.what)) {
        http::append_sse(out, event.id, "log", log_data(*line));
    } else if (const auto* output = std::get_if<jobs::OutputEvent>(&event.what)) {
        http::append_sse(out, event.id, "output", output_data(*output, links));
    }
}

/// Ends a subscription, whatever the way out.
class Watching {
  public:
    Watching(jobs::Service& jobs, jobs::WatchTicket ticket) : jobs_(jobs), ticket_(ticket) {}
    ~Watching() { jobs_.unwatch(ticket_); }
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

  private:
    jobs::Service& jobs_;
    jobs::WatchTicket ticket_;
};

}  // namespace

asio::awaitable<void> JobRoutes::append_done(std::string& out, std::uint64_t id,
                                             const jobs::JobRecord& job, const Links& links) {
    auto text = co_await job_text(site_, job, std::nullopt, links);
    // The output's blob may be gone by now; the job itself still is what it is.
    if (!text) {
        text = std::string();
        append_job(*text, job, links, JobShape{});
    }
    http::append_sse(out, id, "done", *text);
}

/// Writes events until the job's end (true), or until the reader is gone or too slow (false).
asio::awaitable<bool> JobRoutes::pump(http::Exchange& exchange,
                                      std::shared_ptr<jobs::EventFeed> feed, JobId job, bool replay,
                                      JobPermit* permit) {
    auto head = stream_head(replay);
    if (permit) add_limit_headers(head.headers, permit->view());
    auto writer = co_await exchange.start_stream(std::move(head), true);
    if (!writer) co_return false;
    exchange.on_hangup([feed] { feed->hang_up(); });
    const auto links = links_of(site_, exchange);
    std::string piece;
    auto comment_at = std::chrono::steady_clock::now() + http::kSseCommentEvery;
    // The head goes with what comes in this turn of the loop, else alone.
    co_await asio::post(exchange.executor(), asio::use_awaitable);
    for (bool first = true;; first = false) {
        std::vector<jobs::EventFeed::Event> events;
        if (!first || feed->ready()) {
            const auto left = comment_at - std::chrono::steady_clock::now();
            events =
                co_await feed->take(std::chrono::ceil<milliseconds>(std::max(left, left.zero())));
        }
        if (feed->gone() || feed->overrun()) co_return false;
        piece.clear();
        if (std::chrono::steady_clock::now() >= comment_at) {
            piece = http::kSseComment;
            comment_at += http::kSseCommentEvery;
        }
        std::uint64_t taken = 0;
        for (const auto& event : events) {
            if (const auto* done = std::get_if<jobs::DoneEvent>(&event->what)) {
                if (permit) permit->ended(done->record->usage);
                co_await append_done(piece, event->id, *done->record, links);
                co_await writer->finish(piece);
                co_return true;
            }
            append_event(piece, *event, links);
            taken += jobs::output_bytes(*event);
        }
        if (piece.empty() && !first) continue;
        auto written = co_await writer->write(piece);
        if (!written) co_return false;
        if (taken > 0) site_.parts.jobs.output_taken(job, taken);
    }
}

asio::awaitable<void> JobRoutes::stream_new(http::Exchange& exchange, jobs::Submission submission,
                                            JobPermit* permit) {
    const bool interactive = submission.job_class == jobs::JobClass::interactive;
    auto feed = std::make_shared<jobs::EventFeed>(exchange.executor());
    auto scope = jobs::Scope{submission.tenant, std::nullopt};
    submission.watcher = feed;
    auto accepted = co_await site_.parts.jobs.submit(std::move(submission));
    if (!accepted) {
        if (permit) permit->withdraw();
        co_await answer_error(exchange, std::move(accepted).error());
        co_return;
    }
    if (permit && !interactive) permit->handed_over();
    const JobId id = accepted->id;
    if (interactive) {
        Abandon abandon(site_.parts.jobs, id);
        const bool ended = co_await pump(exchange, feed, id, false, permit);
        if (ended) abandon.release();
        co_return;
    }
    std::optional<Watching> watching;
    if (accepted->replay) {
        // The twin reads the events of the job that is already there.
        feed = std::make_shared<jobs::EventFeed>(exchange.executor());
        auto ticket = co_await site_.parts.jobs.watch(std::move(scope), id, 0, feed);
        if (!ticket) {
            co_await answer_error(exchange, std::move(ticket).error());
            co_return;
        }
        watching.emplace(site_.parts.jobs, *ticket);
    }
    co_await pump(exchange, feed, id, accepted->replay, permit);
}

asio::awaitable<void> JobRoutes::events(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    const auto after = last_event_id(exchange);
    if (!after) {
        co_await answer_error(exchange, after.error());
        co_return;
    }
    auto view = co_await find_job(site_, who, exchange.param("id"));
    if (!view) {
        co_await answer_error(exchange, std::move(view).error());
        co_return;
    }
    const JobId id = view->record->id;
    auto feed = std::make_shared<jobs::EventFeed>(exchange.executor());
    auto scope = scope_of(who);
    auto ticket = co_await site_.parts.jobs.watch(std::move(scope), id, *after, feed);
    if (!ticket) {
        co_await answer_error(exchange, std::move(ticket).error());
        co_return;
    }
    const Watching watching(site_.parts.jobs, *ticket);
    co_await pump(exchange, feed, id, false, nullptr);
}

}  // namespace headrace::protocols::native
