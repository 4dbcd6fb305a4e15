#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "jobs/ports.hpp"
#include "stores/sqlite/database.hpp"

namespace headrace::stores {

/// Reads usage records: from blocks (see UsageWriter), and from the table that had a row for each
/// before there were blocks. Belongs to the thread of its database. A record that stands there
/// twice is given once.
class UsageReader {
  public:
    explicit UsageReader(Database& database);
    /// Newest job first.
    Result<std::vector<jobs::UsageRecord>> list(const jobs::UsageQuery& query, WallMs now);
    Result<void> check_every_row();

  private:
    struct Wanted;
    using Records = std::vector<jobs::UsageRecord>;
    Result<Records> from_rows(const Wanted& wanted);
    Result<Records> from_blocks(const Wanted& wanted);

    Statement rows_, blocks_, every_row_, every_block_;
};

}  // namespace headrace::stores
