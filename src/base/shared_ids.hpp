#pragma once

#include <mutex>

#include "base/ids.hpp"

namespace headrace {

/// An IdSource that any thread may ask: for what is made on the loops of connections.
class SharedIds {
  public:
    explicit SharedIds(const Clock& clock) : source_(clock) {}

    template <class Id>
    Id make() {
        const std::lock_guard lock(mutex_);
        return source_.make<Id>();
    }

  private:
    std::mutex mutex_;  // guards source_
    IdSource source_;
};

}  // namespace headrace
