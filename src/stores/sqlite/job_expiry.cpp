#include "stores/sqlite/job_expiry.hpp"

#include <vector>

#include "stores/sqlite/job_row.hpp"

namespace headrace::stores {
namespace {

constexpr std::int64_t kStepRows = 300;
// Each may have a thousand records.
constexpr std::int64_t kStepBlocks = 20;

/// The smallest UUIDv7 of a millisecond: ids are in the order of creation, and nothing ends before
/// it was created, so only smaller ones can be past `time`.
std::string first_id_of(WallMs time) {
    std::string id(16, '\0');
    for (int i = 0; i < 6; ++i)
        id[static_cast<std::size_t>(i)] = static_cast<char>(time >> (40 - 8 * i) & 0xFF);
    return id;
}

WallMs before(WallMs now, std::chrono::hours kept) {
    return now - std::chrono::duration_cast<std::chrono::milliseconds>(kept).count();
}

}  // namespace

JobExpiry::JobExpiry(Database& database, JobWriter& writer, Retention retention)
    : writer_(writer),
      retention_(retention),
      old_keys_(
          database.prepare("SELECT tenant, key FROM idempotency WHERE created_at <= ? LIMIT ?")),
      erase_key_(database.prepare("DELETE FROM idempotency WHERE tenant = ? AND key = ?")),
      old_files_(database.prepare(
          "SELECT tenant, id FROM files WHERE expires_at > 0 AND expires_at <= ? LIMIT ?")),
      next_ended_tenant_(database.prepare("SELECT min(tenant) FROM ended_jobs WHERE tenant > ?")),
      old_ended_(
          database.prepare("SELECT id, finished_at, state, output IS NOT NULL FROM ended_jobs "
                           "WHERE tenant = ? AND id > ? AND id < ? ORDER BY id LIMIT ?")),
      row_(database.prepare(
          "SELECT id, state, caller, capability, version, sum, body FROM ended_jobs "
          "WHERE tenant = ? AND id = ?")),
      kept_input_(database.prepare("SELECT 1 FROM inputs WHERE tenant = ? AND job = ?")),
      next_usage_tenant_(database.prepare("SELECT min(tenant) FROM usage WHERE tenant > ?")),
      old_usage_(database.prepare("SELECT job, finished_at FROM usage "
                                  "WHERE tenant = ? AND job > ? AND job < ? ORDER BY job LIMIT ?")),
      erase_usage_(database.prepare("DELETE FROM usage WHERE tenant = ? AND job = ?")),
      next_block_tenant_(database.prepare("SELECT min(tenant) FROM usage_blocks WHERE tenant > ?")),
      old_blocks_(database.prepare(
          "SELECT last_job, number, latest, records FROM usage_blocks "
          "WHERE tenant = ? AND last_job > ? AND last_job < ? ORDER BY last_job LIMIT ?")),
      erase_block_(database.prepare(
          "DELETE FROM usage_blocks WHERE tenant = ? AND last_job = ? AND number = ?")) {}

Result<bool> JobExpiry::step(WallMs now, Expired& expired) {
    const auto pass = [&]() -> Result<bool> {
        switch (phase_) {
            case Phase::keys:
                return keys(now, expired);
            case Phase::files:
                return files(now, expired);
            case Phase::jobs:
                return retention_.jobs.count() == 0
                           ? false
                           : ended(before(now, retention_.jobs), true, expired);
            case Phase::results:
                return retention_.results.count() == 0
                           ? false
                           : ended(before(now, retention_.results), false, expired);
            case Phase::usage:
                return retention_.usage.count() == 0
                           ? false
                           : usage(before(now, retention_.usage), expired);
            case Phase::usage_blocks:
                return retention_.usage.count() == 0
                           ? false
                           : usage_blocks(before(now, retention_.usage), expired);
        }
        return false;
    };
    const auto more = pass();
    if (!more) return more;
    if (*more) return true;
    cursor_ = {};
    const bool last = phase_ == Phase::usage_blocks;
    phase_ = last ? Phase::keys : static_cast<Phase>(static_cast<int>(phase_) + 1);
    return !last;
}

Result<bool> JobExpiry::keys(WallMs now, Expired& expired) {
    std::vector<std::pair<std::string, std::string>> old;
    old_keys_.start(before(now, retention_.idempotency), kStepRows);
    for (;;) {
        const auto row = old_keys_.step();
        if (!row) return row;
        if (!*row) break;
        old.emplace_back(old_keys_.bytes(0), old_keys_.bytes(1));
    }
    for (const auto& [tenant, key] : old) {
        if (auto done = erase_key_.run(tenant, key); !done) return fail(done.error());
    }
    expired.idempotency_keys += old.size();
    return static_cast<std::int64_t>(old.size()) == kStepRows;
}

Result<bool> JobExpiry::files(WallMs now, Expired& expired) {
    std::vector<std::pair<TenantId, FileId>> old;
    old_files_.start(now, kStepRows);
    for (;;) {
        const auto row = old_files_.step();
        if (!row) return row;
        if (!*row) break;
        const auto id = FileId::from_raw(old_files_.bytes(1));
        if (id) old.emplace_back(TenantId(std::string(old_files_.bytes(0))), *id);
    }
    for (const auto& [tenant, id] : old) {
        if (auto done = writer_.remove_file(tenant, id); !done) return done;
    }
    expired.files += old.size();
    return static_cast<std::int64_t>(old.size()) == kStepRows;
}

Result<bool> JobExpiry::enter_tenant(Statement& next) {
    if (cursor_.in_tenant) return true;
    const std::string last = cursor_.tenant;
    next.start(last);
    const auto row = next.step();
    if (!row) return row;
    const bool found = *row && !next.is_null(0);
    if (found) cursor_ = {std::string(next.bytes(0)), std::string(), true};
    next.reset();
    return found;
}

Result<bool> JobExpiry::ended(WallMs cutoff, bool whole, Expired& expired) {
    const auto entered = enter_tenant(next_ended_tenant_);
    if (!entered || !*entered) return entered;
    struct Row {
        std::string id;
        bool has_output;
        bool may_keep_input;
    };
    std::vector<Row> old;
    std::int64_t seen = 0;
    const std::string from = cursor_.id;
    const std::string to = first_id_of(cutoff);
    old_ended_.start(cursor_.tenant, Blob{from}, Blob{to}, kStepRows);
    for (;;) {
        const auto row = old_ended_.step();
        if (!row) return row;
        if (!*row) break;
        ++seen;
        cursor_.id = old_ended_.bytes(0);
        if (old_ended_.integer(1) > cutoff) continue;
        const bool succeeded =
            old_ended_.integer(2) == static_cast<std::int64_t>(jobs::JobState::succeeded);
        old.push_back({cursor_.id, old_ended_.integer(3) != 0, !succeeded});
    }
    const TenantId tenant(cursor_.tenant);
    for (const Row& row : old) {
        if (whole) {
            const auto id = JobId::from_raw(row.id);
            if (!id) continue;
            if (auto done = writer_.erase(tenant, *id); !done) return fail(done.error());
            ++expired.jobs;
            continue;
        }
        bool due = row.has_output;
        if (!due && row.may_keep_input) {
            kept_input_.start(tenant.name, Blob{row.id});
            const auto kept = kept_input_.step();
            kept_input_.reset();
            if (!kept) return kept;
            due = *kept;
        }
        if (!due) continue;
        if (auto done = strip(row.id); !done) return fail(done.error());
        ++expired.results;
    }
    cursor_.in_tenant = seen == kStepRows;
    return true;
}

Result<void> JobExpiry::strip(const std::string& id) {
    row_.start(cursor_.tenant, Blob{id});
    const auto row = row_.step();
    if (!row || !*row) return row ? Result<void>() : fail(row.error());
    auto job = read_job_row("ended_jobs", TenantId(cursor_.tenant), row_);
    row_.reset();
    if (!job) return fail(job.error());
    job->output_removed = true;
    return writer_.strip(*job);
}

Result<bool> JobExpiry::usage(WallMs cutoff, Expired& expired) {
    const auto entered = enter_tenant(next_usage_tenant_);
    if (!entered || !*entered) return entered;
    std::vector<std::string> old;
    std::int64_t seen = 0;
    const std::string from = cursor_.id;
    const std::string to = first_id_of(cutoff);
    old_usage_.start(cursor_.tenant, Blob{from}, Blob{to}, kStepRows);
    for (;;) {
        const auto row = old_usage_.step();
        if (!row) return row;
        if (!*row) break;
        ++seen;
        cursor_.id = old_usage_.bytes(0);
        if (old_usage_.integer(1) <= cutoff) old.push_back(cursor_.id);
    }
    for (const std::string& id : old) {
        if (auto done = erase_usage_.run(cursor_.tenant, Blob{id}); !done)
            return fail(done.error());
    }
    expired.usage += old.size();
    cursor_.in_tenant = seen == kStepRows;
    return true;
}

/// A block goes when the last of its records is past its time: they ended in one moment.
Result<bool> JobExpiry::usage_blocks(WallMs cutoff, Expired& expired) {
    const auto entered = enter_tenant(next_block_tenant_);
    if (!entered || !*entered) return entered;
    std::vector<std::pair<std::string, std::int64_t>> old;
    std::int64_t seen = 0;
    const std::string from = cursor_.id;
    const std::string to = first_id_of(cutoff);
    old_blocks_.start(cursor_.tenant, Blob{from}, Blob{to}, kStepBlocks);
    for (;;) {
        const auto row = old_blocks_.step();
        if (!row) return row;
        if (!*row) break;
        ++seen;
        cursor_.id = old_blocks_.bytes(0);
        if (old_blocks_.integer(2) > cutoff) continue;
        old.emplace_back(cursor_.id, old_blocks_.integer(1));
        expired.usage += static_cast<std::uint64_t>(old_blocks_.integer(3));
    }
    for (const auto& [last_job, number] : old) {
        auto done = erase_block_.run(cursor_.tenant, Blob{last_job}, number);
        if (!done) return fail(done.error());
    }
    cursor_.in_tenant = seen == kStepBlocks;
    return true;
}

}  // namespace headrace::stores
