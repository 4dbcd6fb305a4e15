#include "main/remote_workers.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace headrace::main {
namespace {

constexpr auto kKeyCheckEvery = std::chrono::seconds(1);

}  // namespace

void RemoteWorkers::link(std::unique_ptr<http::WebSocket> socket, const access::Principal& who) {
    core_loop_.dispatch([this, socket = std::move(socket), who]() mutable {
        const auto tenant = who.tenant;
        const auto key = who.key_id;
        seen_.insert_or_assign(key, std::move(who));
        hub_.accept_websocket(std::move(socket), tenant, key);
    });
}

void RemoteWorkers::key_revoked(const std::string& key_id) {
    core_loop_.dispatch([this, key_id] {
        hub_.key_revoked(key_id);
        seen_.erase(key_id);
    });
}

asio::awaitable<void> RemoteWorkers::watch_keys() {
    asio::steady_timer timer(core_loop_.io());
    while (true) {
        timer.expires_after(kKeyCheckEvery);
        co_await timer.async_wait(asio::use_awaitable);
        for (auto it = seen_.begin(); it != seen_.end();) {
            if (keys_.still_valid(it->second)) {
                ++it;
                continue;
            }
            hub_.key_revoked(it->first);
            it = seen_.erase(it);
        }
    }
}

}  // namespace headrace::main
