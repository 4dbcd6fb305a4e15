#pragma once

#include <string>

#include "stores/postgres/reader.hpp"

namespace headrace::stores {

/// Removes what is past its time, a few hundred rows a transaction. Belongs to one thread; any
/// number of nodes may sweep one database.
class PgSweep {
  public:
    PgSweep(PgReader& database, const Retention& retention)
        : database_(database), retention_(retention) {}
    Result<Expired> run(WallMs now);

  private:
    Result<std::uint64_t> repeat(const PgStatement& statement, WallMs until);
    Result<std::uint64_t> results(WallMs until);

    PgReader& database_;
    const Retention& retention_;
    // How far results have been removed: what ended before has none any more.
    WallMs results_until_ = 0;
};

}  // namespace headrace::stores
