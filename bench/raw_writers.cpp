#include "raw_writers.hpp"

#include <libpq-fe.h>
#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace headrace::bench {
namespace {

class RawSqlite final : public RawWriter {
  public:
    explicit RawSqlite(const std::string& file) {
        check(sqlite3_open(file.c_str(), &database_));
        run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;"
            "CREATE TABLE jobs(tenant TEXT, id BLOB, state INTEGER, row BLOB,"
            "PRIMARY KEY(tenant, id)) WITHOUT ROWID");
        sqlite3_wal_autocheckpoint(database_, 4000);
        check(sqlite3_prepare_v2(database_, "INSERT INTO jobs VALUES('default', ?, 0, ?)", -1,
                                 &insert_, nullptr));
    }
    ~RawSqlite() override {
        sqlite3_finalize(insert_);
        sqlite3_close(database_);
    }
    RawSqlite(const RawSqlite&) = delete;
    RawSqlite& operator=(const RawSqlite&) = delete;

    void commit(std::span<const Uuid> ids, std::string_view row) override {
        run("BEGIN IMMEDIATE");
        for (const auto& id : ids) {
            sqlite3_bind_blob(insert_, 1, id.bytes.data(), 16, SQLITE_STATIC);
            sqlite3_bind_blob(insert_, 2, row.data(), static_cast<int>(row.size()), SQLITE_STATIC);
            check(sqlite3_step(insert_));
            sqlite3_reset(insert_);
        }
        run("COMMIT");
    }

  private:
    void run(const char* sql) { check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr)); }
    void check(int code) {
        if (code != SQLITE_OK && code != SQLITE_DONE)
            throw std::runtime_error(sqlite3_errmsg(database_));
    }

    sqlite3* database_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
};

constexpr Oid kBytea = 17;
constexpr Oid kByteaArray = 1001;
constexpr Oid kUuid = 2950;
constexpr Oid kUuidArray = 2951;

void append_number(std::string& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

/// A one-dimensional array without nulls in PostgreSQL's binary form, ready for its elements.
std::string array_of(Oid type, std::size_t count) {
    std::string out;
    for (const std::uint32_t number :
         {1U, 0U, static_cast<std::uint32_t>(type), static_cast<std::uint32_t>(count), 1U}) {
        append_number(out, number);
    }
    return out;
}

void append_element(std::string& out, std::string_view element) {
    append_number(out, static_cast<std::uint32_t>(element.size()));
    out.append(element);
}

class RawPostgres final : public RawWriter {
  public:
    explicit RawPostgres(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
        if (PQstatus(connection_) != CONNECTION_OK) fail();
        check(PQexec(connection_, "SET client_min_messages = error"));
        check(PQexec(connection_, "DROP TABLE IF EXISTS raw_jobs"));
        check(PQexec(connection_,
                     "CREATE TABLE raw_jobs(tenant text, id uuid, state smallint, row bytea,"
                     "PRIMARY KEY(tenant, id))"));
        constexpr std::array<Oid, 2> kTypes{kUuidArray, kByteaArray};
        check(PQprepare(connection_, "insert",
                        "INSERT INTO raw_jobs SELECT 'default', id, 0, row "
                        "FROM unnest($1, $2) AS rows(id, row)",
                        2, kTypes.data()));
    }
    ~RawPostgres() override { PQfinish(connection_); }
    RawPostgres(const RawPostgres&) = delete;
    RawPostgres& operator=(const RawPostgres&) = delete;

    void commit(std::span<const Uuid> ids, std::string_view row) override {
        std::string uuids = array_of(kUuid, ids.size());
        std::string rows = array_of(kBytea, ids.size());
        for (const auto& id : ids) {
            append_element(uuids,
                           {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
            append_element(rows, row);
        }
        const std::array<const char*, 2> values{uuids.data(), rows.data()};
        const std::array<int, 2> sizes{static_cast<int>(uuids.size()),
                                       static_cast<int>(rows.size())};
        constexpr std::array<int, 2> kBinary{1, 1};
        check(PQexecPrepared(connection_, "insert", 2, values.data(), sizes.data(), kBinary.data(),
                             1));
    }

  private:
    [[noreturn]] void fail() { throw std::runtime_error(PQerrorMessage(connection_)); }
    void check(PGresult* result) {
        const auto status = PQresultStatus(result);
        PQclear(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail();
    }

    PGconn* connection_;
};

}  // namespace

std::unique_ptr<RawWriter> raw_sqlite(const std::string& file) {
    return std::make_unique<RawSqlite>(file);
}

std::unique_ptr<RawWriter> raw_postgres(const std::string& url) {
    return std::make_unique<RawPostgres>(url);
}

}  // namespace headrace::bench
