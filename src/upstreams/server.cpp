#include "upstreams/server.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "upstreams/faults.hpp"
#include "upstreams/worker.hpp"

namespace headrace::upstreams {
namespace {

Circuit::Limits limits_of(const UpstreamSpec& spec) {
    Circuit::Limits limits;
    limits.failures = spec.failures;
    return limits;
}

}  // namespace

Server::Server(Room& room_, SpecPtr spec_, std::uint64_t seed)
    : room(room_),
      spec(spec_),
      member(limits_of(*spec_), seed),
      connections(std::make_shared<Connections>(room.parts.loop.io().get_executor(), spec_,
                                                room.parts.fetch, room.tasks)),
      cells(room.metrics.cells_of(*spec_)),
      since(room.parts.clock.wall()) {
    configure(std::move(spec_));
}

void Server::configure(SpecPtr fresh) {
    const bool moved = fresh->base_url != spec->base_url || fresh->kind != spec->kind;
    const bool wire = moved || fresh->key.reveal() != spec->key.reveal() ||
                      fresh->headers != spec->headers || !(fresh->timeouts == spec->timeouts) ||
                      fresh->allow_private != spec->allow_private || fresh->ca != spec->ca ||
                      fresh->server_name != spec->server_name;
    const bool key_changed = fresh->key.reveal() != spec->key.reveal() || fresh->ca != spec->ca ||
                             fresh->server_name != spec->server_name;
    if (fresh != spec) dialer().forget(*spec);
    spec = std::move(fresh);
    if (wire) connections->reset(spec);
    // Another address, or another key, is another chance.
    if (moved || key_changed || planted(Plant::health_lost_on_change))
        member.circuit = Circuit(limits_of(*spec), ++room.uses);
    member.circuit.set_failures(spec->failures);
    member.priority = spec->priority;
    member.weight = spec->weight;
    member.room = spec->room();
    member.enabled = spec->enabled;
    next_probe = {};
}

void Server::judge(Circuit::Ticket ticket, const CallError* error) {
    const SteadyTime now = room.now();
    auto& circuit = member.circuit;
    if (!error) {
        circuit.succeeded(ticket, now);
        last_ok_at = room.parts.clock.wall();
        return;
    }
    const std::string reason = error->detail.empty() ? error->message : error->detail;
    // One that starts is not there yet, which is no fault of it.
    const bool starts = error->fault == Fault::server && circuit.expected(now);
    const bool its_own = error->fault == Fault::busy || error->fault == Fault::credentials ||
                         error->fault == Fault::server;
    if (its_own && !starts) {
        last_error = error->fault == Fault::credentials ? error->message : reason;
        last_error_at = room.parts.clock.wall();
    }
    switch (error->fault) {
        case Fault::request:
            // It understood enough to refuse: it lives.
            circuit.succeeded(ticket, now);
            break;
        case Fault::model:
        case Fault::cancelled:
            circuit.no_verdict(ticket);
            break;
        case Fault::busy:
            circuit.busy(ticket, now, std::chrono::seconds(std::max(error->retry_after_s, 1)),
                         reason);
            break;
        case Fault::credentials:
            ++failures;
            circuit.refused(ticket, now, error->message);
            break;
        case Fault::server:
            failures += starts ? 0 : 1;
            circuit.failed(ticket, now, reason);
            break;
    }
}

void Server::count(const Tokens& tokens) {
    prompt_tokens += tokens.prompt.value_or(0);
    completion_tokens += tokens.completion.value_or(0);
}

void Server::settle() {
    const Health now = member.circuit.health(room.now());
    const int as_metric = !member.enabled           ? 0
                          : now == Health::up       ? 1
                          : now == Health::paused   ? 2
                          : now == Health::starting ? 4
                                                    : 3;
    if (std::exchange(state, as_metric) != as_metric) cells.state->set(as_metric);
    if (now == shown) return;
    const Health before = shown;
    shown = now;
    since = room.parts.clock.wall();
    if (now == Health::open || now == Health::paused) {
        log::warn("upstream is {} upstream={} tenant={} reason={}", to_string(now), spec->name,
                  spec->tenant.name, member.circuit.reason());
    } else if (now == Health::up && before != Health::up) {
        log::info("upstream is up upstream={} tenant={}", spec->name, spec->tenant.name);
    }
    room.eased(*this);
}

UpstreamView Server::view() const {
    UpstreamView view;
    const SteadyTime now = room.now();
    view.spec = spec;
    view.health = member.circuit.health(now);
    view.since = since;
    if (view.health != Health::up) {
        view.reason = member.circuit.reason();
        const auto left = member.circuit.until() - now;
        if (left.count() > 0) {
            view.until = room.parts.clock.wall() +
                         std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
        }
    }
    view.in_flight = member.in_flight;
    view.calls = calls;
    view.failures = failures;
    view.last_ok_at = last_ok_at;
    view.last_error = last_error;
    view.last_error_at = last_error_at;
    view.heard_at = heard_at;
    view.prompt_tokens = prompt_tokens;
    view.completion_tokens = completion_tokens;
    view.load = load;
    return view;
}

void Room::eased(Server& server) {
    for (PoolWorker* pool : std::vector<PoolWorker*>(server.pools)) pool->pump();
}

asio::awaitable<void> probe_server(ServerPtr server, UniqueFunction<void(TestReport)> report) {
    auto& room = server->room;
    const SteadyTime begun = room.now();
    server->probing = true;
    // One that was asked for goes at once, also while the circuit is open.
    if (report) server->member.circuit.heard_from(begun);
    const auto ticket = server->member.circuit.begin(begun);
    server->settle();
    Abort abort;
    const auto connections = server->connections;
    Line line{server->spec, *connections, abort};
    CallResult<ProbeAnswer> answer = call_failed(Fault::server, "internal", "the probe failed");
    try {
        answer = co_await server->dialer().probe(line);
    } catch (const std::exception& error) {
        if (!room.stopping)
            log::error("a probe threw upstream={} error={}", server->spec->name, error.what());
    }
    server->probing = planted(Plant::probe_never_ends);
    TestReport told;
    told.took_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(room.now() - begun).count();
    if (answer) {
        server->member.circuit.probed(ticket);
        server->last_ok_at = room.parts.clock.wall();
        if (answer->load) {
            server->load = answer->load;
            server->member.elsewhere = std::max(0.0, *answer->load - server->member.in_flight);
        }
        told.ok = true;
        told.models = std::move(answer->models);
    } else {
        server->judge(ticket, &answer.error());
        told.message = answer.error().message;
        if (!answer.error().detail.empty()) told.message += " (" + answer.error().detail + ")";
    }
    server->cells.probes[answer ? 0 : 1]->add();
    server->settle();
    if (report) report(std::move(told));
}

}  // namespace headrace::upstreams
