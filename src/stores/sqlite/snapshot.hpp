#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/digest.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

/// What a backup needs of the two databases. All of it blocks. Another process may be writing them.
namespace headrace::stores {

/// Writes the database `from`, as it is at one moment, to the new file `to`, fsynced.
Result<void> snapshot_database(const std::string& from, const std::string& to);

struct RowCounts {
    std::uint64_t open = 0;
    std::uint64_t ended = 0;
};
/// Holds a database file against itself: structure and, of jobs.db, the checksum of every job
/// and usage record.
/// `internal` names what is damaged.
Result<RowCounts> check_jobs_database(const std::string& path);
Result<void> check_database(const std::string& path);

/// Each blob that jobs.db refers to, once for each tenant; ends at the first error of `visit`.
using VisitBlob = std::function<Result<void>(const TenantId&, const Sha256&)>;
Result<void> each_blob(const std::string& jobs_db, const VisitBlob& visit);

/// Whether a row refers to the blob.
Result<bool> is_blob_used(const std::string& jobs_db, const TenantId& tenant, const Sha256& digest);

/// A job log that was put back is behind: leases were given after the backup was made. From here on
/// its fences are above all of them.
Result<std::uint64_t> pass_epochs(const std::string& jobs_db, std::int64_t by);

}  // namespace headrace::stores
