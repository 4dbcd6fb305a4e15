#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/result.hpp"

/// The manifest of a backup, and files that are copied and digested on the way.
namespace headrace::main {

struct BackupFile {
    std::uint64_t size = 0;
    std::string sha256;  // hex
    bool operator==(const BackupFile&) const = default;
};

struct BackupManifest {
    std::string version;     // of the program that made it
    std::string created_at;  // RFC 3339
    bool master_key = false;
    std::map<std::string, BackupFile> files;  // by path inside the backup
};

inline constexpr std::string_view kManifestName = "backup.json";

Result<void> write_manifest(const std::filesystem::path& backup, const BackupManifest& manifest);
/// `not_found` when the folder holds no backup, `internal` when its manifest cannot be read.
Result<BackupManifest> read_manifest(const std::filesystem::path& backup);

/// `not_found` when there is no such file; `unavailable` for all else.
Result<BackupFile> digest_file(const std::filesystem::path& file);
/// Copies the content, mode 0600, fsynced; makes the folders.
Result<BackupFile> copy_file(const std::filesystem::path& from, const std::filesystem::path& to);
Result<void> sync_path(const std::filesystem::path& path);

}  // namespace headrace::main
