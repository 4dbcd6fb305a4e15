#include "protocols/fastchat/fastchat.hpp"

#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/digest.hpp"
#include "http/exchange.hpp"
#include "protocols/fastchat/client_routes.hpp"
#include "protocols/fastchat/controller_routes.hpp"
#include "protocols/fastchat/errors.hpp"
#include "protocols/fastchat/registry.hpp"
#include "protocols/fastchat/worker_address.hpp"

namespace headrace::protocols::fastchat {
namespace {

http::Mount controller_mount(const char* name, std::string prefix) {
    http::Mount mount;
    mount.name = name;
    mount.prefix = std::move(prefix);
    mount.render_error = [](const Error& error, int status, const http::RequestHead&) {
        return detail(status, error.message);
    };
    return mount;
}

/// Workers send no Origin: what does is a page in somebody's browser.
std::optional<http::Response> of_no_browser(const http::Exchange& exchange) {
    if (!exchange.header("Origin")) return std::nullopt;
    return detail(403, "the controller is not for pages");
}

}  // namespace

struct FastChat::Rooms {
    Rooms(Parts parts_, Settings settings_)
        : parts(parts_),
          settings(std::move(settings_)),
          tasks(parts.core.io().get_executor()),
          registry(parts.upstreams, parts.clock, settings),
          controller(parts, settings, registry),
          client(parts, settings, tasks) {}

    Parts parts;
    Settings settings;
    TaskGroup tasks;
    Registry registry;
    ControllerRoutes controller;
    ClientRoutes client;
};

FastChat::FastChat(Parts parts, Settings settings)
    : rooms_(std::make_unique<Rooms>(parts, std::move(settings))) {}
FastChat::~FastChat() = default;

std::vector<http::Mount> FastChat::guarded_controller() const {
    if (rooms_->settings.token.empty()) return {};
    auto mount = controller_mount("fastchat_controller", std::string(kControllerPrefix));
    mount.routes = rooms_->controller.routes("/{token}");
    mount.gate = [&settings = rooms_->settings](
                     http::Exchange& exchange,
                     const http::Route&) -> std::optional<http::Response> {
        // One answer to a wrong token and to a wrong place: neither is to be found by trying.
        const bool known = equal_in_constant_time(exchange.param("token"), settings.token.reveal());
        if (!known || !is_allowed(exchange.head().peer, settings.networks)) {
            return detail(404, "Not Found");
        }
        return of_no_browser(exchange);
    };
    std::vector<http::Mount> out;
    out.push_back(std::move(mount));
    return out;
}

http::Mount FastChat::bare_controller() const {
    auto mount = controller_mount("fastchat_door", "");
    mount.routes = rooms_->controller.routes("");
    mount.gate = [](http::Exchange& exchange, const http::Route&) {
        return of_no_browser(exchange);
    };
    return mount;
}

std::vector<http::Mount> FastChat::client() const {
    return rooms_->client.mounts();
}

asio::awaitable<void> FastChat::run() {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    const auto every = std::clamp(rooms_->settings.expire / 9, std::chrono::milliseconds(100),
                                  std::chrono::milliseconds(10'000));
    for (;;) {
        rooms_->registry.sweep();
        timer.expires_after(every);
        boost::system::error_code error;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return;
    }
}

asio::awaitable<void> FastChat::stop() {
    rooms_->tasks.cancel();
    co_await rooms_->tasks.join();
}

}  // namespace headrace::protocols::fastchat
