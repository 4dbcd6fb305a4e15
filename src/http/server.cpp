#include "http/server.hpp"

#include <fcntl.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "http/listener.hpp"
#include "http/shard.hpp"

namespace headrace::http {
namespace {

constexpr milliseconds kDrainPoll{10};
constexpr milliseconds kCutTime{2000};

Result<TlsContext> load_tls(const DoorSettings& settings) {
    if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
        return fail(ErrorCode::invalid_argument, settings.name + ".tls_certificate and " +
                                                     settings.name +
                                                     ".tls_key must be set together");
    }
    if (settings.tls_certificate.empty()) return TlsContext{};
    auto context = make_server_tls(settings.tls_certificate, settings.tls_key);
    if (!context) {
        return fail(context.error().code, settings.name + ".tls_certificate, " + settings.name +
                                              ".tls_key: " + context.error().message);
    }
    return context;
}

}  // namespace

struct Door::State {
    std::shared_ptr<DoorCore> core;
    ListenAddress address;
    Listener first;
    std::vector<std::shared_ptr<Shard>> shards;
    bool stopped = false;
};

Door::Door(std::unique_ptr<State> state) : state_(std::move(state)) {}

Door::~Door() {
    if (!state_->stopped && state_->address.is_unix()) {
        ::unlink(state_->address.unix_path.c_str());
    }
}

Result<std::unique_ptr<Door>> Door::make(DoorSettings settings, std::vector<Mount> mounts,
                                         Observer observer) {
    auto state = std::make_unique<State>();
    auto address = parse_listen(settings.listen, settings.name + ".listen");
    if (!address) return fail(std::move(address).error());
    state->address = *address;
    const bool loopback = !address->is_unix() && address->ip.is_loopback();
    if (!address->is_unix() && !loopback && settings.tls_certificate.empty() &&
        !settings.insecure) {
        return fail(ErrorCode::invalid_argument,
                    settings.name + ".listen: " + settings.listen +
                        " is reachable from other machines without TLS: set " + settings.name +
                        ".tls_certificate and " + settings.name + ".tls_key, or " + settings.name +
                        ".insecure = true");
    }
    auto tls = load_tls(settings);
    if (!tls) return fail(std::move(tls).error());
    auto router = Router::make(std::move(mounts), settings.classes);
    if (!router) {
        return fail(router.error().code, "door " + settings.name + ": " + router.error().message);
    }
    auto first = listen_on(*address, true);
    if (!first) {
        return fail(first.error().code, settings.name + ".listen: " + first.error().message);
    }
    state->first = std::move(*first);
    state->core = std::make_shared<DoorCore>();
    auto& core = *state->core;
    core.is_unix = address->is_unix();
    core.is_loopback = loopback;
    core.hosts = settings.allowed_hosts;
    for (auto& host : (*router)->hosts()) core.hosts.push_back(std::move(host));
    core.router = std::move(*router);
    core.observer = std::move(observer);
    core.settings = std::move(settings);
    core.set_tls(std::move(*tls));
    return std::unique_ptr<Door>(new Door(std::move(state)));
}

Result<void> Door::start(std::span<Loop* const> loops) {
    auto address = state_->address;
    address.port = state_->first.port;
    for (std::size_t i = 0; i < loops.size(); ++i) {
        UniqueFd socket;
        if (i + 1 == loops.size()) {
            socket = std::move(state_->first.socket);
        } else if (address.is_unix()) {
            // One queue for all loops: whoever wakes first takes.
            socket = UniqueFd(::fcntl(state_->first.socket.get(), F_DUPFD_CLOEXEC, 0));
        } else {
            auto more = listen_on(address, false);
            if (!more) return fail(std::move(more).error());
            socket = std::move(more->socket);
        }
        state_->shards.push_back(
            std::make_shared<Shard>(state_->core, *loops[i], std::move(socket)));
    }
    for (const auto& shard : state_->shards) {
        shard->loop().dispatch([shard] { shard->start(); });
    }
    return {};
}

void Door::stop_accepting() {
    if (state_->stopped) return;
    state_->stopped = true;
    if (state_->address.is_unix()) ::unlink(state_->address.unix_path.c_str());
    for (const auto& shard : state_->shards) {
        shard->loop().dispatch([shard] { shard->stop_accepting(); });
    }
}

void Door::close_idle() {
    for (const auto& shard : state_->shards) {
        shard->loop().post([shard] { shard->close_idle(); });
    }
}

void Door::shed_streams(bool on) {
    state_->core->shed_streams.store(on, std::memory_order_relaxed);
}

asio::awaitable<bool> Door::drain(std::chrono::milliseconds grace) {
    stop_accepting();
    const auto core = state_->core;
    core->draining = true;
    for (const auto& shard : state_->shards) {
        shard->loop().dispatch([shard] { shard->begin_drain(); });
    }
    asio::steady_timer timer(co_await asio::this_coro::executor);
    const auto began = std::chrono::steady_clock::now();
    while (core->connections > 0 && std::chrono::steady_clock::now() - began < grace) {
        timer.expires_after(kDrainPoll);
        co_await timer.async_wait(asio::use_awaitable);
    }
    const auto left = core->connections.load();
    if (left > 0) log::warn("connections cut door={} count={}", core->settings.name, left);
    for (const auto& shard : state_->shards) {
        shard->loop().dispatch([shard] { shard->cut(); });
    }
    const auto cut = std::chrono::steady_clock::now();
    while (core->connections > 0 && std::chrono::steady_clock::now() - cut < kCutTime) {
        timer.expires_after(kDrainPoll);
        co_await timer.async_wait(asio::use_awaitable);
    }
    co_return left == 0;
}

Result<void> Door::reload_tls() {
    auto context = load_tls(state_->core->settings);
    if (!context) return fail(std::move(context).error());
    if (*context) state_->core->set_tls(std::move(*context));
    return {};
}

std::uint16_t Door::bound_port() const {
    return state_->first.port;
}

std::string Door::address() const {
    if (state_->address.is_unix()) return "unix:" + state_->address.unix_path;
    const auto ip = state_->address.ip.to_string();
    return (state_->core->settings.tls_certificate.empty() ? "http://" : "https://") +
           (state_->address.ip.is_v6() ? "[" + ip + "]" : ip) + ":" +
           std::to_string(state_->first.port);
}

std::size_t Door::connections() const {
    return state_->core->connections;
}

}  // namespace headrace::http
