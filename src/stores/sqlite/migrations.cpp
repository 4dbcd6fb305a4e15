#include "stores/sqlite/migrations.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/digest.hpp"
#include "base/unique_fd.hpp"
#include "stores/sqlite/wal_check.hpp"

namespace headrace::stores {
namespace {

std::string checksum(const Migration& step) {
    const Sha256 digest = sha256(step.text.text());
    return std::string(digest.begin(), digest.end());
}

Result<int> applied_steps(Database& database, std::span<const Migration> steps) {
    int last = 0;
    Statement select = database.prepare("SELECT number, checksum FROM migrations ORDER BY number");
    select.start();
    for (;;) {
        const auto row = select.step();
        if (!row) return fail(row.error());
        if (!*row) return last;
        const auto number = select.integer(0);
        if (number > static_cast<std::int64_t>(steps.size())) {
            return fail(ErrorCode::internal, "was written by a newer version of headrace");
        }
        if (number != last + 1 ||
            select.bytes(1) != checksum(steps[static_cast<std::size_t>(last)])) {
            return fail(ErrorCode::internal,
                        "migration " + std::to_string(number) + " is not the one of this program");
        }
        ++last;
    }
}

Result<void> apply(Database& database, const Migration& step) {
    auto done = database.execute("BEGIN IMMEDIATE");
    if (done) done = database.execute(step.text);
    if (done) {
        const std::string sum = checksum(step);
        done = database.prepare("INSERT INTO migrations(number, checksum) VALUES(?, ?)")
                   .run(step.number, Blob{sum});
    }
    if (done) done = database.execute("COMMIT");
    if (!done) database.rollback();
    return done;
}

auto damaged(const std::string& path, const std::string& what) {
    return fail(ErrorCode::internal, path + " " + what);
}

Result<void> full_check(Database& database) {
    Statement check = database.prepare("PRAGMA integrity_check(1)");
    check.start();
    const auto row = check.step();
    if (!row) return fail(row.error());
    if (*row && check.bytes(0) == "ok") return {};
    return fail(ErrorCode::internal,
                "the database file is damaged: " +
                    (*row ? std::string(check.bytes(0)) : std::string("no answer")));
}

/// A new database comes under its name only when it is whole: an empty or half-made file of that
/// name is damage, not a beginning.
Result<void> make_new(const std::string& path, std::span<const Migration> steps,
                      const DatabaseOptions& options) {
    const std::string fresh = path + ".new";
    for (const char* part : {"", "-wal", "-shm"}) ::unlink((fresh + part).c_str());
    {
        auto database = Database::open(fresh, options);
        if (!database) return fail(database.error());
        if (auto ready = migrate(*database, steps); !ready) return ready;
    }
    const auto folder = std::filesystem::path(path).parent_path();
    const UniqueFd directory(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (::rename(fresh.c_str(), path.c_str()) != 0 || !directory || ::fsync(directory.get()) != 0) {
        return fail(ErrorCode::unavailable, std::string("cannot be made: ") + std::strerror(errno));
    }
    return {};
}

}  // namespace

Result<void> migrate(Database& database, std::span<const Migration> steps) {
    auto made = database.execute(
        "CREATE TABLE IF NOT EXISTS migrations(number INTEGER PRIMARY KEY, checksum BLOB NOT "
        "NULL)");
    if (!made) return made;
    const auto last = applied_steps(database, steps);
    if (!last) return fail(last.error());
    for (const Migration& step : steps.subspan(static_cast<std::size_t>(*last))) {
        auto done = apply(database, step);
        if (!done) return done;
    }
    return {};
}

Result<Database> open_checked(const std::string& path, std::span<const Migration> steps,
                              const DatabaseOptions& options, std::uint64_t full_check_bytes) {
    if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
        if (auto made = make_new(path, steps, options); !made)
            return damaged(path, made.error().message);
    }
    if (auto log = check_wal(path + "-wal"); !log) return damaged(path, log.error().message);
    if (auto head = check_head(path); !head) return damaged(path, head.error().message);
    auto database = Database::open(path, options);
    if (!database) return damaged(path, database.error().message);
    // Only now, with the log moved into it, must the file hold as many pages as its head says.
    auto moved = database->execute("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!moved) return damaged(path, moved.error().message);
    if (auto whole = check_file_size(path); !whole) return damaged(path, whole.error().message);
    std::error_code ignored;
    if (std::filesystem::file_size(path, ignored) <= full_check_bytes) {
        if (auto sound = full_check(*database); !sound) return damaged(path, sound.error().message);
    }
    if (auto ready = migrate(*database, steps); !ready) return damaged(path, ready.error().message);
    return database;
}

}  // namespace headrace::stores
