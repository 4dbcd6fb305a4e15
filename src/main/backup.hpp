#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.hpp"

/// Backups of a data folder (SQLite). A backup is a folder of the same shape, with a manifest:
///
///     backup.json   version, time, every file with its size and SHA-256
///     jobs.db  catalog.db  blobs/…  [master.key  fastchat.token]
///
/// It is made while the server runs: each database as it was at one moment, then the blobs that it
/// refers to, which never change. All calls block.
namespace headrace::main {

struct BackupReport {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t open_jobs = 0;
    std::uint64_t ended_jobs = 0;
    std::uint64_t expired = 0;  // blobs that the server removed while the backup was being made
    bool master_key = false;
};

/// Called now and then with what has been done so far.
using BackupProgress = std::function<void(const BackupReport&)>;

/// `conflict` when `to` is there already; nothing of the name is left behind by a failure.
Result<BackupReport> create_backup(const std::filesystem::path& data,
                                   const std::filesystem::path& to, bool with_master_key,
                                   const BackupProgress& progress);
/// Reads everything: sizes and digests, the structure of the databases, every job, every blob that
/// a row refers to. `internal` names the first thing that is not as it was.
Result<BackupReport> verify_backup(const std::filesystem::path& backup,
                                   const BackupProgress& progress);
/// Verifies, then makes the data folder `to`, which must not be there or be empty.
Result<BackupReport> restore_backup(const std::filesystem::path& backup,
                                    const std::filesystem::path& to,
                                    const BackupProgress& progress);

}  // namespace headrace::main
