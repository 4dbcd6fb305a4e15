#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "access/counter_store.hpp"
#include "base/clock.hpp"
#include "stores/base/lane.hpp"
#include "stores/postgres/connection.hpp"
#include "stores/postgres/settings.hpp"

namespace headrace::stores {

/// Counters in a table of the job log's database, for all servers on it. One thread and one
/// connection, made at the first ask. While the database is away an ask fails at once, and only
/// every kPause is a new connection tried, so that nobody waits for what is known.
class PostgresCounterStore final : public access::CounterStore {
  public:
    static constexpr std::chrono::seconds kPause{3};
    /// The table comes with the job log's schema: open that first.
    PostgresCounterStore(PostgresSettings settings, const Clock& clock);

    void take(std::vector<access::ShareAsk> asks,
              UniqueFunction<void(Result<std::vector<access::Share>>)> done) override;

  private:
    // On the lane.
    Result<std::vector<access::Share>> take_now(const std::vector<access::ShareAsk>& asks);
    Result<void> connect();
    void forget_old(WallMs now);

    const PostgresSettings settings_;
    const Clock& clock_;
    std::optional<PgConnection> connection_;
    std::optional<SteadyTime> failed_;
    WallMs forgotten_at_ = 0;
    Lane lane_{"counters"};  // last: joins before what it uses goes
};

}  // namespace headrace::stores
