#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "access/counter_store.hpp"

namespace headrace::stores {

/// Counters for several limiters in one process. Windows that ended before the newest began are
/// forgotten.
class MemoryCounterStore final : public access::CounterStore {
  public:
    void take(std::vector<access::ShareAsk> asks,
              UniqueFunction<void(Result<std::vector<access::Share>>)> done) override;
    /// Windows that are remembered.
    [[nodiscard]] std::size_t size() const;

  private:
    struct Counter {
        WallMs ends = 0;
        std::uint64_t taken = 0;
    };
    mutable std::mutex mutex_;  // guards what follows; never held while `done` runs
    std::map<std::pair<std::string, WallMs>, Counter> counters_;
    WallMs newest_ = 0;
};

}  // namespace headrace::stores
