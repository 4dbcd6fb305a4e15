#include "stores/sqlite/usage_reader.hpp"

#include <algorithm>
#include <iterator>

#include "stores/sqlite/usage_row.hpp"

namespace headrace::stores {
namespace {

using jobs::UsageRecord;

// An id above every other: where a list without a cursor begins.
const std::string kPastTheEnd(17, '\xff');

bool newer(const UsageRecord& a, const UsageRecord& b) {
    return a.job > b.job;
}

bool same(const UsageRecord& a, const UsageRecord& b) {
    return a.job == b.job;
}

/// Where the ids end that may share a block with this one.
std::string end_of_span(const JobId& job) {
    const std::uint64_t end = (span_of(job) + 1) << 4;
    if (end >> 40 != 0) return kPastTheEnd;
    std::string out;
    for (int shift = 32; shift >= 0; shift -= 8) out += static_cast<char>(end >> shift & 0xFF);
    return out;
}

/// Behind `out`, which is newest first, comes what is mostly older.
void merge_into(std::vector<UsageRecord>& out, std::vector<UsageRecord> more, std::size_t limit) {
    const bool in_order = out.empty() || more.empty() || newer(out.back(), more.front());
    const auto middle = static_cast<std::ptrdiff_t>(out.size());
    std::move(more.begin(), more.end(), std::back_inserter(out));
    if (!in_order) std::inplace_merge(out.begin(), out.begin() + middle, out.end(), newer);
    out.erase(std::unique(out.begin(), out.end(), same), out.end());
    if (out.size() > limit) out.resize(limit);
}

}  // namespace

struct UsageReader::Wanted {
    TenantId tenant;
    std::string name, version;
    std::string before;
    std::optional<JobId> before_job;
    WallMs from, to;
    std::size_t limit;

    Wanted(const jobs::UsageQuery& query, WallMs now)
        : tenant(query.tenant),
          name(query.capability.substr(0, query.capability.find('@'))),
          before(query.before ? query.before->raw() : kPastTheEnd),
          before_job(query.before),
          from(query.from),
          to(query.to == 0 ? now + 1 : query.to),
          limit(query.limit) {
        if (name.size() < query.capability.size())
            version = query.capability.substr(name.size() + 1);
    }
    [[nodiscard]] bool has(const UsageRecord& record) const {
        return (name.empty() || record.capability == name) &&
               (version.empty() || record.version == version) && record.finished_at >= from &&
               record.finished_at < to && (!before_job || record.job < *before_job);
    }
};

UsageReader::UsageReader(Database& database)
    : rows_(database.prepare(
          "SELECT job, capability, version, sum, body FROM usage "
          "WHERE tenant = ?1 AND job < ?2 AND (?3 = '' OR capability = ?3) AND (?4 = '' OR version "
          "= ?4) "
          "AND finished_at >= ?5 AND finished_at < ?6 ORDER BY job DESC LIMIT ?7")),
      blocks_(database.prepare(
          "SELECT last_job, first_job, earliest, latest, records, sum, body FROM usage_blocks "
          "WHERE tenant = ?1 AND last_job < ?2 AND first_job < ?3 "
          "AND latest >= ?4 AND earliest < ?5 ORDER BY last_job DESC")),
      every_row_(database.prepare("SELECT job, capability, version, sum, body, tenant FROM usage")),
      every_block_(
          database.prepare("SELECT last_job, first_job, earliest, latest, records, sum, body, "
                           "tenant FROM usage_blocks")) {}

Result<std::vector<UsageRecord>> UsageReader::list(const jobs::UsageQuery& query, WallMs now) {
    const Wanted wanted(query, now);
    auto out = from_blocks(wanted);
    if (!out) return out;
    auto rows = from_rows(wanted);
    if (!rows) return rows;
    merge_into(*out, std::move(*rows), wanted.limit);
    return out;
}

Result<UsageReader::Records> UsageReader::from_rows(const Wanted& wanted) {
    Records out;
    rows_.start(wanted.tenant.name, Blob{wanted.before}, wanted.name, wanted.version, wanted.from,
                wanted.to, static_cast<std::uint64_t>(wanted.limit));
    for (;;) {
        const auto row = rows_.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        auto record = read_usage_row(wanted.tenant, rows_);
        if (!record) {
            rows_.reset();
            return fail(record.error());
        }
        out.push_back(std::move(*record));
    }
}

// Blocks overlap: a job that ran for a while stands in one with younger ones. So they are read in
// the order of their last ids, until there are enough records above the next one's.
Result<UsageReader::Records> UsageReader::from_blocks(const Wanted& wanted) {
    Records out;
    Records block;
    const VisitUsage take = [&](const UsageRecord& record) -> Result<void> {
        if (wanted.has(record)) block.push_back(record);
        return {};
    };
    const std::string end = wanted.before_job ? end_of_span(*wanted.before_job) : kPastTheEnd;
    blocks_.start(wanted.tenant.name, Blob{end}, Blob{wanted.before}, wanted.from, wanted.to);
    for (;;) {
        const auto row = blocks_.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        if (out.size() >= wanted.limit && (out.empty() || out.back().job.raw() > blocks_.bytes(0)))
            break;
        block.clear();
        const auto read = read_usage_block(wanted.tenant, blocks_, take);
        if (!read) {
            blocks_.reset();
            return fail(read.error());
        }
        std::reverse(block.begin(), block.end());
        merge_into(out, std::move(block), wanted.limit);
    }
    blocks_.reset();
    return out;
}

Result<void> UsageReader::check_every_row() {
    every_row_.start();
    for (;;) {
        const auto row = every_row_.step();
        if (!row) return fail(row.error());
        if (!*row) break;
        const TenantId tenant(std::string(every_row_.bytes(5)));
        const auto record = read_usage_row(tenant, every_row_);
        if (record) continue;
        every_row_.reset();
        return fail(record.error());
    }
    every_block_.start();
    for (;;) {
        const auto row = every_block_.step();
        if (!row) return fail(row.error());
        if (!*row) return {};
        const TenantId tenant(std::string(every_block_.bytes(7)));
        const auto read = read_usage_block(tenant, every_block_,
                                           [](const UsageRecord&) { return Result<void>(); });
        if (read) continue;
        every_block_.reset();
        return read;
    }
}

}  // namespace headrace::stores
