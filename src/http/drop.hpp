#pragma once

#include <utility>

#include "base/unique_function.hpp"

namespace headrace::http {

/// Ends something under way from outside: what it waits for at the moment is dropped at once, and
/// what would follow does not begin. On one loop; outlives what it ends.
class Drop {
  public:
    void now() {
        if (std::exchange(dropped_, true)) return;
        if (auto end = std::exchange(end_, nullptr)) end();
    }
    [[nodiscard]] bool dropped() const { return dropped_; }

    /// For who waits: what ends the wait, until release().
    void hold(UniqueFunction<void()> end) {
        if (dropped_) return end();
        end_ = std::move(end);
    }
    void release() { end_ = nullptr; }

  private:
    UniqueFunction<void()> end_;
    bool dropped_ = false;
};

}  // namespace headrace::http
