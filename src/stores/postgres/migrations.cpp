#include "stores/postgres/migrations.hpp"

namespace headrace::stores {
namespace {

const PgStatement kApplied{
    "steps_applied",
    "SELECT number::int8, name, checksum, applied_at, program FROM schema_migrations "
    "ORDER BY number"};
const PgStatement kNote{
    "steps_note",
    "INSERT INTO schema_migrations(number, name, checksum, applied_at, program) "
    "VALUES($1::int8, $2::text, $3::text, $4::int8, $5::text)"};
const PgStatement kForget{"steps_forget", "DELETE FROM schema_migrations WHERE number = $1::int8"};

template <class T>
Result<void> only_error(const Result<T>& result) {
    return result ? Result<void>() : fail(result.error());
}

}  // namespace

Result<void> PostgresSteps::begin() {
    if (auto begun = connection_.execute("BEGIN"); !begun) return begun;
    // The lock's number is ours alone; it goes with the transaction.
    auto made = connection_.execute(
        "SELECT pg_advisory_xact_lock(7235134421034251);"
        "CREATE TABLE IF NOT EXISTS schema_migrations(number integer PRIMARY KEY, name text NOT "
        "NULL, checksum text NOT NULL, applied_at bigint NOT NULL, program text NOT NULL)");
    if (!made) rollback();
    return made;
}

Result<std::vector<AppliedStep>> PostgresSteps::applied() {
    const auto rows = connection_.call(kApplied);
    if (!rows) return fail(rows.error());
    std::vector<AppliedStep> out;
    for (int i = 0; i < rows->size(); ++i) {
        out.push_back({static_cast<int>(rows->big(i, 0)), std::string(rows->bytes(i, 1)),
                       std::string(rows->bytes(i, 2)), rows->big(i, 3),
                       std::string(rows->bytes(i, 4))});
    }
    return out;
}

Result<void> PostgresSteps::note(const AppliedStep& row) {
    PgParameters parameters;
    parameters.big(row.number)
        .text(row.name)
        .text(row.checksum)
        .big(row.applied_at)
        .text(row.program);
    return only_error(connection_.call(kNote, std::move(parameters)));
}

Result<void> PostgresSteps::forget(int number) {
    PgParameters parameters;
    parameters.big(number);
    return only_error(connection_.call(kForget, std::move(parameters)));
}

}  // namespace headrace::stores
