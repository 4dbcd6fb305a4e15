#include "stores/sqlite/migrations.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/unique_fd.hpp"
#include "stores/sqlite/usage_row.hpp"
#include "stores/sqlite/wal_check.hpp"

namespace headrace::stores {
namespace {

auto damaged(const std::string& path, const std::string& what) {
    return fail(ErrorCode::internal, path + " " + what);
}

/// A new database comes under its name only when it is whole: an empty or half-made file of that
/// name is damage, not a beginning.
Result<void> make_new(const std::string& path, std::span<const Step> steps,
                      const OpenOptions& options) {
    const std::string fresh = path + ".new";
    for (const char* part : {"", "-wal", "-shm"}) ::unlink((fresh + part).c_str());
    {
        auto database = Database::open(fresh, options.database);
        if (!database) return fail(database.error());
        SqliteSteps target(*database);
        // A new file has no rows that anybody could want to see to first.
        MigrateOptions migrate = options.migrate;
        migrate.on_pending = OnPending::apply;
        if (auto ready = migrate_at_start(target, steps, migrate); !ready) return ready;
        // The log stays behind under the old name, so all must be in the file; closing would do
        // the same, but cannot say that it failed.
        if (auto moved = database->execute("PRAGMA wal_checkpoint(TRUNCATE)"); !moved) return moved;
    }
    const auto folder = std::filesystem::path(path).parent_path();
    const UniqueFd directory(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (::rename(fresh.c_str(), path.c_str()) != 0 || !directory || ::fsync(directory.get()) != 0) {
        return fail(ErrorCode::unavailable, std::string("cannot be made: ") + std::strerror(errno));
    }
    return {};
}

/// The text of everything the schema consists of, by kind and name.
Result<std::map<std::string, std::string>> schema_of(Database& database) {
    std::map<std::string, std::string> found;
    auto select = database.try_prepare(
        "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema "
        "WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'");
    if (!select) return fail(select.error());
    select->start();
    for (;;) {
        const auto row = select->step();
        if (!row) return fail(row.error());
        if (!*row) return found;
        found.emplace(select->bytes(0), select->bytes(1));
    }
}

/// No page has a checksum, so the schema's own text is held against what the applied steps make of
/// an empty database: a name that changed there would be met by a statement of ours.
Result<void> check_schema(SqliteSteps& target, Database& database, std::span<const Step> steps) {
    const auto applied = applied_steps(target, steps);
    if (!applied) return fail(applied.error());
    auto model = Database::in_memory();
    if (!model) return fail(model.error());
    for (const auto& done : *applied) {
        const auto step = std::ranges::find(steps, done.number, &Step::number);
        if (step == steps.end()) continue;
        if (auto made = model->execute(step->up); !made) return made;
    }
    const auto wanted = schema_of(*model);
    if (!wanted) return fail(wanted.error());
    const auto present = schema_of(database);
    if (!present) return fail(present.error());
    for (const auto& [what, text] : *wanted) {
        const auto found = present->find(what);
        if (found != present->end() && found->second == text) continue;
        return fail(ErrorCode::internal, "the database file is damaged: " + what +
                                             " is not what the steps of its schema made");
    }
    return {};
}

}  // namespace

Result<void> check_structure(Database& database) {
    auto check = database.try_prepare("PRAGMA integrity_check(1)");
    if (!check) return fail(check.error());
    check->start();
    const auto row = check->step();
    if (!row) return fail(row.error());
    if (*row && check->bytes(0) == "ok") return {};
    std::string found = *row ? std::string(check->bytes(0)) : std::string("no answer");
    std::replace(found.begin(), found.end(), '\n', ' ');
    return fail(ErrorCode::internal, "the database file is damaged: " + found);
}

Result<void> SqliteSteps::begin() {
    if (auto begun = database_.execute("BEGIN EXCLUSIVE"); !begun) return begun;
    auto made = database_.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations(number INTEGER PRIMARY KEY, name TEXT NOT "
        "NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL, program TEXT NOT NULL) STRICT");
    if (made) made = take_over();
    if (!made) database_.rollback();
    return made;
}

Result<void> SqliteSteps::take_over() {
    auto old = database_.try_prepare(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations' "
        "AND NOT EXISTS (SELECT 1 FROM schema_migrations)");
    if (!old) return fail(old.error());
    old->start();
    const auto found = old->step();
    if (!found) return fail(found.error());
    if (!*found) return {};
    old->reset();
    return database_.execute(
        "INSERT INTO schema_migrations(number, name, checksum, applied_at, program) "
        "SELECT number, 'first schema', lower(hex(checksum)), 0, '0.1.0' FROM migrations");
}

Result<std::vector<AppliedStep>> SqliteSteps::applied() {
    std::vector<AppliedStep> out;
    auto select = database_.try_prepare(
        "SELECT number, name, checksum, applied_at, program FROM schema_migrations "
        "ORDER BY number");
    if (!select) return fail(select.error());
    select->start();
    for (;;) {
        const auto row = select->step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        out.push_back({static_cast<int>(select->integer(0)), std::string(select->bytes(1)),
                       std::string(select->bytes(2)), select->integer(3),
                       std::string(select->bytes(4))});
    }
}

Result<void> SqliteSteps::before_down(int number) {
    if (number != kUsageBlocksStep) return {};
    auto blocks = database_.try_prepare("SELECT 1 FROM sqlite_schema WHERE name = 'usage_blocks'");
    if (!blocks) return fail(blocks.error());
    blocks->start();
    const auto found = blocks->step();
    if (!found) return fail(found.error());
    blocks->reset();
    return *found ? spread_usage_blocks(database_) : Result<void>();
}

Result<void> SqliteSteps::note(const AppliedStep& row) {
    auto insert = database_.try_prepare(
        "INSERT INTO schema_migrations(number, name, checksum, applied_at, program) "
        "VALUES(?, ?, ?, ?, ?)");
    if (!insert) return fail(insert.error());
    return insert->run(row.number, row.name, row.checksum, row.applied_at, row.program);
}

Result<void> SqliteSteps::forget(int number) {
    auto remove = database_.try_prepare("DELETE FROM schema_migrations WHERE number = ?");
    if (!remove) return fail(remove.error());
    if (auto done = remove->run(number); !done) return done;
    auto old = database_.try_prepare("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'");
    if (!old) return fail(old.error());
    old->start();
    const auto found = old->step();
    if (!found) return fail(found.error());
    if (!*found) return {};
    old->reset();
    auto before = database_.try_prepare("DELETE FROM migrations WHERE number = ?");
    if (!before) return fail(before.error());
    return before->run(number);
}

Result<Database> open_checked(const std::string& path, std::span<const Step> steps,
                              const OpenOptions& options) {
    if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
        if (auto made = make_new(path, steps, options); !made)
            return damaged(path, made.error().message);
    }
    if (auto log = check_wal(path + "-wal", read_mark(path)); !log)
        return damaged(path, log.error().message);
    if (auto head = check_head(path); !head) return damaged(path, head.error().message);
    DatabaseOptions marked = options.database;
    marked.mark_log = true;
    auto database = Database::open(path, marked);
    if (!database) return damaged(path, database.error().message);
    // Only now, with the log moved into it, must the file hold as many pages as its head says.
    auto moved = database->execute("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!moved) return damaged(path, moved.error().message);
    if (auto whole = check_file_size(path); !whole) return damaged(path, whole.error().message);
    std::error_code ignored;
    if (std::filesystem::file_size(path, ignored) <= options.full_check_bytes) {
        if (auto sound = check_structure(*database); !sound)
            return damaged(path, sound.error().message);
    }
    SqliteSteps target(*database);
    if (auto ready = migrate_at_start(target, steps, options.migrate); !ready) {
        return fail(ready.error().code, path + " " + ready.error().message);
    }
    if (auto sound = check_schema(target, *database, steps); !sound)
        return damaged(path, sound.error().message);
    return database;
}

}  // namespace headrace::stores
