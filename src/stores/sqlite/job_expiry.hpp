#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "stores/base/job_store.hpp"
#include "stores/sqlite/job_writer.hpp"

namespace headrace::stores {

/// Removes what is past its time, a few hundred rows a step, so that the commits between two steps
/// hardly wait. Belongs to the committer's thread; its caller holds the transaction.
class JobExpiry {
  public:
    JobExpiry(Database& database, JobWriter& writer, Retention retention);
    /// One step; false when the sweep is complete (the next step begins a new one).
    Result<bool> step(WallMs now, Expired& expired);

  private:
    enum class Phase : std::uint8_t { keys, files, jobs, results, usage, usage_blocks };
    // How far the sweep of one table has come: tenant by tenant, oldest id first.
    struct Cursor {
        std::string tenant;
        std::string id;
        bool in_tenant = false;
    };

    Result<bool> keys(WallMs now, Expired& expired);
    Result<bool> files(WallMs now, Expired& expired);
    Result<bool> ended(WallMs cutoff, bool whole, Expired& expired);
    Result<bool> usage(WallMs cutoff, Expired& expired);
    Result<bool> usage_blocks(WallMs cutoff, Expired& expired);
    Result<bool> enter_tenant(Statement& next);
    Result<void> strip(const std::string& id);

    JobWriter& writer_;
    Retention retention_;
    Phase phase_ = Phase::keys;
    Cursor cursor_;
    Statement old_keys_, erase_key_, old_files_, next_ended_tenant_, old_ended_, row_, kept_input_,
        next_usage_tenant_, old_usage_, erase_usage_, next_block_tenant_, old_blocks_, erase_block_;
};

}  // namespace headrace::stores
