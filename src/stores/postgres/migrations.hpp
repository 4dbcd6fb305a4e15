#pragma once

#include "stores/migrations/migrate.hpp"
#include "stores/postgres/connection.hpp"

namespace headrace::stores {

/// The schema of one PostgreSQL database (the schema that `search_path` names first). Nodes that
/// start together take turns by an advisory lock.
class PostgresSteps final : public SteppedDatabase {
  public:
    explicit PostgresSteps(PgConnection& connection) : connection_(connection) {}
    Result<void> begin() override;
    Result<std::vector<AppliedStep>> applied() override;
    Result<void> execute(Sql text) override { return connection_.execute(text); }
    Result<void> note(const AppliedStep& row) override;
    Result<void> forget(int number) override;
    Result<void> commit() override { return connection_.execute("COMMIT"); }
    void rollback() override { (void)connection_.execute("ROLLBACK"); }

  private:
    PgConnection& connection_;
};

}  // namespace headrace::stores
