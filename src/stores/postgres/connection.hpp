#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.hpp"
#include "stores/base/sql.hpp"
#include "stores/postgres/parameters.hpp"
#include "stores/postgres/settings.hpp"

struct pg_conn;
struct pg_result;

namespace headrace::stores {

/// A statement that a connection prepares at its first use. One static object each.
struct PgStatement {
    const char* name;
    Sql text;
};

struct PgCall {
    const PgStatement* statement = nullptr;
    PgParameters parameters;
};

/// What one call gave; columns are binary.
class PgRows {
  public:
    explicit PgRows(pg_result* result) : result_(result) {}
    [[nodiscard]] int size() const;
    /// Valid as long as this object.
    [[nodiscard]] std::string_view bytes(int row, int column) const;
    [[nodiscard]] std::int64_t big(int row, int column) const { return pg_big(bytes(row, column)); }
    [[nodiscard]] std::int16_t small(int row, int column) const {
        return pg_small(bytes(row, column));
    }
    [[nodiscard]] bool is_null(int row, int column) const;
    /// Rows that an INSERT, UPDATE or DELETE changed.
    [[nodiscard]] std::int64_t changed() const;

  private:
    struct Clear {
        void operator()(pg_result* result) const;
    };
    std::unique_ptr<pg_result, Clear> result_;
};

/// writer: plans for batches are made once and go by the primary keys, whatever the statistics say
/// about tables that were empty a minute ago.
enum class PgRole : std::uint8_t { writer, reader, listener };

/// One connection. Blocking, with a deadline on every wait; belongs to one thread at a time. After
/// an error `lost()` tells whether the connection is gone: then what was under way may or may not
/// have been committed.
class PgConnection {
  public:
    /// `unavailable` when the server cannot be reached, `invalid_argument` when it refuses us.
    static Result<PgConnection> open(const PostgresSettings& settings, PgRole role);

    /// SQL without parameters or rows, several statements too.
    Result<void> execute(Sql text);
    Result<PgRows> call(const PgStatement& statement, PgParameters parameters = {});
    /// All calls in one go and one transaction: one sync at the end, which commits. After an error
    /// nothing of it has happened (unless lost()).
    Result<std::vector<PgRows>> transact(std::span<const PgCall> calls);

    [[nodiscard]] bool lost() const { return connection_ == nullptr; }
    /// SQLSTATE of the last error of the server, or empty.
    [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }
    [[nodiscard]] int descriptor() const;
    /// Takes in what the server sent by itself; false when the connection is lost.
    bool consume();
    /// Payload of the next notification, if one came.
    bool next_notification(std::string& channel, std::string& payload);

  private:
    struct Finish {
        void operator()(pg_conn* connection) const;
    };
    using Deadline = std::chrono::steady_clock::time_point;

    PgConnection(pg_conn* connection, std::chrono::milliseconds wait)
        : connection_(connection), wait_(wait) {}

    Result<void> prepare(const PgStatement& statement);
    bool send(const PgCall& call);
    bool flush(Deadline deadline);
    bool await(short events, Deadline deadline);
    /// The next result, or null between two statements; sets `broken` when the connection is lost.
    pg_result* next(Deadline deadline, bool& broken);
    void note(const pg_result* result, Error& error);
    Error lose(const std::string& why);

    std::unique_ptr<pg_conn, Finish> connection_;
    std::chrono::milliseconds wait_;
    std::unordered_set<const PgStatement*> prepared_;
    std::string sqlstate_;
};

/// "headrace on db.example:5432 as app": what may be shown of a connection string.
/// `invalid_argument` when it is none, or holds a password.
Result<std::string> describe_url(const std::string& url);

}  // namespace headrace::stores
