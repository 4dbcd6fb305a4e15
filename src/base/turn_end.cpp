#include "base/turn_end.hpp"

#include <utility>

namespace headrace {
namespace {
thread_local TurnEnd* innermost = nullptr;
}

TurnEnd::TurnEnd() : outer_(std::exchange(innermost, this)) {}

TurnEnd::~TurnEnd() {
    // What runs may add to the list.
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        auto task = std::move(tasks_[i]);
        task();
    }
    innermost = outer_;
}

bool TurnEnd::take(UniqueFunction<void()>& task) {
    if (innermost == nullptr) return false;
    innermost->tasks_.push_back(std::move(task));
    return true;
}

}  // namespace headrace
