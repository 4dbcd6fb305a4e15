#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "access/limits.hpp"
#include "base/json.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"
#include "protocols/fastchat/parts.hpp"
#include "protocols/fastchat/registry.hpp"
#include "upstreams/connections.hpp"

namespace headrace::protocols::fastchat {

namespace asio = boost::asio;

/// What FastChat's workers and its own API server speak to: the controller's routes, on any I/O
/// loop. The registry behind them is on the core's.
class ControllerRoutes {
  public:
    ControllerRoutes(Parts parts, const Settings& settings, Registry& registry)
        : parts_(parts), settings_(settings), registry_(registry) {}

    /// `prefix` of each pattern: "" on a door of its own, "/{token}" on the control door.
    [[nodiscard]] std::vector<http::Route> routes(const std::string& prefix) const;

  private:
    using Reply = Result<http::Response>;
    using Handler = asio::awaitable<Reply> (ControllerRoutes::*)(http::Exchange&) const;

    asio::awaitable<void> answer(http::Exchange& exchange, Handler handler) const;
    asio::awaitable<Result<json::object>> body_of(http::Exchange& exchange) const;
    asio::awaitable<Result<WorkerStatus>> status_of(http::Url url, asio::ip::address address) const;
    asio::awaitable<Reply> models(Registry::Which which) const;

    asio::awaitable<Reply> register_worker(http::Exchange& exchange) const;
    asio::awaitable<Reply> receive_heart_beat(http::Exchange& exchange) const;
    asio::awaitable<Reply> refresh_all_workers(http::Exchange& exchange) const;
    asio::awaitable<Reply> list_models(http::Exchange& exchange) const;
    asio::awaitable<Reply> list_multimodal_models(http::Exchange& exchange) const;
    asio::awaitable<Reply> list_language_models(http::Exchange& exchange) const;
    asio::awaitable<Reply> get_worker_address(http::Exchange& exchange) const;
    asio::awaitable<Reply> worker_get_status(http::Exchange& exchange) const;
    asio::awaitable<Reply> test_connection(http::Exchange& exchange) const;
    // worker_stream.cpp
    asio::awaitable<void> worker_generate_stream(http::Exchange& exchange) const;
    class Place;
    class Waiting;
    struct Ask {
        std::string model;
        std::uint64_t max_tokens = 0;  // that the answer may have; 0 = not said
    };
    static Result<Ask> ask_in(std::string_view body);
    asio::awaitable<Result<access::Permit>> admit(const Ask& ask, std::size_t bytes) const;
    asio::awaitable<bool> pass_on(http::Exchange& exchange, Place& place, std::string body,
                                  upstreams::Abort& abort, std::uint64_t& used) const;

    Parts parts_;
    const Settings& settings_;
    Registry& registry_;
};

/// What a worker's status says; invalid_argument when it is none.
Result<WorkerStatus> read_status(const json::object& status);

}  // namespace headrace::protocols::fastchat
