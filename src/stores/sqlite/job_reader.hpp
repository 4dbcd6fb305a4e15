#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "jobs/ports.hpp"
#include "stores/sqlite/database.hpp"

namespace headrace::stores {

/// Reads jobs.db, but for usage (UsageReader). Belongs to the thread of its database. Every row's checksum is looked at: a
/// damaged one is `internal` and named, never taken as it is.
class JobReader {
  public:
    explicit JobReader(Database& database);

    /// Reads every row and its checksum: also finds a row whose key was damaged, which a look-up
    /// would take for absent.
    Result<void> check_every_row();
    Result<std::optional<jobs::JobRecord>> get(const TenantId& tenant, const JobId& id);
    Result<std::vector<jobs::JobRecord>> list(const jobs::JobQuery& query);
    Result<std::shared_ptr<const jobs::Payload>> load_input(const TenantId& tenant,
                                                            const JobId& id);
    /// `after`: only a key claimed later than this.
    Result<std::optional<jobs::JobRecord>> find_idempotent(const TenantId& tenant,
                                                           const std::string& key, WallMs after);
    Result<std::optional<jobs::FileRecord>> get_file(const TenantId& tenant, const FileId& id,
                                                     WallMs now);
    Result<std::vector<jobs::FileRecord>> list_files(const jobs::FileQuery& query, WallMs now);

  private:
    Result<jobs::FileRecord> read_file_row(const TenantId& tenant, const FileId& id,
                                           const Statement& row);
    Result<std::vector<jobs::JobRecord>> list_in_snapshot(const jobs::JobQuery& query);
    Result<std::optional<jobs::JobRecord>> get_ended(const TenantId& tenant, const JobId& id);
    Result<jobs::JobRecord> read_ended(const TenantId& tenant, const Statement& row);
    Result<void> collect(Statement& rows, bool ended, const jobs::JobQuery& query,
                         std::vector<jobs::JobRecord>& out);

    Database& database_;
    Statement open_, ended_, list_open_, list_ended_, list_caller_, list_state_, list_dead_,
        open_input_, kept_input_, idempotent_, file_, files_down_, files_up_;
};

/// The two lists, each newest first, as one of at most `limit`.
std::vector<jobs::JobRecord> merge_newest_first(std::vector<jobs::JobRecord> a,
                                                std::vector<jobs::JobRecord> b, std::size_t limit);

}  // namespace headrace::stores
