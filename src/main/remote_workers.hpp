#pragma once

#include <map>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/keys.hpp"
#include "base/loop.hpp"
#include "http/websocket.hpp"
#include "workers/hub/hub.hpp"

namespace headrace::main {

/// Workers that dial in: hands their sockets to the hub, and ends the links of keys that are
/// revoked or run out.
class RemoteWorkers {
  public:
    RemoteWorkers(workers::hub::Hub& hub, const access::KeyRing& keys, Loop& core_loop)
        : hub_(hub), keys_(keys), core_loop_(core_loop) {}

    /// Any loop.
    void link(std::unique_ptr<http::WebSocket> socket, const access::Principal& who);
    void key_revoked(const std::string& key_id);
    /// Ends the links of keys that run out. Runs for ever on the core's loop.
    asio::awaitable<void> watch_keys();

  private:
    workers::hub::Hub& hub_;
    const access::KeyRing& keys_;
    Loop& core_loop_;
    std::map<std::string, access::Principal> seen_;  // by key id
};

}  // namespace headrace::main
