#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "stores/base/sql.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace headrace::stores {

/// Bytes to bind as a BLOB; they must live until the statement is reset.
struct Blob {
    std::string_view bytes;
};

/// A prepared statement. Belongs to the thread of its database. Binds by position, from 1, in the
/// order of the arguments; texts and blobs are not copied and must live until the next reset.
class Statement {
  public:
    Statement() = default;

    /// Binds all parameters, runs a statement that gives no rows, resets it.
    template <class... Values>
    Result<void> run(const Values&... values) {
        bind_all(values...);
        return finish();
    }
    /// Binds all parameters; step() gives the rows; reset() ends it.
    template <class... Values>
    void start(const Values&... values) {
        bind_all(values...);
    }
    /// True when a row is there. After an error or the last row the statement is reset.
    Result<bool> step();
    void reset();

    [[nodiscard]] std::int64_t integer(int column) const;
    /// Valid until the next step or reset.
    [[nodiscard]] std::string_view bytes(int column) const;
    [[nodiscard]] bool is_null(int column) const;

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };

    template <class... Values>
    void bind_all(const Values&... values) {
        reset();
        int position = 0;
        (bind(++position, values), ...);
    }
    void bind(int position, std::int64_t value);
    void bind(int position, std::uint32_t value) { bind(position, std::int64_t{value}); }
    void bind(int position, std::uint64_t value) {
        bind(position, static_cast<std::int64_t>(value));
    }
    void bind(int position, int value) { bind(position, std::int64_t{value}); }
    void bind(int position, std::string_view value);
    void bind(int position, const std::string& value) { bind(position, std::string_view(value)); }
    void bind(int position, Blob value);
    void bind(int position, std::nullptr_t);
    Result<void> finish();

    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

struct DatabaseOptions {
    bool read_only = false;
    int busy_timeout_ms = 5'000;
    /// Pages in the write-ahead log after which a commit moves them into the database file.
    int checkpoint_pages = 4'000;
    /// 0 = no limit; tests fill the disk with it.
    std::int64_t max_pages = 0;
    /// Note beside the log how much of it was acknowledged; see WalMark.
    bool mark_log = false;
};

/// One connection: write-ahead log, synchronous FULL (a commit is on disk when it returns), foreign
/// keys on. Belongs to one thread at a time.
class Database {
  public:
    /// `unavailable` when the file cannot be opened or read, `internal` when it is damaged.
    static Result<Database> open(const std::string& path, const DatabaseOptions& options = {});
    /// Empty, and gone with the object.
    static Result<Database> in_memory();

    Result<void> execute(Sql sql);
    /// Throws std::logic_error when the text does not compile: it is a literal of ours.
    Statement prepare(Sql sql);
    /// For a file whose schema nobody has checked yet: an error when the text does not compile.
    Result<Statement> try_prepare(Sql sql);
    /// Rows that the last statement changed.
    [[nodiscard]] std::int64_t changes() const;
    /// Ends a transaction that an error may already have ended.
    void rollback();

  private:
    struct Close {
        void operator()(sqlite3* database) const;
    };
    struct Committed;  // what happens after each commit
    struct Forget {
        void operator()(Committed* committed) const;
    };
    std::unique_ptr<Committed, Forget> committed_;
    std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace headrace::stores
