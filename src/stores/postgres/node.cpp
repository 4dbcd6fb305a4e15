#include "stores/postgres/node.hpp"

#include <chrono>
#include <thread>

namespace headrace::stores {
namespace {

// A session lock on the name: it goes with the connection of whoever holds it.
const PgStatement kClaimName{"node_name",
                             "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || ' "
                             "headrace node ' || $1::text, 0))::int4::int8"};

const PgStatement kBegin{"node_begin",
                         "INSERT INTO nodes(epoch, name, started_at, seen_at) "
                         "VALUES(nextval('epochs'), $1::text, now(), now()) RETURNING epoch"};

const PgStatement kInherit{"node_inherit",
                           "UPDATE jobs SET owner = $1::int8 WHERE ended IS NULL AND owner IN "
                           "(SELECT epoch FROM nodes WHERE name = $2::text AND epoch <> $1::int8)"};

const PgStatement kForgetOld{
    "node_forget_old",
    "WITH old AS (DELETE FROM nodes WHERE name = $2::text AND epoch <> $1::int8 RETURNING epoch) "
    "DELETE FROM commits USING old WHERE commits.epoch = old.epoch"};

const PgStatement kAlive{
    "node_alive",
    "INSERT INTO nodes(epoch, name, started_at, seen_at) VALUES($1::int8, $2::text, now(), now()) "
    "ON CONFLICT (epoch) DO UPDATE SET seen_at = now()"};

// One node at a time finds a dead one. Its own row is never in doubt: it has just been renewed.
const PgStatement kBury{
    "node_bury",
    "WITH dead AS (SELECT epoch FROM nodes WHERE epoch <> $1::int8 "
    "AND seen_at < now() - $2::int8 * interval '1 millisecond' FOR UPDATE SKIP LOCKED), "
    "gone AS (DELETE FROM nodes n USING dead d WHERE n.epoch = d.epoch RETURNING n.epoch) "
    "UPDATE jobs SET owner = 0 WHERE ended IS NULL AND owner IN (SELECT epoch FROM gone)"};

const PgStatement kOthers{"node_others", "SELECT count(*) FROM nodes WHERE epoch <> $1::int8"};

const PgStatement kLeave{"node_leave",
                         "UPDATE nodes SET seen_at = '-infinity' WHERE epoch = $1::int8"};

// PostgreSQL may not know yet that a connection of ours is dead.
constexpr std::chrono::seconds kNamePatience{3};
constexpr std::chrono::milliseconds kNamePause{100};

}  // namespace

Result<std::uint64_t> PgNode::begin_life(PgConnection& connection) {
    if (auto named = greet(connection, kNamePatience); !named) return fail(named.error());
    const auto begun = connection.call(kBegin, PgParameters().text(settings_.node));
    if (!begun) return fail(begun.error());
    const std::int64_t epoch = begun->big(0, 0);
    const PgParameters who = PgParameters().big(epoch).text(settings_.node);
    const PgCall calls[] = {{&kInherit, who}, {&kForgetOld, who}};
    if (auto taken = connection.transact(calls); !taken) return fail(taken.error());
    epoch_ = static_cast<std::uint64_t>(epoch);
    return epoch_;
}

Result<void> PgNode::greet(PgConnection& connection, std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto held = connection.call(kClaimName, PgParameters().text(settings_.node));
        if (!held) return fail(held.error());
        if (held->big(0, 0) == 1) break;
        if (std::chrono::steady_clock::now() >= until) {
            return fail(ErrorCode::conflict, "another server runs as node \"" + settings_.node +
                                                 "\" on this database (postgres.node)");
        }
        std::this_thread::sleep_for(kNamePause);
    }
    if (epoch_ == 0) return {};
    auto alive = beat(connection);
    return alive ? Result<void>() : fail(alive.error());
}

Result<bool> PgNode::beat(PgConnection& connection) {
    const auto epoch = static_cast<std::int64_t>(epoch_.load());
    const PgCall calls[] = {
        {&kAlive, PgParameters().big(epoch).text(settings_.node)},
        {&kBury, PgParameters().big(epoch).big(settings_.lease.count())},
        {&kOthers, PgParameters().big(epoch)},
    };
    const auto done = connection.transact(calls);
    if (!done) return fail(done.error());
    alone_ = done->back().big(0, 0) == 0;
    return (*done)[1].changed() > 0;
}

void PgNode::leave(PgConnection& connection) {
    if (connection.lost() || epoch_ == 0) return;
    const auto epoch = static_cast<std::int64_t>(epoch_.load());
    (void)connection.call(kLeave, PgParameters().big(epoch));
}

}  // namespace headrace::stores
