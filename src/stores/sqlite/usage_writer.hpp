#pragma once

#include <memory>
#include <span>
#include <vector>

#include "jobs/job.hpp"
#include "stores/sqlite/database.hpp"

namespace headrace::stores {

/// Gathers the usage records of one transaction and writes them as blocks, at its end: one row for
/// the records of a tenant. Belongs to the committer's thread.
///
/// The jobs of a block were made in the same 4.096 s (their ids have the same span_of()), so that
/// whoever looks for an id knows how far behind it the block with that id may end.
class UsageWriter {
  public:
    explicit UsageWriter(Database& database);
    void gather(std::shared_ptr<const jobs::UsageRecord> usage);
    /// What was gathered for a transaction that is not to be.
    void forget() { gathered_.clear(); }
    Result<void> write();

  private:
    using Records = std::span<const jobs::UsageRecord* const>;
    Result<void> write_block(Records records);

    Statement insert_;
    std::vector<std::shared_ptr<const jobs::UsageRecord>> gathered_;
    std::vector<const jobs::UsageRecord*> sorted_;  // empty but in write()
};

}  // namespace headrace::stores
