// Workers that compute nothing: N of them dial the worker link from one process, answer each job
// with its own input after a fixed engine time, and keep sessions open. So a server is measured
// with as many workers as one likes, on one machine.
//
// Prints "ready" once every worker was welcomed; with --tell a line for each lease and cancel:
// "lease|cancel NANOSECONDS" of the monotonic clock. Ends with SIGTERM.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/loop.hpp"
#include "base/task_group.hpp"
#include "http/url.hpp"
#include "http/websocket.hpp"
#include "link/channel.hpp"
#include "link/frame.pb.h"
#include "link/protocol.hpp"
#include "link/transport.hpp"

namespace headrace::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::string url;
    std::string key;
    std::string capability = "sim";
    std::size_t workers = 1;
    std::uint32_t slots = 1;
    std::chrono::microseconds engine_time{0};
    bool stream = false;  // sessions, which end when their input does
    bool tell = false;
};

[[noreturn]] void give_up(const std::string& why) {
    std::cerr << "sim_workers: " << why << "\n";
    std::_Exit(1);
}

void say(const char* what) {
    std::printf(
        "%s %lld\n", what,
        static_cast<long long>(Clock::now().time_since_epoch() / std::chrono::nanoseconds(1)));
    std::fflush(stdout);
}

/// One worker on its link. Belongs to the loop; lives as long as the program.
class Worker final : public link::ChannelReceiver {
  public:
    Worker(const Options& options, Loop& loop, std::size_t number, std::function<void()> welcomed)
        : options_(options),
          loop_(loop),
          number_(number),
          welcomed_(std::move(welcomed)),
          timer_(loop.io()),
          heartbeat_(loop.io()) {}

    void start(std::unique_ptr<http::WebSocket> socket) {
        channel_ = std::make_unique<link::Channel>(
            loop_, link::make_websocket_transport(loop_, std::move(socket)));
        channel_->start(*this);
        wire::Frame frame;
        auto& hello = *frame.mutable_hello();
        hello.set_protocol(link::kProtocol);
        hello.set_name(options_.capability + "/" + std::to_string(number_));
        hello.set_host("localhost");
        hello.set_pid(static_cast<std::uint32_t>(::getpid()));
        hello.set_kit("sim 1");
        hello.set_slots(options_.slots);
        hello.set_batch_limit(link::kMaxJobsPerFrame);
        auto& offer = *hello.add_offers();
        offer.set_capability(options_.capability);
        offer.set_version("1.0.0");
        offer.set_slots(options_.slots);
        const std::string field = R"({"text":{"kind":"text"}})";
        offer.set_interface(std::string("{") + (options_.stream ? R"("mode":"stream",)" : "") +
                            R"("inputs":)" + field + R"(,"outputs":)" + field + "}");
        channel_->send(frame);
    }

    void on_frame(wire::Frame& frame, std::string_view) override {
        if (frame.has_welcome()) return on_welcome(frame.welcome());
        if (frame.has_lease()) return on_lease(*frame.mutable_lease());
        if (frame.has_cancel()) return on_cancel(frame.cancel());
        if (frame.has_input() && frame.input().step().last()) end_session(frame.input().ref());
    }

    void on_closed(const link::CloseReason& reason) override {
        give_up("a link was closed: " + reason.text);
    }

  private:
    struct Running {
        wire::JobRef ref;
        std::string values;
    };

    void on_welcome(const wire::Welcome& welcome) {
        if (!welcome.error().empty()) give_up("refused: " + welcome.error());
        beat(std::chrono::milliseconds(std::max<std::uint32_t>(welcome.heartbeat_ms() / 2, 1)));
        send_credit(options_.slots);
        welcomed_();
    }

    void send_credit(std::uint32_t slots) {
        wire::Frame frame;
        frame.mutable_credit()->add_offers(0);
        frame.mutable_credit()->set_slots(slots);
        channel_->send(frame);
    }

    void on_lease(wire::Lease& lease) {
        const auto due = Clock::now() + options_.engine_time;
        for (auto& batch : *lease.mutable_batches()) {
            for (auto& job : *batch.mutable_jobs()) {
                if (options_.tell) say("lease");
                running_.emplace(
                    due, Running{std::move(*job.mutable_ref()), std::move(*job.mutable_values())});
            }
        }
        if (options_.stream) return;
        if (options_.engine_time.count() == 0) return finish_due();
        arm();
    }

