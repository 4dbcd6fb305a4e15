#include "stores/postgres/counter_store.hpp"

#include "base/log.hpp"

namespace headrace::stores {
namespace {

constexpr WallMs kForgetEvery = 600'000;

// $1 counter, $2 starts, $3 ends, $4 limit, $5 want, $6 charge. The row keeps what the last ask was
// granted, since RETURNING sees only the new row.
const PgStatement kTake{
    "counter_take",
    "INSERT INTO counters AS c(counter, starts, ends, taken, granted) "
    "VALUES($1::text, $2::int8, $3::int8, "
    "$6::int8 + least($5::int8, greatest(0, $4::int8 - $6::int8)), "
    "least($5::int8, greatest(0, $4::int8 - $6::int8))) "
    "ON CONFLICT (counter, starts) DO UPDATE SET "
    "taken = c.taken + $6::int8 + least($5::int8, greatest(0, $4::int8 - c.taken - $6::int8)), "
    "granted = least($5::int8, greatest(0, $4::int8 - c.taken - $6::int8)) "
    "RETURNING c.granted, c.taken"};

const PgStatement kForget{"counter_forget", "DELETE FROM counters WHERE ends < $1::int8"};

}  // namespace

PostgresCounterStore::PostgresCounterStore(PostgresSettings settings, const Clock& clock)
    : settings_(std::move(settings)), clock_(clock) {}

void PostgresCounterStore::take(std::vector<access::ShareAsk> asks,
                                UniqueFunction<void(Result<std::vector<access::Share>>)> done) {
    lane_.ask<std::vector<access::Share>>([this, asks = std::move(asks)] { return take_now(asks); },
                                          std::move(done));
}

Result<void> PostgresCounterStore::connect() {
    if (connection_ && !connection_->lost()) return {};
    connection_.reset();
    if (failed_ && clock_.now() - *failed_ < kPause) {
        return fail(ErrorCode::unavailable, "the database of the counters is away");
    }
    auto opened = PgConnection::open(settings_, PgRole::writer);
    if (opened) {
        // A crash of the server may forget the last few shares. That is cheaper than a sync for
        // each.
        auto quick = opened->execute("SET synchronous_commit = off");
        if (!quick) opened = fail(std::move(quick).error());
    }
    if (!opened) {
        if (!failed_) {
            log::warn("limits are counted by this server alone: counters error=\"{}\"",
                      opened.error().message);
        }
        failed_ = clock_.now();
        return fail(ErrorCode::unavailable, opened.error().message);
    }
    if (failed_) log::info("limits are counted together again");
    failed_.reset();
    connection_.emplace(std::move(*opened));
    return {};
}

Result<std::vector<access::Share>> PostgresCounterStore::take_now(
    const std::vector<access::ShareAsk>& asks) {
    if (auto connected = connect(); !connected) return fail(std::move(connected).error());
    std::vector<PgCall> calls;
    for (const auto& ask : asks) {
        const auto big = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
        calls.push_back({&kTake, PgParameters()
                                     .text(ask.counter)
                                     .big(ask.starts)
                                     .big(ask.ends)
                                     .big(big(ask.limit))
                                     .big(big(ask.want))
                                     .big(big(ask.charge))});
    }
    const auto rows = connection_->transact(calls);
    if (!rows) {
        failed_ = clock_.now();
        log::warn("limits are counted by this server alone: counters error=\"{}\"",
                  rows.error().message);
        connection_.reset();
        return fail(ErrorCode::unavailable, rows.error().message);
    }
    std::vector<access::Share> shares;
    for (const auto& row : *rows) {
        shares.push_back(
            {static_cast<std::uint64_t>(row.big(0, 0)), static_cast<std::uint64_t>(row.big(0, 1))});
    }
    forget_old(clock_.wall());
    return shares;
}

void PostgresCounterStore::forget_old(WallMs now) {
    if (now - forgotten_at_ < kForgetEvery) return;
    forgotten_at_ = now;
    const auto gone = connection_->call(kForget, PgParameters().big(now - kForgetEvery));
    if (!gone) log::warn("old counters were not removed error=\"{}\"", gone.error().message);
}

}  // namespace headrace::stores
