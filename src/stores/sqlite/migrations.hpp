#pragma once

#include <span>
#include <string>

#include "base/result.hpp"
#include "stores/migrations/migrate.hpp"
#include "stores/sqlite/database.hpp"

namespace headrace::stores {

/// The schema of one SQLite file. A file of version 0.1.0, which kept its steps in a table
/// `migrations`, is taken over as it stands; that table stays, so that 0.1.0 can still open it.
class SqliteSteps final : public SteppedDatabase {
  public:
    explicit SqliteSteps(Database& database) : database_(database) {}
    Result<void> begin() override;
    Result<std::vector<AppliedStep>> applied() override;
    Result<void> execute(Sql text) override { return database_.execute(text); }
    /// Usage stays when its blocks go.
    Result<void> before_down(int number) override;
    Result<void> note(const AppliedStep& row) override;
    Result<void> forget(int number) override;
    Result<void> commit() override { return database_.execute("COMMIT"); }
    void rollback() override { database_.rollback(); }

  private:
    Result<void> take_over();

    Database& database_;
};

/// Holds the file against itself; `internal` with what is wrong. Reads all of it.
Result<void> check_structure(Database& database);

struct OpenOptions {
    DatabaseOptions database;
    MigrateOptions migrate;
    /// The whole file is checked while it is below this, so that a start stays quick; every row
    /// carries a checksum besides, which is looked at whenever it is read.
    std::uint64_t full_check_bytes = 32ULL << 20;
};

/// Opens a database file of ours for the first time in this process: checks the write-ahead log and
/// the file for damage (`internal`, naming the file), then brings its schema to where the program
/// can run on it.
Result<Database> open_checked(const std::string& path, std::span<const Step> steps,
                              const OpenOptions& options = {});

}  // namespace headrace::stores
