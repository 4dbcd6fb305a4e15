#include "stores/memory/memory_counter_store.hpp"

#include <algorithm>

#include "base/loop.hpp"

namespace headrace::stores {

void MemoryCounterStore::take(std::vector<access::ShareAsk> asks,
                              UniqueFunction<void(Result<std::vector<access::Share>>)> done) {
    std::vector<access::Share> shares;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& ask : asks) {
            if (ask.starts > newest_) {
                newest_ = ask.starts;
                std::erase_if(counters_,
                              [&](const auto& entry) { return entry.second.ends < newest_; });
            }
            Counter& counter = counters_[{ask.counter, ask.starts}];
            counter.ends = ask.ends;
            counter.taken += ask.charge;
            const auto left = ask.limit > counter.taken ? ask.limit - counter.taken : 0;
            const auto granted = std::min(ask.want, left);
            counter.taken += granted;
            shares.push_back({granted, counter.taken});
        }
    }
    Loop* const loop = Loop::current();
    if (loop == nullptr) {
        done(std::move(shares));
        return;
    }
    loop->post([done = std::move(done), shares = std::move(shares)]() mutable {
        done(std::move(shares));
    });
}

std::size_t MemoryCounterStore::size() const {
    const std::lock_guard lock(mutex_);
    return counters_.size();
}

}  // namespace headrace::stores
