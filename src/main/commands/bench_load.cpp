#include "main/commands/bench_load.hpp"

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/json.hpp"
#include "base/task_group.hpp"
#include "http/sse_reader.hpp"
#include "main/commands/api.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(250);
constexpr std::size_t kMostEvent = 64 * 1024 * 1024;

Clock::duration to_clock(std::chrono::duration<double> time) {
    return std::chrono::duration_cast<Clock::duration>(time);
}

BenchCall failed(const Error& error) {
    return {std::string(to_string(error.code)), error.message, 0, {}};
}

/// Of a job that has ended: "" or why it did not succeed.
BenchCall judge_job(std::string_view text) {
    const auto job = parse_json(text, {.max_depth = 512});
    if (!job) return failed(job.error());
    const auto state = show(*job, "state");
    if (state == "succeeded") return {};
    const auto code = show(*job, "error.code");
    return {code.empty() ? state : code, show(*job, "error.message"), 0, {}};
}

/// One run of a plan: its loop, its callers and what they have counted.
class Run {
  public:
    explicit Run(const BenchPlan& plan) : plan_(plan) {}

    BenchCall one() {
        BenchCall found;
        tasks_.spawn("call", keep_one(found));
        io_.run();
        return found;
    }

    BenchResult all(const std::function<void(const BenchResult&)>& on_tick) {
        on_tick_ = &on_tick;
        signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            result_.interrupted = true;
            tasks_.cancel();
        });
        begin_ = Clock::now();
        end_ = begin_ + to_clock(plan_.time);
        tick();
        active_ = plan_.callers;
        for (std::size_t i = 0; i < plan_.callers; ++i) tasks_.spawn("caller", caller());
        io_.run();
        return std::move(result_);
    }

  private:
    asio::awaitable<void> keep_one(BenchCall& found) {
        http::Client client(io_.get_executor(), plan_.client);
        found = co_await call(client);
    }

    asio::awaitable<void> caller() {
        http::Client client(io_.get_executor(), plan_.client);
        asio::steady_timer timer(io_);
        while (const auto due = next_due()) {
            if (plan_.rate > 0) {
                timer.expires_at(*due);
                boost::system::error_code ignored;
                co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
                if (result_.interrupted) break;
            }
            auto done = co_await call(client);
            if (result_.interrupted) break;
            take(*due, done);
        }
        if (--active_ > 0) co_return;
        result_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
        tick_.cancel();
        signals_.cancel();
    }

    /// When the next call is to be begun; nullopt once there is none.
    std::optional<Clock::time_point> next_due() {
        if (result_.interrupted) return std::nullopt;
        if (plan_.calls > 0 && begun_ >= plan_.calls) return std::nullopt;
        auto due = Clock::now();
        if (plan_.rate > 0) {
            const std::chrono::duration<double> after(static_cast<double>(begun_) / plan_.rate);
            due = begin_ + to_clock(after);
        }
        if (plan_.calls == 0 && due >= end_) return std::nullopt;
        ++begun_;
        return due;
    }

    asio::awaitable<BenchCall> call(http::Client& client) {
        http::ClientRequest request;
        request.method = "POST";
        request.url = plan_.url;
        request.headers = plan_.headers;
        request.body = plan_.body;
        request.over_kept = true;
        if (plan_.mode == BenchMode::stream) co_return co_await streamed(client, request);
        auto answer = co_await client.send(std::move(request));
        if (!answer) co_return failed(answer.error());
        co_return judge_answer(plan_.mode, answer->status, answer->body);
    }

    asio::awaitable<BenchCall> streamed(http::Client& client, http::ClientRequest& request) {
        auto stream = co_await client.open(std::move(request));
        if (!stream) co_return failed(stream.error());
        BenchCall out{"unavailable", "the stream ended before the job did", 0, {}};
        const bool is_stream = stream->status() < 400;
        std::string problem;
        http::SseReader reader(kMostEvent);
        while (true) {
            auto piece = co_await stream->read_some();
            if (!piece) co_return failed(piece.error());
            if (!*piece) break;
            if (!is_stream) {
                problem += **piece;
                continue;
            }
            const auto events = reader.feed(**piece);
            if (!events) co_return failed(events.error());
            for (const auto& event : *events) hear(event, out);
        }
        const int status = stream->status();
        client.give_back(std::move(*stream));
        if (!is_stream) co_return judge_answer(plan_.mode, status, problem);
        co_return out;
    }

    static void hear(const http::SseEvent& event, BenchCall& out) {
        if (event.event == "output") {
            if (out.outputs++ == 0) out.first_output = Clock::now();
        } else if (event.event == "done") {
            auto end = judge_job(event.data);
            out.error = std::move(end.error);
            out.message = std::move(end.message);
        }
    }

    void take(Clock::time_point due, const BenchCall& done) {
        if (!done.error.empty()) {
            ++result_.failed;
            ++result_.errors[done.error];
            return;
        }
        ++result_.good;
        result_.latency.record(Clock::now() - due);
        result_.outputs += done.outputs;
        if (done.outputs > 0) result_.first_output.record(done.first_output - due);
    }

    void tick() {
        tick_.expires_after(kTick);
        tick_.async_wait([this](const boost::system::error_code& error) {
            if (error) return;
            result_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
            (*on_tick_)(result_);
            tick();
        });
    }

    const BenchPlan& plan_;
    asio::io_context io_{1};
    TaskGroup tasks_{io_.get_executor()};
    asio::steady_timer tick_{io_};
    asio::signal_set signals_{io_, SIGINT, SIGTERM};
    const std::function<void(const BenchResult&)>* on_tick_ = nullptr;
    BenchResult result_;
    Clock::time_point begin_;
    Clock::time_point end_;
    std::uint64_t begun_ = 0;
    std::size_t active_ = 0;
};

}  // namespace

BenchCall judge_answer(BenchMode mode, int status, std::string_view body) {
    if (status >= 400) return failed(problem_of(status, body));
    if (mode == BenchMode::durable) return {};
    if (status == 202) return {"promoted", "the wait ran out; the job goes on", 0, {}};
    return judge_job(body);
}

Result<void> BenchLoad::try_one() const {
    const auto found = Run(plan_).one();
    if (found.error.empty()) return {};
    Error error;
    error.code = error_code_from(found.error);
    error.message = found.message.empty() ? found.error : found.message;
    return fail(std::move(error));
}

BenchResult BenchLoad::run(const std::function<void(const BenchResult&)>& on_tick) const {
    return Run(plan_).all(on_tick);
}

}  // namespace headrace::main
