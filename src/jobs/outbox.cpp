#include "jobs/outbox.hpp"

#include <utility>

namespace headrace::jobs {

void Outbox::event(std::shared_ptr<Subscription> to, EventRing::EventPtr event) {
    items_.push_back({std::move(to), std::move(event), {}});
}

void Outbox::call(UniqueFunction<void()> call) {
    items_.push_back({nullptr, nullptr, std::move(call)});
}

void Outbox::flush() {
    while (!items_.empty()) {
        running_.swap(items_);
        for (auto& item : running_) {
            if (item.call)
                item.call();
            else if (item.to->active)
                item.to->watcher->on_event(item.event);
        }
        running_.clear();
    }
}

}  // namespace headrace::jobs
