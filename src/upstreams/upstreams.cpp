#include "upstreams/upstreams.hpp"

#include <algorithm>
#include <random>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "catalog/catalog.hpp"
#include "jobs/core.hpp"
#include "upstreams/outside.hpp"
#include "upstreams/pools.hpp"
#include "upstreams/server.hpp"
#include "upstreams/worker.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::chrono::milliseconds kTick{200};
constexpr std::chrono::milliseconds kHeartbeat{5'000};
constexpr std::chrono::milliseconds kSpread{2'000};  // of the first probes after a start
constexpr std::chrono::milliseconds kStarting{10'000};

Error no_such() {
    return Error{ErrorCode::not_found, "there is no such upstream", {}, 0};
}

}  // namespace

struct Upstreams::Impl {
    Impl(Parts parts, Settings settings)
        : room(parts, settings), pools(room), timer(parts.loop.io()) {}

    using Key = std::pair<std::string, std::string>;  // tenant, name

    Result<void> admit(const UpstreamSpec& spec, Put how) const;
    Result<ServerPtr> apply(SpecPtr spec);
    ServerPtr find(const TenantId& tenant, std::string_view name) const;
    bool drop(const TenantId& tenant, const std::string& name);
    asio::awaitable<void> tick();
    void look_at(const ServerPtr& server, SteadyTime now);
    std::chrono::milliseconds jittered(std::chrono::milliseconds time);

    Room room;
    Pools pools;
    std::map<Key, ServerPtr> servers;
    std::map<std::uint64_t, std::pair<ServerPtr, Circuit::Ticket>> visits;
    Timer timer;
    SteadyTime next_heartbeat{};
    std::minstd_rand random{first_chance()};
    bool started = false;
};

Upstreams::Upstreams(Parts parts, Settings settings)
    : impl_(std::make_unique<Impl>(parts, settings)) {}
Upstreams::~Upstreams() = default;

void Upstreams::speak(Kind kind, std::unique_ptr<Dialer> dialer) {
    impl_->room.dialers[kind] = std::move(dialer);
}

Dialer* Upstreams::dialer(Kind kind) const {
    const auto found = impl_->room.dialers.find(kind);
    return found == impl_->room.dialers.end() ? nullptr : found->second.get();
}

Result<void> Upstreams::load() {
    auto specs = impl_->room.parts.store.load();
    if (!specs) return fail(std::move(specs).error());
    const catalog::Catalog::Batch all(impl_->room.parts.catalog);
    for (auto& spec : *specs) {
        const std::string name = spec.tenant.name + "/" + spec.name;
        auto added = impl_->admit(spec, Put::add);
        if (added) {
            const SteadyTime first =
                impl_->room.now() + impl_->jittered(std::min(spec.probe_every, kSpread));
            auto server = impl_->apply(std::make_shared<const UpstreamSpec>(std::move(spec)));
            if (server)
                (*server)->next_probe = first;
            else
                added = fail(std::move(server).error());
        }
        // One that no longer fits (an engine has taken its model's name) must not stop the start.
        if (!added) {
            log::error("a stored upstream is left out upstream={} error={}", name,
                       added.error().message);
        }
    }
    return {};
}

void Upstreams::start() {
    impl_->started = true;
    impl_->pools.attach_all();
    impl_->room.tasks.spawn("watch upstreams", impl_->tick());
}

asio::awaitable<void> Upstreams::stop() {
    impl_->room.stopping = true;
    impl_->pools.detach_all("the server is shutting down");
    impl_->timer.cancel();
    impl_->room.tasks.cancel();
    co_await impl_->room.tasks.join();
}

Result<void> Upstreams::Impl::admit(const UpstreamSpec& spec, Put how) const {
    if (auto sound = check(spec); !sound) return sound;
    const bool known = servers.contains({spec.tenant.name, spec.name});
    if (known && how == Put::add) {
        return fail(ErrorCode::conflict, "there is an upstream of this name");
    }
    if (!known && how == Put::replace) return fail(no_such());
    if (!room.dialers.contains(spec.kind)) {
        return fail(ErrorCode::invalid_argument, "upstreams of this kind are not available");
    }
    return pools.admit(spec);
}

Result<ServerPtr> Upstreams::Impl::apply(SpecPtr spec) {
    ServerPtr& server = servers[{spec->tenant.name, spec->name}];
    if (!server)
        server = std::make_shared<Server>(room, spec, random());
    else
        server->configure(spec);
    server->settle();
    if (auto placed = pools.place(server, started); !placed) return fail(std::move(placed).error());
    room.eased(*server);
    return server;
}

ServerPtr Upstreams::Impl::find(const TenantId& tenant, std::string_view name) const {
    const auto found = servers.find({tenant.name, std::string(name)});
    return found == servers.end() ? nullptr : found->second;
}

void Upstreams::put(UpstreamSpec spec, Put how, Done<UpstreamView> done) {
    if (auto admitted = impl_->admit(spec, how); !admitted) {
        return done(fail(std::move(admitted).error()));
    }
    const ServerPtr known = impl_->find(spec.tenant, spec.name);
    if (known && same(*known->spec, spec)) return done(known->view());
    auto shared = std::make_shared<const UpstreamSpec>(spec);
    impl_->room.parts.store.save(
        std::move(spec), [this, shared, how, done = std::move(done)](Result<void> saved) mutable {
            if (!saved) return done(fail(std::move(saved).error()));
            // Others may have come meanwhile.
            const auto again = how == Put::add ? Put::either : how;
            if (auto admitted = impl_->admit(*shared, again); !admitted) {
                return done(fail(std::move(admitted).error()));
            }
            auto server = impl_->apply(shared);
            if (!server) return done(fail(std::move(server).error()));
            log::info("upstream is set upstream={} tenant={} kind={} models={}", shared->name,
                      shared->tenant.name, to_string(shared->kind), shared->models.size());
            done((*server)->view());
        });
}

void Upstreams::remove(TenantId tenant, std::string name, Done<void> done) {
    if (!impl_->find(tenant, name)) return done(fail(no_such()));
    impl_->room.parts.store.remove(
        tenant, name, [this, tenant, name, done = std::move(done)](Result<void> removed) mutable {
            if (!removed) return done(std::move(removed));
            if (impl_->drop(tenant, name))
                log::info("upstream is removed upstream={} tenant={}", name, tenant.name);
            done(Result<void>{});
        });
}

bool Upstreams::Impl::drop(const TenantId& tenant, const std::string& name) {
    const auto at = servers.find({tenant.name, name});
    if (at == servers.end()) return false;
    const ServerPtr server = at->second;
    servers.erase(at);
    pools.withdraw(server);
    server->dialer().forget(*server->spec);
    server->cells.state->set(0);
    return true;
}

void Upstreams::take(std::vector<UpstreamSpec> all, std::string_view own_origin) {
    if (impl_->room.stopping) return;
    std::map<Impl::Key, SpecPtr> gone;
    for (const auto& [key, server] : impl_->servers) {
        if (server->spec->origin != own_origin) gone.emplace(key, server->spec);
    }
    // What is gone goes first: its models may stand in another's way.
    for (const auto& spec : all) gone.erase({spec.tenant.name, spec.name});
    for (const auto& [key, spec] : gone) {
        impl_->drop(spec->tenant, spec->name);
        log::info("upstream is gone from the database upstream={} tenant={}", spec->name,
                  spec->tenant.name);
    }
    for (auto& spec : all) {
        const ServerPtr known = impl_->find(spec.tenant, spec.name);
        if (known && (same(*known->spec, spec) || known->spec->origin == own_origin)) continue;
        const auto shared = std::make_shared<const UpstreamSpec>(std::move(spec));
        auto taken = impl_->admit(*shared, Put::either);
        if (taken) {
            if (auto server = impl_->apply(shared); !server)
                taken = fail(std::move(server).error());
        }
        if (!taken) {
            log::error("an upstream of the database is left out upstream={} tenant={} error={}",
                       shared->name, shared->tenant.name, taken.error().message);
            continue;
        }
        log::info("upstream is as the database has it upstream={} tenant={}", shared->name,
                  shared->tenant.name);
    }
}

std::vector<UpstreamView> Upstreams::list(const TenantId& tenant, bool all_tenants) const {
    std::vector<UpstreamView> out;
    for (const auto& [key, server] : impl_->servers) {
        if (all_tenants || key.first == tenant.name) out.push_back(server->view());
    }
    return out;
}

Result<UpstreamView> Upstreams::find(const TenantId& tenant, std::string_view name) const {
    const ServerPtr server = impl_->find(tenant, name);
    if (!server) return fail(no_such());
    return server->view();
}

void Upstreams::test(TenantId tenant, std::string name, Done<TestReport> done) {
    const ServerPtr server = impl_->find(tenant, name);
    if (!server) return done(fail(no_such()));
    auto report = [done = std::move(done)](TestReport told) mutable { done(std::move(told)); };
    impl_->room.tasks.spawn("test an upstream", probe_server(server, std::move(report)));
}

void Upstreams::heard_from(const TenantId& tenant, std::string_view name,
                           std::optional<double> load) {
    const ServerPtr server = impl_->find(tenant, name);
    if (!server) return;
    server->member.circuit.heard_from(impl_->room.now());
    server->heard_at = impl_->room.parts.clock.wall();
    if (load) {
        server->load = load;
        server->member.elsewhere = std::max(0.0, *load - server->member.in_flight);
    }
    server->settle();
}

void Upstreams::expect(const TenantId& tenant, std::string_view name) {
    const ServerPtr server = impl_->find(tenant, name);
    if (!server || impl_->room.stopping) return;
    const SteadyTime now = impl_->room.now();
    server->member.circuit.expect(now + kStarting, now);
    server->settle();
    impl_->look_at(server, now);
}

Result<SpecPtr> Upstreams::choose(const TenantId& tenant, std::string_view model) const {
    auto pool = impl_->pools.find(tenant, model);
    if (!pool) return fail(std::move(pool).error());
    auto server = (*pool)->next_server();
    if (!server) return fail(std::move(server).error());
    return (*server)->spec;
}

Result<Visit> Upstreams::enter(const TenantId& tenant, std::string_view model) {
    auto pool = impl_->pools.find(tenant, model);
    if (!pool) return fail(std::move(pool).error());
    auto server = (*pool)->next_server();
    if (!server) return fail(std::move(server).error());
    Server& to = **server;
    const auto id = ++impl_->room.uses;
    to.member.last_used = id;
    const auto ticket = to.member.circuit.begin(impl_->room.now());
    ++to.member.in_flight;
    ++to.calls;
    to.cells.in_flight->set(to.member.in_flight);
    auto spec = to.spec;
    impl_->visits.emplace(id, std::pair(std::move(*server), ticket));
    return Visit{id, std::move(spec)};
}

void Upstreams::leave(std::uint64_t visit, const CallError* error) {
    const auto ended = impl_->visits.extract(visit);
    if (!ended) return;
    const auto& [server, ticket] = ended.mapped();
    --server->member.in_flight;
    server->cells.in_flight->set(server->member.in_flight);
    server->judge(ticket, error);
    server->cells.calls[UpstreamMetrics::outcome(error)]->add();
    server->settle();
    impl_->room.eased(*server);
}

asio::awaitable<CallResult<std::string>> Upstreams::ask(TenantId tenant, std::string model,
                                                        std::string path, std::string body) {
    auto pool = impl_->pools.find(tenant, model);
    Result<ServerPtr> server =
        pool ? (*pool)->next_server() : Result<ServerPtr>(fail(std::move(pool).error()));
    if (!server) {
        co_return call_failed(Fault::server, std::string(to_string(server.error().code)),
                              server.error().message);
    }
    const auto connections = (*server)->connections;
    Abort abort;
    OutRequest request;
    request.path = std::move(path);
    request.body = std::move(body);
    auto answer = co_await connections->open(std::move(request), abort);
    if (!answer) co_return call_failed(std::move(answer).error());
    const int status = answer->status();
    auto text = co_await answer->read_all(impl_->room.settings.most_answer_bytes);
    if (!text) co_return call_failed(std::move(text).error());
    if (status != 200) {
        co_return call_failed(Fault::server, "unavailable",
                              "the upstream answered with status " + std::to_string(status));
    }
    co_return std::move(*text);
}

std::chrono::milliseconds Upstreams::Impl::jittered(std::chrono::milliseconds time) {
    return time * (750 + static_cast<int>(random() % 500)) / 1'000;
}

/// Probes the server where it is time, and sees whether time alone has changed its health.
void Upstreams::Impl::look_at(const ServerPtr& server, SteadyTime now) {
    if (server->shown != Health::up) server->settle();
    const auto every = server->spec->probe_every;
    const bool starting = server->member.circuit.expected(now);
    if ((every.count() == 0 && !starting) || !server->member.enabled) {
        server->next_probe = SteadyTime::max();  // until it is configured anew
        return;
    }
    if (server->probing) return;
    const bool trial = starting || server->shown == Health::half_open;
    if (!starting && !server->member.circuit.admits(now)) return;
    if (!trial && now < server->next_probe) return;
    server->next_probe = now + jittered(every);
    room.tasks.spawn("probe an upstream", probe_server(server, nullptr));
}

asio::awaitable<void> Upstreams::Impl::tick() {
    while (!room.stopping) {
        timer.expires_after(kTick);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (room.stopping) co_return;
        const SteadyTime now = room.now();
        const bool beat = now >= next_heartbeat;
        if (beat) next_heartbeat = now + kHeartbeat;
        pools.each([&](PoolWorker& pool) {
            pool.watch_times(now);
            pool.offer_idle(now);
            if (beat) pool.heartbeat();
        });
        // A probe may end at once and change what is there.
        std::vector<ServerPtr> due;
        for (const auto& [key, server] : servers) {
            if (server->due(now)) due.push_back(server);
        }
        for (const auto& server : due) look_at(server, now);
    }
}

}  // namespace headrace::upstreams
