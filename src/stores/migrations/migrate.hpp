#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stores/migrations/steps.hpp"

namespace headrace::stores {

/// A database whose schema is kept in steps: what migrate() needs of it. Blocking; one thread.
class SteppedDatabase {
  public:
    virtual ~SteppedDatabase() = default;
    /// Begins a transaction in which nobody else migrates this database, and sees to it that
    /// `schema_migrations` is there.
    virtual Result<void> begin() = 0;
    /// In order of number.
    virtual Result<std::vector<AppliedStep>> applied() = 0;
    virtual Result<void> execute(Sql text) = 0;
    /// Called before a step is undone: saves what its SQL cannot.
    virtual Result<void> before_down(int /*number*/) { return {}; }
    virtual Result<void> note(const AppliedStep& row) = 0;
    virtual Result<void> forget(int number) = 0;
    virtual Result<void> commit() = 0;
    virtual void rollback() = 0;
};

/// What a start does about steps that are pending.
enum class OnPending : std::uint8_t {
    apply,  // those that expand
    refuse  // `conflict`: the operator applies them with `headrace migrate up`
};

struct MigrateOptions {
    OnPending on_pending = OnPending::apply;
    std::string program;  // version that is noted
    WallMs now = 0;
};

/// Brings the schema to where a program can run on it: all moves in one transaction, or none.
Result<void> migrate_at_start(SteppedDatabase& database, std::span<const Step> steps,
                              const MigrateOptions& options);

/// Leads to the schema after step `target` (none: the last one) and returns the moves. A dry run
/// only returns them.
Result<std::vector<Move>> migrate_to(SteppedDatabase& database, std::span<const Step> steps,
                                     std::optional<int> target, const MigrateOptions& options,
                                     bool dry_run);

/// What is applied, checked against the program's steps.
Result<std::vector<AppliedStep>> applied_steps(SteppedDatabase& database,
                                               std::span<const Step> steps);

}  // namespace headrace::stores
