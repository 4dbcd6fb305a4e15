#include "main/backup.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "main/backup_files.hpp"
#include "main/version.hpp"
#include "stores/disk/blob_layout.hpp"
#include "stores/sqlite/snapshot.hpp"

namespace headrace::main {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kEpochsPassed = 1'000'000;

/// Where a blob lies inside a data folder, and so inside a backup.
std::string inside(const TenantId& tenant, const Sha256& digest) {
    return stores::blob_path("blobs", tenant, digest);
}

/// Removes a folder that was not finished.
class Unfinished {
  public:
    explicit Unfinished(fs::path path) : path_(std::move(path)) {}
    ~Unfinished() {
        std::error_code ignored;
        if (!kept_) fs::remove_all(path_, ignored);
    }
    void keep() { kept_ = true; }

  private:
    fs::path path_;
    bool kept_ = false;
};

class Creation {
  public:
    Creation(fs::path data, fs::path to, const BackupProgress& progress)
        : data_(std::move(data)), to_(std::move(to)), progress_(progress) {}

    Result<BackupReport> run(bool with_master_key) {
        for (const char* name : {"catalog.db", "jobs.db"}) {
            if (auto taken = database(name); !taken) return fail(std::move(taken).error());
        }
        auto copied = stores::each_blob(
            (to_ / "jobs.db").string(),
            [this](const TenantId& tenant, const Sha256& digest) { return blob(tenant, digest); });
        if (!copied) return fail(std::move(copied).error());
        if (with_master_key) {
            if (auto taken = file("master.key"); !taken) return fail(std::move(taken).error());
            manifest_.master_key = report_.master_key = true;
            // A secret in the clear, too; there is none where FastChat's controller never ran.
            auto token = file("fastchat.token");
            if (!token && token.error().code != ErrorCode::not_found) {
                return fail(std::move(token).error());
            }
        }
        auto rows = stores::check_jobs_database((to_ / "jobs.db").string());
        if (!rows) return fail(std::move(rows).error());
        report_.open_jobs = rows->open;
        report_.ended_jobs = rows->ended;
        manifest_.version = kVersion;
        manifest_.created_at = to_rfc3339(SystemClock().wall());
        if (auto done = write_manifest(to_, manifest_); !done) return fail(std::move(done).error());
        if (auto done = sync_path(to_); !done) return fail(std::move(done).error());
        return report_;
    }

  private:
    Result<void> database(const std::string& name) {
        auto taken = stores::snapshot_database((data_ / name).string(), (to_ / name).string());
        if (!taken) return taken;
        auto digest = digest_file(to_ / name);
        if (!digest) return fail(std::move(digest).error());
        note(name, std::move(*digest));
        return {};
    }

    Result<void> file(const std::string& name) {
        auto copied = main::copy_file(data_ / name, to_ / name);
        if (!copied) return fail(std::move(copied).error());
        note(name, std::move(*copied));
        return {};
    }

    Result<void> blob(const TenantId& tenant, const Sha256& digest) {
        const auto name = inside(tenant, digest);
        auto copied = main::copy_file(data_ / name, to_ / name);
        if (copied) {
            note(name, std::move(*copied));
            return {};
        }
        if (copied.error().code != ErrorCode::not_found) return fail(std::move(copied).error());
        // Its row may have expired since the snapshot; if it has not, the blob is lost.
        const auto used = stores::is_blob_used((data_ / "jobs.db").string(), tenant, digest);
        if (!used) return fail(used.error());
        if (*used)
            return fail(ErrorCode::internal, "a blob is missing: " + (data_ / name).string());
        ++report_.expired;
        return {};
    }

    void note(const std::string& name, BackupFile file) {
        ++report_.files;
        report_.bytes += file.size;
        manifest_.files[name] = std::move(file);
        if (progress_) progress_(report_);
    }

    const fs::path data_;
    const fs::path to_;
    const BackupProgress& progress_;
    BackupManifest manifest_;
    BackupReport report_;
};

tl::unexpected<Error> changed(const fs::path& path) {
    return fail(ErrorCode::internal, path.string() + " is not what was backed up");
}

bool is_empty_or_absent(const fs::path& path) {
    std::error_code error;
    return !fs::exists(path, error) || (fs::is_directory(path, error) && fs::is_empty(path, error));
}

}  // namespace

Result<BackupReport> create_backup(const fs::path& data, const fs::path& to, bool with_master_key,
                                   const BackupProgress& progress) {
    std::error_code error;
    if (!fs::exists(data / "jobs.db", error)) {
        return fail(ErrorCode::not_found, data.string() + " is no data folder");
    }
    if (!is_empty_or_absent(to)) {
        return fail(ErrorCode::conflict, to.string() + " is there already");
    }
    fs::create_directories(to, error);
    Unfinished unfinished(to);
    fs::permissions(to, fs::perms::owner_all, error);
    if (error) return fail(ErrorCode::unavailable, to.string() + ": " + error.message());
    auto report = Creation(data, to, progress).run(with_master_key);
    if (report) unfinished.keep();
    return report;
}

Result<BackupReport> verify_backup(const fs::path& backup, const BackupProgress& progress) {
    auto manifest = read_manifest(backup);
    if (!manifest) return fail(std::move(manifest).error());
    BackupReport report;
    report.master_key = manifest->master_key;
    for (const auto& [name, file] : manifest->files) {
        auto found = digest_file(backup / name);
        if (!found) return fail(std::move(found).error());
        if (*found != file) return changed(backup / name);
        ++report.files;
        report.bytes += file.size;
        if (progress) progress(report);
    }
    if (auto sound = stores::check_database((backup / "catalog.db").string()); !sound) {
        return fail(std::move(sound).error());
    }
    const auto jobs_db = (backup / "jobs.db").string();
    auto rows = stores::check_jobs_database(jobs_db);
    if (!rows) return fail(std::move(rows).error());
    report.open_jobs = rows->open;
    report.ended_jobs = rows->ended;
    auto blobs = stores::each_blob(jobs_db, [&](const TenantId& tenant, const Sha256& digest) {
        const auto entry = manifest->files.find(inside(tenant, digest));
        if (entry == manifest->files.end()) {
            ++report.expired;
        } else if (entry->second.sha256 != to_hex(digest)) {
            return Result<void>(changed(backup / entry->first));
        }
        return Result<void>{};
    });
    if (!blobs) return fail(std::move(blobs).error());
    return report;
}

Result<BackupReport> restore_backup(const fs::path& backup, const fs::path& to,
                                    const BackupProgress& progress) {
    if (!is_empty_or_absent(to)) {
        return fail(ErrorCode::conflict, to.string() + " holds something already");
    }
    auto report = verify_backup(backup, progress);
    if (!report) return report;
    auto manifest = read_manifest(backup);
    if (!manifest) return fail(std::move(manifest).error());
    std::error_code error;
    fs::create_directories(to, error);
    Unfinished unfinished(to);
    fs::permissions(to, fs::perms::owner_all, error);
    if (error) return fail(ErrorCode::unavailable, to.string() + ": " + error.message());
    for (const auto& [name, file] : manifest->files) {
        auto copied = main::copy_file(backup / name, to / name);
        if (!copied) return fail(std::move(copied).error());
        if (*copied != file) return changed(to / name);
    }
    auto epoch = stores::pass_epochs((to / "jobs.db").string(), kEpochsPassed);
    if (!epoch) return fail(std::move(epoch).error());
    if (auto done = sync_path(to); !done) return fail(std::move(done).error());
    unfinished.keep();
    return report;
}

}  // namespace headrace::main
