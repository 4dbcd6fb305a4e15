#pragma once
// Internal: a server while it is in use.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "upstreams/connections.hpp"
#include "upstreams/dialer.hpp"
#include "upstreams/pool.hpp"
#include "upstreams/room.hpp"

namespace headrace::upstreams {

class PoolWorker;

/// One server: its spec, its health, its connections. Shared by its pools and by the calls that are
/// under way; lives on after it was removed until the last of them has ended.
struct Server {
    Server(Room& room_, SpecPtr spec_, std::uint64_t seed);

    /// Takes a new spec; the health stays where the address does.
    void configure(SpecPtr fresh);
    /// What an ended call or probe says of the server.
    void judge(Circuit::Ticket ticket, const CallError* error);
    /// What an answered call has used.
    void count(const Tokens& tokens);
    /// Sees whether its health has changed, and tells the log, the metrics and its pools.
    void settle();
    [[nodiscard]] UpstreamView view() const;
    [[nodiscard]] Dialer& dialer() const { return *room.dialers.at(spec->kind); }

    Room& room;
    SpecPtr spec;
    Member member;
    std::shared_ptr<Connections> connections;
    std::vector<PoolWorker*> pools;
    UpstreamMetrics::Cells cells;
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
    WallMs last_ok_at = 0;
    std::string last_error;
    WallMs last_error_at = 0;
    WallMs heard_at = 0;
    std::uint64_t prompt_tokens = 0;
    std::uint64_t completion_tokens = 0;
    WallMs since = 0;
    std::optional<double> load;
    SteadyTime next_probe{};
    Health shown = Health::up;
    bool probing = false;
    int state = -1;  // as the metric has it

    /// Whether time alone may have changed something: asked of all servers many times a second.
    [[nodiscard]] bool due(SteadyTime now) const {
        return shown != Health::up || next_probe <= now;
    }
};

using ServerPtr = std::shared_ptr<Server>;

/// Asks the server how it is; what it finds counts. `report` may be empty.
asio::awaitable<void> probe_server(ServerPtr server, UniqueFunction<void(TestReport)> report);

}  // namespace headrace::upstreams
