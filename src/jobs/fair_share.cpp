#include "jobs/fair_share.hpp"

#include <algorithm>
#include <utility>

#include "jobs/faults.hpp"
#include "jobs/queue.hpp"

namespace headrace::jobs {
namespace {
constexpr std::uint32_t kOutside = std::numeric_limits<std::uint32_t>::max();
}

bool Contest::before(const Entry& a, const Entry& b) {
    if (a.share->used != b.share->used) return a.share->used < b.share->used;
    const Job* left = a.lane->head();
    const Job* right = b.lane->head();
    if (left->priority != right->priority) return left->priority > right->priority;
    return left->order < right->order;
}

void Contest::place(std::size_t at, Entry* entry) {
    heap_[at] = entry;
    entry->position = static_cast<std::uint32_t>(at);
}

void Contest::up(std::size_t at, Entry* entry) {
    while (at > 0) {
        const std::size_t parent = (at - 1) / 2;
        if (!before(*entry, *heap_[parent])) break;
        place(at, heap_[parent]);
        at = parent;
    }
    place(at, entry);
}

void Contest::down(std::size_t at, Entry* entry) {
    for (;;) {
        std::size_t child = at * 2 + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
        if (!before(*heap_[child], *entry)) break;
        place(at, heap_[child]);
        at = child;
    }
    place(at, entry);
}

void Contest::refresh(Entry& entry) {
    if (entry.lane->size() == 0) return remove(entry);
    if (entry.position != kOutside && !entry.held) {
        up(entry.position, &entry);
        return down(entry.position, &entry);
    }
    if (entry.held)
        leave(entry);
    else if (entry.share->waiting++ == 0)
        entry.share->used = std::max(entry.share->used, pool_.served);
    heap_.push_back(&entry);
    up(heap_.size() - 1, &entry);
}

void Contest::remove(Entry& entry) {
    if (entry.position == kOutside) return;
    --entry.share->waiting;
    leave(entry);
}

void Contest::hold(Entry& entry) {
    leave(entry);
    entry.held = true;
    entry.position = static_cast<std::uint32_t>(held_.size());
    held_.push_back(&entry);
}

void Contest::take_back() {
    while (!held_.empty()) refresh(*held_.back());
}

/// Out of the heap, or from among those that are set aside.
void Contest::leave(Entry& entry) {
    const std::size_t at = entry.position;
    if (std::exchange(entry.held, false)) {
        held_[at] = held_.back();
        held_[at]->position = static_cast<std::uint32_t>(at);
        held_.pop_back();
        entry.position = kOutside;
        return;
    }
    entry.position = kOutside;
    Entry* last = heap_.back();
    heap_.pop_back();
    if (last == &entry) return;
    up(at, last);
    down(last->position, last);
}

Pool::Pool(std::vector<Queue*> of, std::vector<Pool*>& stirred_pools)
    : queues(std::move(of)), stirred_pools_(stirred_pools) {
    for (Queue* queue : queues) {
        queue->pools.push_back(this);
        for (Line* line : {&queue->together, &queue->alone}) {
            contests.push_back(std::make_unique<Contest>(*this, *line));
            for (const auto& lane : line->lanes()) join(*lane);
        }
    }
}

Pool::~Pool() {
    std::erase(stirred_pools_, this);
    for (Queue* queue : queues) {
        std::erase(queue->pools, this);
        for (Line* line : {&queue->together, &queue->alone}) {
            for (const auto& lane : line->lanes()) {
                std::erase_if(lane->entries, [this](const auto& entry) {
                    return &entry->contest->pool() == this;
                });
            }
        }
    }
}

void Pool::join(Lane& lane) {
    const auto contest = std::find_if(contests.begin(), contests.end(), [&lane](const auto& each) {
        return &each->line() == &lane.line;
    });
    auto& share = shares[&lane.tenant];
    if (!share) {
        share = std::make_unique<Share>();
        share->pool = this;
    }
    auto entry = std::make_unique<Entry>();
    entry->lane = &lane;
    entry->share = share.get();
    entry->contest = contest->get();
    share->entries.push_back(entry.get());
    if (lane.size() > 0) {
        // After a restart the stamps of what waits are all that is known of the work done before.
        share->used =
            std::max(share->used, lane.head()->share_stamp - lane.line.queue().stamp_served);
        entry->contest->refresh(*entry);
    }
    lane.entries.push_back(std::move(entry));
}

void Pool::charge(Share& share, double seconds) {
    if (planted(Fault::share_not_charged)) return;
    share.used += seconds;
    for (Entry* entry : share.entries) {
        if (entry->position != kOutside) entry->contest->refresh(*entry);
    }
}

void Pool::link(Offer& offer) {
    offer.prev = last;
    offer.next = nullptr;
    (last ? last->next : first) = &offer;
    last = &offer;
}

void Pool::unlink(Offer& offer) {
    (offer.prev ? offer.prev->next : first) = offer.next;
    (offer.next ? offer.next->prev : last) = offer.prev;
}

void Pool::list(Offer& offer) {
    if (offer.listed) return;
    offer.listed = true;
    link(offer);
    stir();
}

void Pool::unlist(Offer& offer) {
    if (!offer.listed) return;
    offer.listed = false;
    unlink(offer);
}

void Pool::rotate(Offer& offer) {
    if (!offer.listed || last == &offer) return;
    unlink(offer);
    link(offer);
}

void Pool::stir() {
    if (stirred) return;
    stirred = true;
    stirred_pools_.push_back(this);
}

void refresh_entries(Lane& lane) {
    for (const auto& entry : lane.entries) {
        entry->contest->refresh(*entry);
        entry->contest->pool().stir();
    }
}

}  // namespace headrace::jobs