    void arm() {
        if (running_.empty()) return;
        timer_.expires_at(running_.begin()->first);
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) finish_due();
        });
    }

    /// All that are due, in one frame, and their credit.
    void finish_due() {
        wire::Frame results;
        std::uint32_t count = 0;
        const auto now = Clock::now();
        while (!running_.empty() && running_.begin()->first <= now &&
               count < link::kMaxJobsPerFrame) {
            auto done = running_.extract(running_.begin());
            auto& result = *results.mutable_result()->add_results();
            *result.mutable_ref() = std::move(done.mapped().ref);
            result.set_values(std::move(done.mapped().values));
            result.set_engine_us(static_cast<std::uint64_t>(options_.engine_time.count()));
            ++count;
        }
        if (count > 0) {
            channel_->send(results);
            send_credit(count);
        }
        arm();
    }

    void on_cancel(const wire::Cancel& cancel) {
        for (const auto& ref : cancel.refs()) {
            if (options_.tell) say("cancel");
            if (!forget(ref)) continue;
            wire::Frame frame;
            auto& failure = *frame.mutable_failure()->add_failures();
            failure.set_code("cancelled");
            *failure.mutable_ref() = ref;
            channel_->send(frame);
            send_credit(1);
        }
    }

    void end_session(const wire::JobRef& ref) {
        if (!forget(ref)) return;
        wire::Frame frame;
        *frame.mutable_result()->add_results()->mutable_ref() = ref;
        channel_->send(frame);
        send_credit(1);
    }

    bool forget(const wire::JobRef& ref) {
        const auto found = std::ranges::find_if(
            running_, [&](const auto& one) { return one.second.ref.job() == ref.job(); });
        if (found == running_.end()) return false;
        running_.erase(found);
        return true;
    }

    void beat(std::chrono::milliseconds pause) {
        heartbeat_.expires_after(pause);
        heartbeat_.async_wait([this, pause](const boost::system::error_code& error) {
            if (error) return;
            wire::Frame frame;
            frame.mutable_ping()->set_nonce(1);
            channel_->send(frame);
            beat(pause);
        });
    }

    const Options& options_;
    Loop& loop_;
    const std::size_t number_;
    std::function<void()> welcomed_;
    std::unique_ptr<link::Channel> channel_;
    std::multimap<Clock::time_point, Running> running_;
    asio::steady_timer timer_;
    asio::steady_timer heartbeat_;
};

class Fleet {
  public:
    explicit Fleet(const Options& options) : options_(options) {}

    void run() {
        tasks_.spawn("dial", dial());
        loop_.run();
    }

  private:
    asio::awaitable<void> dial() {
        auto url = http::Url::parse(options_.url);
        if (!url) give_up(url.error().message);
        http::Headers headers;
        headers.set("Authorization", "Bearer " + options_.key);
        http::WebSocketLimits limits;
        limits.max_message_bytes = link::kMaxFrame + 1024;
        const http::TlsClientSettings tls;
        const std::chrono::milliseconds timeout{20'000};
        for (std::size_t i = 0; i < options_.workers; ++i) {
            auto socket = co_await http::connect_websocket(*url, headers, tls, timeout, limits);
            if (!socket) give_up(socket.error().message);
            workers_.push_back(
                std::make_unique<Worker>(options_, loop_, i, [this] { on_welcomed(); }));
            workers_.back()->start(std::move(*socket));
        }
    }

    void on_welcomed() {
        if (++welcomed_ < options_.workers) return;
        std::puts("ready");
        std::fflush(stdout);
    }

    const Options& options_;
    Loop loop_{"sim"};
    TaskGroup tasks_{loop_.io().get_executor()};
    std::vector<std::unique_ptr<Worker>> workers_;
    std::size_t welcomed_ = 0;
};

std::string first_line(const std::string& file) {
    std::ifstream in(file);
    std::string line;
    if (!std::getline(in, line)) throw std::runtime_error(file + " cannot be read");
    return line;
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--stream") {
            options.stream = true;
            continue;
        }
        if (word == "--tell") {
            options.tell = true;
            continue;
        }
        if (i + 1 >= argc) throw std::runtime_error(std::string(word) + " wants a value");
        const std::string value = argv[++i];
        if (word == "--url")
            options.url = value;
        else if (word == "--key-file")
            options.key = first_line(value);
        else if (word == "--capability")
            options.capability = value;
        else if (word == "--workers")
            options.workers = std::stoul(value);
        else if (word == "--slots")
            options.slots = static_cast<std::uint32_t>(std::stoul(value));
        else if (word == "--engine-us")
            options.engine_time = std::chrono::microseconds(std::stoll(value));
        else
            throw std::runtime_error("no option " + std::string(word));
    }
    if (options.url.empty() || options.key.empty())
        throw std::runtime_error(
            "usage: sim_workers --url URL --key-file FILE [--capability NAME] [--workers N] "
            "[--slots N] [--engine-us US] [--stream] [--tell]");
    return options;
}

}  // namespace
}  // namespace headrace::bench

int main(int argc, char** argv) {
    try {
        const auto options = headrace::bench::parse(argc, argv);
        headrace::bench::Fleet(options).run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "sim_workers: " << error.what() << "\n";
        return 1;
    }
}
