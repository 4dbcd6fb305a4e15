#include "jobs/timer_heap.hpp"

#include <algorithm>

namespace headrace::jobs {
namespace {
constexpr std::size_t kWays = 4;
}

void TimerHeap::place(std::size_t at, Item item) {
    heap_[at] = item;
    item.timer->position = static_cast<std::uint32_t>(at);
}

void TimerHeap::up(std::size_t at, Item item) {
    while (at > 0) {
        const std::size_t parent = (at - 1) / kWays;
        if (heap_[parent].due <= item.due) break;
        place(at, heap_[parent]);
        at = parent;
    }
    place(at, item);
}

void TimerHeap::down(std::size_t at, Item item) {
    for (;;) {
        const std::size_t first = at * kWays + 1;
        if (first >= heap_.size()) break;
        std::size_t least = first;
        const std::size_t end = std::min(first + kWays, heap_.size());
        for (std::size_t child = first + 1; child < end; ++child) {
            if (heap_[child].due < heap_[least].due) least = child;
        }
        if (item.due <= heap_[least].due) break;
        place(at, heap_[least]);
        at = least;
    }
    place(at, item);
}

void TimerHeap::arm(Timer& timer, SteadyTime due) {
    if (due == SteadyTime::max()) return disarm(timer);
    if (timer.position == Timer::kIdle) {
        heap_.push_back({due, &timer});
        up(heap_.size() - 1, {due, &timer});
        return;
    }
    const std::size_t at = timer.position;
    const SteadyTime before = heap_[at].due;
    if (due < before)
        up(at, {due, &timer});
    else if (due > before)
        down(at, {due, &timer});
}

void TimerHeap::disarm(Timer& timer) {
    if (timer.position == Timer::kIdle) return;
    const std::size_t at = timer.position;
    timer.position = Timer::kIdle;
    const Item last = heap_.back();
    heap_.pop_back();
    if (last.timer == &timer) return;
    const SteadyTime before = heap_[at].due;
    if (last.due < before)
        up(at, last);
    else
        down(at, last);
}

std::optional<SteadyTime> TimerHeap::next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().due;
}

Timer* TimerHeap::pop_due(SteadyTime now) {
    if (heap_.empty() || heap_.front().due > now) return nullptr;
    Timer* timer = heap_.front().timer;
    disarm(*timer);
    return timer;
}

}  // namespace headrace::jobs
