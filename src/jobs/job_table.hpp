#pragma once

#include <cstddef>
#include <deque>

#include "base/ids.hpp"

namespace headrace::jobs {

struct Job;

/// All jobs of the core by id, through Job::hash_next. Grows one bucket at a time (linear hashing),
/// so that no insertion ever pays for moving a million jobs. Does not own them.
class JobTable {
  public:
    JobTable();
    void insert(Job& job);
    void erase(Job& job);
    [[nodiscard]] Job* find(const JobId& id) const;
    [[nodiscard]] std::size_t size() const { return size_; }

    /// The order is that of the ids' hashes: the same in every replay. `take` must not insert or
    /// erase.
    template <class Take>
    void for_each(Take take) const {
        for (Job* head : buckets_) {
            for (Job* job = head; job; job = next_of(*job)) take(*job);
        }
    }

  private:
    static Job* next_of(const Job& job);
    [[nodiscard]] std::size_t bucket_of(const JobId& id) const;
    void split();

    std::deque<Job*> buckets_;  // grows without moving what is there
    std::size_t level_;         // a power of two, at most the number of buckets
    std::size_t size_ = 0;
};

}  // namespace headrace::jobs
