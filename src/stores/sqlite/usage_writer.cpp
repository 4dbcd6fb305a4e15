#include "stores/sqlite/usage_writer.hpp"

#include <algorithm>
#include <tuple>

#include "stores/base/usage_block.hpp"
#include "stores/sqlite/usage_row.hpp"

namespace headrace::stores {
namespace {

bool before(const jobs::UsageRecord* a, const jobs::UsageRecord* b) {
    return std::tie(a->tenant, a->job) < std::tie(b->tenant, b->job);
}

bool same(const jobs::UsageRecord* a, const jobs::UsageRecord* b) {
    return a->job == b->job && a->tenant == b->tenant;
}

bool share_block(const jobs::UsageRecord& a, const jobs::UsageRecord& b) {
    return span_of(a.job) == span_of(b.job) && a.tenant == b.tenant;
}

}  // namespace

UsageWriter::UsageWriter(Database& database)
    : insert_(database.prepare(
          "INSERT INTO usage_blocks(tenant, last_job, number, first_job, earliest, latest, "
          "records, sum, body) VALUES(?1, ?2, (SELECT coalesce(max(number), 0) + 1 "
          "FROM usage_blocks WHERE tenant = ?1 AND last_job = ?2), ?3, ?4, ?5, ?6, ?7, ?8)")) {}

void UsageWriter::gather(std::shared_ptr<const jobs::UsageRecord> usage) {
    gathered_.push_back(std::move(usage));
}

Result<void> UsageWriter::write() {
    if (gathered_.empty()) return {};
    for (const auto& usage : gathered_) sorted_.push_back(usage.get());
    std::sort(sorted_.begin(), sorted_.end(), before);
    sorted_.erase(std::unique(sorted_.begin(), sorted_.end(), same), sorted_.end());
    Result<void> done;
    for (auto begin = sorted_.begin(); done && begin != sorted_.end();) {
        const auto end = std::find_if(begin, sorted_.end(), [&](const jobs::UsageRecord* record) {
            return !share_block(**begin, *record);
        });
        done = write_block({begin, end});
        begin = end;
    }
    sorted_.clear();
    gathered_.clear();
    return done;
}

Result<void> UsageWriter::write_block(Records records) {
    const jobs::UsageRecord& front = *records.front();
    const std::string first = front.job.raw();
    const std::string last = records.back()->job.raw();
    WallMs earliest = front.finished_at;
    WallMs latest = front.finished_at;
    for (const jobs::UsageRecord* record : records) {
        earliest = std::min(earliest, record->finished_at);
        latest = std::max(latest, record->finished_at);
    }
    const auto count = static_cast<std::int64_t>(records.size());
    const std::string body = encode_usage_block(records);
    const std::int64_t sum =
        usage_block_sum(front.tenant.name, first, last, earliest, latest, count, body);
    return insert_.run(front.tenant.name, Blob{last}, Blob{first}, earliest, latest, count, sum,
                       Blob{body});
}

}  // namespace headrace::stores
