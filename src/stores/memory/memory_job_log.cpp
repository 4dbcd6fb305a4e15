#include "stores/memory/memory_job_log.hpp"

#include <algorithm>

namespace headrace::stores {
namespace {

using jobs::JobRecord;
using jobs::LogWrite;
constexpr std::int64_t kIdempotencyKeepMs = 24LL * 3600 * 1000;

bool names(const std::string& wanted, const std::string& capability, const std::string& version) {
    return wanted.empty() || wanted == capability || wanted == capability + '@' + version;
}

}  // namespace

MemoryJobLog::MemoryJobLog(MemoryDisk& disk, VirtualTime& time, DiskBehaviour behaviour)
    : disk_(disk), time_(time), behaviour_(std::move(behaviour)) {}

MemoryJobLog::~MemoryJobLog() = default;

void MemoryJobLog::crash(bool commit_arrived) {
    alive_.reset();
    if (!commit_arrived) return;
    for (Change& change : committing_) (void)change.apply();
}

Result<std::uint64_t> MemoryJobLog::begin_epoch() {
    return ++disk_.epoch;
}

Result<void> MemoryJobLog::load_open(const TakeJob& take) {
    for (const auto& [id, row] : disk_.jobs) {
        if (!jobs::is_terminal(row.record.state)) take(row.record);
    }
    return {};
}

void MemoryJobLog::add(Change change) {
    waiting_.push_back(std::move(change));
    if (committing_.empty()) commit();
}

void MemoryJobLog::commit() {
    committing_.swap(waiting_);
    time_.after(delay(), [this, alive = std::weak_ptr<char>(alive_)] {
        if (!alive.expired()) committed(behaviour_.fails && behaviour_.fails());
    });
}

void MemoryJobLog::committed(bool failed) {
    // Answers may write again, or end this log: the batch is ours alone from here on.
    auto batch = std::move(committing_);
    committing_.clear();
    std::vector<Result<void>> results;
    for (Change& change : batch) {
        if (failed)
            results.push_back(fail(ErrorCode::unavailable, "the disk is full"));
        else
            results.push_back(change.apply());
    }
    if (!waiting_.empty()) commit();
    const std::weak_ptr<char> alive = alive_;
    for (std::size_t i = 0; i < batch.size() && !alive.expired(); ++i) {
        batch[i].done(std::move(results[i]));
    }
}

template <class T, class Read>
void MemoryJobLog::read(Read look, jobs::Done<T> done) {
    time_.after(delay(), [alive = std::weak_ptr<char>(alive_), look = std::move(look),
                          done = std::move(done)]() mutable {
        if (!alive.expired()) done(look());
    });
}

void MemoryJobLog::write(LogWrite write, jobs::Done<void> done) {
    auto shared = std::make_shared<LogWrite>(std::move(write));
    add({[this, shared] { return apply(*shared); }, std::move(done)});
}

Result<void> MemoryJobLog::apply(const LogWrite& write) {
    const JobRecord& job = *write.job;
    if (write.kind == LogWrite::Kind::usage) {
        ++disk_.metered[job.id];
        disk_.usage.emplace(job.id, *write.usage);
        return {};
    }
    const auto at = disk_.jobs.find(job.id);
    if (write.kind == LogWrite::Kind::accept) {
        if (at != disk_.jobs.end()) return fail(ErrorCode::conflict, "a job with this id is there");
        if (job.idempotency) {
            const auto key = std::make_pair(job.tenant.name, job.idempotency->key);
            const auto held = disk_.keys.find(key);
            if (held != disk_.keys.end() && key_stands(held->second)) {
                return fail(ErrorCode::conflict, "the idempotency key is in use");
            }
            disk_.keys[key] = job.id;
        }
        MemoryDisk::Row row{job, job.input};
        row.record.input.reset();
        disk_.jobs.emplace(job.id, std::move(row));
        if (jobs::is_terminal(job.state)) apply_end(write);
        return {};
    }
    if (write.kind == LogWrite::Kind::finish &&
        (at == disk_.jobs.end() || jobs::is_terminal(at->second.record.state))) {
        ++disk_.refused_ends;
    }
    if (at == disk_.jobs.end() || at->second.record.tenant != job.tenant) {
        return fail(ErrorCode::not_found, "no such job");
    }
    JobRecord& stored = at->second.record;
    const bool ended = jobs::is_terminal(stored.state);
    if (ended != (write.kind == LogWrite::Kind::remove_output)) {
        return fail(ErrorCode::conflict, ended ? "the job has ended" : "the job has not ended");
    }
    auto idempotency = std::move(stored.idempotency);
    stored = job;
    stored.input.reset();
    stored.idempotency = std::move(idempotency);
    if (write.kind == LogWrite::Kind::finish) apply_end(write);
    if (write.kind == LogWrite::Kind::remove_output) {
        at->second.input.reset();
        std::erase_if(disk_.files, [&](const auto& entry) { return entry.second.job == job.id; });
    }
    return {};
}

bool MemoryJobLog::key_stands(JobId id) const {
    return disk_.jobs.at(id).record.created_at + kIdempotencyKeepMs > time_.wall();
}

void MemoryJobLog::apply_end(const LogWrite& write) {
    for (const auto& file : write.files) disk_.files[file.id] = file;
    if (!write.usage) return;
    ++disk_.metered[write.usage->job];
    disk_.usage.emplace(write.usage->job, *write.usage);
}

void MemoryJobLog::get(TenantId tenant, JobId id, jobs::Done<std::optional<JobRecord>> done) {
    read<std::optional<JobRecord>>(
        [this, tenant = std::move(tenant), id]() -> Result<std::optional<JobRecord>> {
            const auto at = disk_.jobs.find(id);
            if (at == disk_.jobs.end() || at->second.record.tenant != tenant) return std::nullopt;
            return at->second.record;
        },
        std::move(done));
}

void MemoryJobLog::list(jobs::JobQuery query, jobs::Done<std::vector<JobRecord>> done) {
    read<std::vector<JobRecord>>(
        [this, query = std::move(query)]() -> Result<std::vector<JobRecord>> {
            std::vector<JobRecord> found;
            for (auto at = disk_.jobs.rbegin(); at != disk_.jobs.rend(); ++at) {
                const JobRecord& job = at->second.record;
                if (found.size() >= query.limit) break;
                if (job.tenant != query.tenant || (query.before && !(job.id < *query.before)))
                    continue;
                if (query.caller && job.caller != *query.caller) continue;
                if (query.state && job.state != *query.state) continue;
                if (query.dead_only && !(job.error && job.error->reason == "dead")) continue;
                if (names(query.capability, job.capability, job.version)) found.push_back(job);
            }
            return found;
        },
        std::move(done));
}

void MemoryJobLog::load_input(TenantId tenant, JobId id,
                              jobs::Done<std::shared_ptr<const jobs::Payload>> done) {
    read<std::shared_ptr<const jobs::Payload>>(
        [this, tenant = std::move(tenant), id]() -> Result<std::shared_ptr<const jobs::Payload>> {
            const auto at = disk_.jobs.find(id);
            if (at == disk_.jobs.end() || at->second.record.tenant != tenant) {
                return fail(ErrorCode::not_found, "no such job");
            }
            return at->second.input;
        },
        std::move(done));
}

void MemoryJobLog::find_idempotent(TenantId tenant, std::string key,
                                   jobs::Done<std::optional<JobRecord>> done) {
    read<std::optional<JobRecord>>(
        [this, tenant = std::move(tenant),
         key = std::move(key)]() -> Result<std::optional<JobRecord>> {
            const auto at = disk_.keys.find({tenant.name, key});
            if (at == disk_.keys.end()) return std::nullopt;
            if (!key_stands(at->second)) return std::nullopt;
            return disk_.jobs.at(at->second).record;
        },
        std::move(done));
}

void MemoryJobLog::usage(jobs::UsageQuery query, jobs::Done<std::vector<jobs::UsageRecord>> done) {
    read<std::vector<jobs::UsageRecord>>(
        [this, query = std::move(query)]() -> Result<std::vector<jobs::UsageRecord>> {
            std::vector<jobs::UsageRecord> found;
            for (auto at = disk_.usage.rbegin(); at != disk_.usage.rend(); ++at) {
                const jobs::UsageRecord& usage = at->second;
                if (found.size() >= query.limit) break;
                if (usage.tenant != query.tenant || usage.finished_at < query.from) continue;
                if (query.to != 0 && usage.finished_at >= query.to) continue;
                if (query.before && !(usage.job < *query.before)) continue;
                if (names(query.capability, usage.capability, usage.version))
                    found.push_back(usage);
            }
            return found;
        },
        std::move(done));
}

void MemoryJobLog::put_file(jobs::FileRecord file, jobs::Done<void> done) {
    add({[this, file = std::move(file)]() -> Result<void> {
             if (disk_.files.emplace(file.id, file).second) return {};
             return fail(ErrorCode::conflict, "a file with this id is there");
         },
         std::move(done)});
}

void MemoryJobLog::get_file(TenantId tenant, FileId id,
                            jobs::Done<std::optional<jobs::FileRecord>> done) {
    read<std::optional<jobs::FileRecord>>(
        [this, tenant = std::move(tenant), id]() -> Result<std::optional<jobs::FileRecord>> {
            const auto at = disk_.files.find(id);
            if (at == disk_.files.end() || at->second.tenant != tenant) return std::nullopt;
            const WallMs end = at->second.expires_at;
            if (end != 0 && end <= time_.wall()) return std::nullopt;
            return at->second;
        },
        std::move(done));
}

void MemoryJobLog::list_files(jobs::FileQuery query,
                              jobs::Done<std::vector<jobs::FileRecord>> done) {
    read<std::vector<jobs::FileRecord>>(
        [this, query = std::move(query)]() -> Result<std::vector<jobs::FileRecord>> {
            std::vector<jobs::FileRecord> found;
            for (const auto& [id, file] : disk_.files) {
                const bool passed =
                    query.after && (query.oldest_first ? id <= *query.after : id >= *query.after);
                const bool gone = file.expires_at != 0 && file.expires_at <= time_.wall();
                if (file.tenant != query.tenant || passed || gone) continue;
                if (file.purpose.empty() || file.job) continue;
                if (query.owner && file.owner != *query.owner) continue;
                const bool hidden = file.purpose.front() == '.';
                if (query.purpose.empty() ? !hidden : file.purpose == query.purpose) {
                    found.push_back(file);
                }
            }
            if (!query.oldest_first) std::reverse(found.begin(), found.end());
            if (found.size() > query.limit) found.resize(query.limit);
            return found;
        },
        std::move(done));
}

void MemoryJobLog::remove_file(TenantId tenant, FileId id, jobs::Done<bool> done) {
    auto removed = std::make_shared<bool>(false);
    add({[this, tenant = std::move(tenant), id, removed]() -> Result<void> {
             const auto at = disk_.files.find(id);
             *removed = at != disk_.files.end() && at->second.tenant == tenant;
             if (*removed) disk_.files.erase(at);
             return {};
         },
         [removed, done = std::move(done)](Result<void> written) mutable {
             if (!written) return done(fail(std::move(written.error())));
             done(*removed);
         }});
}

}  // namespace headrace::stores
