#pragma once

#include <memory>
#include <vector>

#include "base/unique_function.hpp"
#include "jobs/event_ring.hpp"

namespace headrace::jobs {

/// Calls to the outside that a turn of the core has made due. They run when the core's state is
/// whole again, in order, so that whoever is called may call back in.
class Outbox {
  public:
    void event(std::shared_ptr<Subscription> to, EventRing::EventPtr event);
    void call(UniqueFunction<void()> call);
    [[nodiscard]] bool empty() const { return items_.empty(); }
    /// Runs what is there and what comes meanwhile.
    void flush();

  private:
    struct Item {
        std::shared_ptr<Subscription> to;
        EventRing::EventPtr event;
        UniqueFunction<void()> call;
    };
    std::vector<Item> items_;
    std::vector<Item> running_;
};

}  // namespace headrace::jobs
