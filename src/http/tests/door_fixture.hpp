#pragma once
// A door on a loop of its own thread, and raw blocking clients against it.

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/unique_fd.hpp"
#include "http/exchange.hpp"
#include "http/server.hpp"

namespace headrace::http::testing {

/// A loop with its thread.
class LoopThread {
  public:
    LoopThread() : thread_([this] { loop_.run(); }) {}
    ~LoopThread() {
        loop_.stop();
        thread_.join();
    }
    Loop& loop() { return loop_; }

    /// Runs a coroutine on the loop and waits for what it returns.
    template <class T>
    T await(asio::awaitable<T> task) {
        return asio::co_spawn(loop_.io(), std::move(task), asio::use_future).get();
    }

  private:
    Loop loop_{"test"};
    std::thread thread_;
};

/// An answer as the wire showed it.
struct RawResponse {
    int status = 0;
    std::string head;
    std::string body;
    [[nodiscard]] bool has(std::string_view text) const {
        return head.find(text) != std::string::npos;
    }
};

/// A blocking client socket; every read ends within a minute.
class RawClient {
  public:
    explicit RawClient(std::uint16_t port);
    explicit RawClient(const std::string& unix_path);

    RawClient& send(std::string_view bytes);
    void half_close();
    void close() { fd_.reset(); }
    /// More bytes; empty at the end of the connection.
    std::string read_some();
    std::string read_exactly(std::size_t count);
    std::string read_to_end();
    std::string read_until(std::string_view mark);
    /// One answer by Content-Length, by chunks (decoded), or to the end.
    RawResponse read_response(bool head_only = false);
    /// True when the server closes within the time, whatever it sends before.
    bool ends();

  private:
    UniqueFd fd_;
    std::string in_;
};

class DoorTest : public ::testing::Test {
  protected:
    ~DoorTest() override;

    void get(std::string pattern, Handler handler, std::size_t body_limit = 0);
    void post(std::string pattern, Handler handler, std::size_t body_limit = 0);
    void route(Method method, std::string pattern, Handler handler, std::size_t body_limit = 0);
    /// Opens the door with the routes given so far.
    void open();
    RawClient connect() { return RawClient(door_->bound_port()); }
    RawResponse ask(std::string_view request);

    DoorSettings settings_ = [] {
        DoorSettings settings;
        settings.listen = "127.0.0.1:0";
        return settings;
    }();
    Mount mount_ = [] {
        Mount mount;
        mount.name = "test";
        mount.render_error = [](const Error& error, int status, const RequestHead&) {
            return Response{status,
                            "application/json",
                            "{\"code\":\"" + std::string(to_string(error.code)) + "\"}",
                            {}};
        };
        return mount;
    }();
    Observer observer_;
    LoopThread loop_thread_;
    std::unique_ptr<Door> door_;
};

/// "GET <target>" with a Host and nothing else.
std::string get_request(std::string_view target, std::string_view more = "");
std::string post_request(std::string_view target, std::string_view body,
                         std::string_view more = "");

// Handlers the tests share.
asio::awaitable<void> answer_hello(Exchange& exchange);
asio::awaitable<void> answer_echo(Exchange& exchange);

}  // namespace headrace::http::testing
