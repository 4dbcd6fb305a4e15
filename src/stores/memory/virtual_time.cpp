#include "stores/memory/virtual_time.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace headrace::stores {

void VirtualTime::after(std::chrono::nanoseconds delay, UniqueFunction<void()> call) {
    calls_.push(
        {now_ + delay, ++numbers_, std::make_shared<UniqueFunction<void()>>(std::move(call))});
}

SteadyTime VirtualTime::next() const {
    return calls_.empty() ? SteadyTime::max() : calls_.top().due;
}

bool VirtualTime::step() {
    if (calls_.empty()) return false;
    const Call call = calls_.top();
    calls_.pop();
    now_ = std::max(now_, call.due);
    (*call.run)();
    return true;
}

void VirtualTime::move_to(SteadyTime time) {
    now_ = time;
}

}  // namespace headrace::stores
