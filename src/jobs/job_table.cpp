#include "jobs/job_table.hpp"

#include <cstdint>

#include "jobs/live_job.hpp"

namespace headrace::jobs {
namespace {

constexpr std::size_t kFirstBuckets = 64;

std::size_t hash_of(const JobId& id) {
    auto value = static_cast<std::uint64_t>(std::hash<Uuid>{}(id));
    value ^= value >> 32;
    return static_cast<std::size_t>(value * 0x9E3779B97F4A7C15ULL >> 16);
}

}  // namespace

JobTable::JobTable() : buckets_(kFirstBuckets, nullptr), level_(kFirstBuckets) {}

Job* JobTable::next_of(const Job& job) {
    return job.hash_next;
}

std::size_t JobTable::bucket_of(const JobId& id) const {
    const std::size_t hash = hash_of(id);
    const std::size_t wide = hash & (level_ * 2 - 1);
    return wide < buckets_.size() ? wide : hash & (level_ - 1);
}

void JobTable::insert(Job& job) {
    if (size_ >= buckets_.size()) split();
    auto& head = buckets_[bucket_of(job.id)];
    job.hash_next = head;
    head = &job;
    ++size_;
}

void JobTable::split() {
    const std::size_t from = buckets_.size() - level_;
    buckets_.push_back(nullptr);
    Job* job = buckets_[from];
    buckets_[from] = nullptr;
    while (job) {
        Job* next = job->hash_next;
        auto& head = buckets_[bucket_of(job->id)];
        job->hash_next = head;
        head = job;
        job = next;
    }
    if (buckets_.size() == level_ * 2) level_ *= 2;
}

void JobTable::erase(Job& job) {
    for (Job** at = &buckets_[bucket_of(job.id)]; *at; at = &(*at)->hash_next) {
        if (*at != &job) continue;
        *at = job.hash_next;
        job.hash_next = nullptr;
        --size_;
        return;
    }
}

Job* JobTable::find(const JobId& id) const {
    for (Job* job = buckets_[bucket_of(id)]; job; job = job->hash_next) {
        if (job->id == id) return job;
    }
    return nullptr;
}

}  // namespace headrace::jobs
