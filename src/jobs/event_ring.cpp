#include "jobs/event_ring.hpp"

#include <utility>

#include "jobs/faults.hpp"

namespace headrace::jobs {
namespace {

constexpr std::size_t kEventBytes = 160;  // an event and its place, without its texts

struct Weigh {
    std::size_t operator()(const StateEvent&) const { return 0; }
    std::size_t operator()(const Progress& progress) const {
        return progress.message.size() + progress.values.size();
    }
    std::size_t operator()(const LogEvent& log) const { return log.line.size(); }
    std::size_t operator()(const OutputEvent& output) const { return output.values.size(); }
    std::size_t operator()(const DoneEvent&) const { return 0; }
};

std::size_t weight(const JobEvent& event) {
    return kEventBytes + std::visit(Weigh{}, event.what);
}

/// Nearly every job begins with the same two events: all jobs share them.
EventRing::EventPtr shared_event(std::uint64_t id, const EventRing::What& what) {
    static const EventRing::EventPtr kQueued =
        std::make_shared<JobEvent>(JobEvent{1, StateEvent{JobState::queued, 0}});
    static const EventRing::EventPtr kRunning =
        std::make_shared<JobEvent>(JobEvent{2, StateEvent{JobState::running, 1}});
    const auto* state = std::get_if<StateEvent>(&what);
    if (state == nullptr) return nullptr;
    if (id == 1 && state->state == JobState::queued && state->attempt == 0) return kQueued;
    if (id == 2 && state->state == JobState::running && state->attempt == 1) return kRunning;
    return nullptr;
}

}  // namespace

EventRing::EventPtr EventRing::add(What what, std::uint32_t max_events, std::uint64_t max_bytes) {
    const std::uint64_t id = ++last_;
    auto event = shared_event(id, what);
    if (!event) event = std::make_shared<JobEvent>(JobEvent{id, std::move(what)});
    bytes_ += weight(*event);
    if (kept_.capacity() == 0) kept_.reserve(4);  // queued, running, done, and one more
    kept_.push_back(event);
    while (kept_.size() - head_ > 1 && (kept_.size() - head_ > max_events || bytes_ > max_bytes)) {
        drop_oldest();
    }
    if (planted(Fault::event_skipped) && last_ % 5 == 0) ++last_;
    return event;
}

void EventRing::drop_oldest() {
    bytes_ -= weight(*kept_[head_]);
    kept_[head_++].reset();
    if (head_ * 2 > kept_.size()) {  // moves each event once at most: constant time on average
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
}

}  // namespace headrace::jobs
