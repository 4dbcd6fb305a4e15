#include "stores/sqlite/usage_row.hpp"

#include "stores/base/records.hpp"
#include "stores/base/row_codec.hpp"
#include "stores/base/usage_block.hpp"

namespace headrace::stores {
namespace {

using jobs::UsageRecord;

std::int64_t row_sum(const UsageRecord& record, std::string_view id, std::string_view body) {
    return RowSum("usage")
        .add(record.tenant.name)
        .add(id)
        .add(record.capability)
        .add(record.version)
        .add(body)
        .value();
}

Result<void> write_row(Statement& insert, const UsageRecord& record) {
    const std::string id = record.job.raw();
    const std::string body = encode_usage(record);
    return insert.run(record.tenant.name, Blob{id}, record.capability, record.version,
                      record.finished_at, row_sum(record, id, body), Blob{body});
}

}  // namespace

std::uint64_t span_of(const JobId& job) {
    std::uint64_t span = 0;
    for (std::size_t i = 0; i < 5; ++i) span = span << 8 | job.bytes[i];
    return span >> 4;
}

Result<UsageRecord> read_usage_row(const TenantId& tenant, const Statement& row) {
    UsageRecord record;
    const std::string id(row.bytes(0));
    record.job = JobId::from_raw(id).value_or(JobId{});
    record.tenant = tenant;
    record.capability = row.bytes(1);
    record.version = row.bytes(2);
    const std::string_view body = row.bytes(4);
    if (row_sum(record, id, body) != row.integer(3) || !decode_usage(body, record))
        return damaged_row("usage", record.job);
    return record;
}

Result<void> read_usage_block(const TenantId& tenant, const Statement& row,
                              const VisitUsage& visit) {
    const std::string_view last = row.bytes(0);
    const std::string_view body = row.bytes(6);
    const std::int64_t sum = usage_block_sum(tenant.name, row.bytes(1), last, row.integer(2),
                                             row.integer(3), row.integer(4), body);
    std::int64_t count = 0;
    UsageBlockReader block(body, tenant);
    if (sum == row.integer(5)) {
        for (; const UsageRecord* record = block.next(); ++count) {
            if (auto done = visit(*record); !done) return done;
        }
    }
    if (sum == row.integer(5) && block.complete() && count == row.integer(4)) return {};
    return damaged_row("usage_blocks", JobId::from_raw(last).value_or(JobId{}));
}

std::int64_t usage_block_sum(std::string_view tenant, std::string_view first_job,
                             std::string_view last_job, WallMs earliest, WallMs latest,
                             std::int64_t records, std::string_view body) {
    return RowSum("usage_blocks")
        .add(tenant)
        .add(first_job)
        .add(last_job)
        .add(earliest)
        .add(latest)
        .add(records)
        .add(body)
        .value();
}

Result<void> spread_usage_blocks(Database& database) {
    auto blocks = database.try_prepare(
        "SELECT last_job, first_job, earliest, latest, records, sum, body, tenant "
        "FROM usage_blocks");
    if (!blocks) return fail(blocks.error());
    auto insert = database.try_prepare(
        "INSERT OR IGNORE INTO usage(tenant, job, capability, version, finished_at, sum, body) "
        "VALUES(?, ?, ?, ?, ?, ?, ?)");
    if (!insert) return fail(insert.error());
    blocks->start();
    for (;;) {
        const auto row = blocks->step();
        if (!row) return fail(row.error());
        if (!*row) return {};
        const TenantId tenant(std::string(blocks->bytes(7)));
        auto done = read_usage_block(
            tenant, *blocks, [&](const UsageRecord& record) { return write_row(*insert, record); });
        if (!done) return done;
    }
}

}  // namespace headrace::stores
