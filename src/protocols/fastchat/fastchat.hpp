#pragma once

#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "http/route.hpp"
#include "protocols/fastchat/parts.hpp"

namespace headrace::protocols::fastchat {

namespace asio = boost::asio;

/// FastChat's dialect: its controller for workers, and the routes of its API server that OpenAI's
/// API does not have (docs/protocols/fastchat.md). Make it after `upstreams` and before the doors;
/// it outlives both doors and core.
class FastChat {
  public:
    FastChat(Parts parts, Settings settings);
    ~FastChat();
    FastChat(const FastChat&) = delete;
    FastChat& operator=(const FastChat&) = delete;

    /// For the control door: /fastchat/<token>. None without a token.
    [[nodiscard]] std::vector<http::Mount> guarded_controller() const;
    /// For a door of its own on loopback: the same at the root.
    [[nodiscard]] http::Mount bare_controller() const;
    /// For a door that serves callers.
    [[nodiscard]] std::vector<http::Mount> client() const;

    /// Forgets workers that beat no more; on the core's loop, until it is cancelled.
    asio::awaitable<void> run();
    /// Ends when nothing of ours is under way on the core's loop.
    asio::awaitable<void> stop();

  private:
    struct Rooms;
    std::unique_ptr<Rooms> rooms_;
};

}  // namespace headrace::protocols::fastchat
