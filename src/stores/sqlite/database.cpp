#include "stores/sqlite/database.hpp"

#include <fcntl.h>

#include <stdexcept>

#include <sqlite3.h>

#include "base/unique_fd.hpp"
#include "stores/sqlite/wal_mark.hpp"

namespace headrace::stores {
namespace {

constexpr int kTryAgainAfterS = 5;
constexpr std::size_t kLongestSaid = 300;

/// SQLite repeats the SQL of a damaged schema, however many lines it has: an error is one line.
std::string one_line(std::string_view said) {
    std::string out;
    for (const char c : said.substr(0, kLongestSaid)) {
        const bool blank = c == ' ' || static_cast<unsigned char>(c) < ' ';
        if (!blank) out += c;
        if (blank && !out.ends_with(' ')) out += ' ';
    }
    return said.size() > kLongestSaid ? out + "..." : out;
}

Error error_of(int code, const char* message) {
    Error error;
    error.message = "sqlite: " + one_line(message);
    switch (code & 0xFF) {
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_NOMEM:
            error.code = ErrorCode::unavailable;
            error.retry_after_s = kTryAgainAfterS;
            break;
        case SQLITE_CONSTRAINT:
            error.code = ErrorCode::conflict;
            break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            error.message = "the database file is damaged: " + error.message;
            break;
        default:
            break;
    }
    return error;
}

Error error_of(sqlite3* database) {
    return error_of(sqlite3_extended_errcode(database), sqlite3_errmsg(database));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}
void Database::Close::operator()(sqlite3* database) const {
    sqlite3_close_v2(database);
}

/// Called by SQLite when a commit is on disk, with the number of frames in the log.
struct Database::Committed {
    std::unique_ptr<WalMark> mark;
    int checkpoint_pages = 0;

    static int run(void* self, sqlite3* database, const char* name, int frames) {
        auto& committed = *static_cast<Committed*>(self);
        if (committed.mark) committed.mark->note(static_cast<std::uint64_t>(frames));
        if (frames >= committed.checkpoint_pages)
            sqlite3_wal_checkpoint_v2(database, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
        return SQLITE_OK;
    }
};

void Database::Forget::operator()(Committed* committed) const {
    delete committed;
}

void Statement::bind(int position, std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), position, value);
}
void Statement::bind(int position, std::string_view value) {
    const char* const data = value.data() == nullptr ? "" : value.data();
    sqlite3_bind_text64(statement_.get(), position, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}
void Statement::bind(int position, Blob value) {
    const char* const data = value.bytes.data() == nullptr ? "" : value.bytes.data();
    sqlite3_bind_blob64(statement_.get(), position, data, value.bytes.size(), SQLITE_STATIC);
}
void Statement::bind(int position, std::nullptr_t) {
    sqlite3_bind_null(statement_.get(), position);
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        reset();
        return false;
    }
    Error error = error_of(sqlite3_db_handle(statement_.get()));
    reset();
    return fail(std::move(error));
}

Result<void> Statement::finish() {
    const auto stepped = step();
    if (!stepped) return fail(stepped.error());
    if (*stepped) reset();
    return {};
}

void Statement::reset() {
    sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}
std::string_view Statement::bytes(int column) const {
    const void* const data = sqlite3_column_blob(statement_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), size);
}
bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::string& path, const DatabaseOptions& options) {
    // Counting every allocation takes a lock around each, and nobody reads the counts.
    static const int kUncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)kUncounted;
    if (!options.read_only) {
        // SQLite gives its log and index files the mode of the database file: nobody else's
        // business.
        const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    }
    sqlite3* raw = nullptr;
    const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
    Database database;
    database.database_.reset(raw);
    if (code != SQLITE_OK)
        return fail(error_of(code, raw == nullptr ? "no memory" : sqlite3_errmsg(raw)));
    sqlite3_busy_timeout(raw, options.busy_timeout_ms);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    auto set_up = database.execute(
        "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
        "PRAGMA cache_size = -16384;");
    if (set_up && options.read_only) set_up = database.execute("PRAGMA query_only = ON");
    if (set_up && !options.read_only) {
        set_up = database.execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = FAST;");
        database.committed_.reset(new Committed{options.mark_log ? WalMark::open(path) : nullptr,
                                                options.checkpoint_pages});
        sqlite3_wal_hook(raw, &Committed::run, database.committed_.get());
    }
    if (!set_up) return fail(std::move(set_up).error());
    if (options.max_pages > 0) {
        const std::string limit = "PRAGMA max_page_count = " + std::to_string(options.max_pages);
        sqlite3_exec(raw, limit.c_str(), nullptr, nullptr, nullptr);
    }
    return database;
}

Result<Database> Database::in_memory() {
    sqlite3* raw = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
    const int code = sqlite3_open_v2(":memory:", &raw, flags, nullptr);
    Database database;
    database.database_.reset(raw);
    if (code != SQLITE_OK) {
        return fail(error_of(code, raw == nullptr ? "no memory" : sqlite3_errmsg(raw)));
    }
    return database;
}

Result<void> Database::execute(Sql sql) {
    const std::string text(sql.text());
    if (sqlite3_exec(database_.get(), text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return fail(error_of(database_.get()));
    }
    return {};
}

Result<Statement> Database::try_prepare(Sql sql) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v3(database_.get(), sql.text().data(), static_cast<int>(sql.text().size()),
                           SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    Statement statement;
    statement.statement_.reset(raw);
    if (code != SQLITE_OK) return fail(error_of(database_.get()));
    return statement;
}

Statement Database::prepare(Sql sql) {
    auto statement = try_prepare(sql);
    if (!statement)
        throw std::logic_error("statement does not compile: " + statement.error().message);
    return std::move(*statement);
}

std::int64_t Database::changes() const {
    return sqlite3_changes64(database_.get());
}

void Database::rollback() {
    if (sqlite3_get_autocommit(database_.get()) == 0) {
        sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
}

}  // namespace headrace::stores
