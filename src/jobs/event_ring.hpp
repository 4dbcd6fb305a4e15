#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "jobs/events.hpp"

namespace headrace::jobs {

/// One who watches a job. Shared with calls that are under way, so that unwatch() stops those too.
struct Subscription {
    std::uint64_t number = 0;
    bool active = true;
    std::shared_ptr<JobWatcher> watcher;
};

/// The last events of one job, for those who come late or come back. The oldest are dropped when
/// there are more than `max_events`, or more bytes than `max_bytes`; the newest is always kept.
class EventRing {
  public:
    using What = decltype(JobEvent::what);
    using EventPtr = std::shared_ptr<const JobEvent>;

    /// Ids go on after `last`: after a restart they must lie above those of the life before.
    void start_after(std::uint64_t last) { last_ = last; }
    EventPtr add(What what, std::uint32_t max_events, std::uint64_t max_bytes);
    [[nodiscard]] std::uint64_t last() const { return last_; }
    [[nodiscard]] bool empty() const { return head_ == kept_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    /// Those that are kept and came after the id `after`, oldest first.
    template <class Take>
    void for_each_after(std::uint64_t after, Take take) const {
        for (std::size_t i = head_; i < kept_.size(); ++i) {
            if (kept_[i]->id > after) take(kept_[i]);
        }
    }

  private:
    void drop_oldest();

    std::vector<EventPtr> kept_;  // from head_ on
    std::size_t head_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t last_ = 0;
};

}  // namespace headrace::jobs
