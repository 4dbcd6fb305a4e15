#include "workers/agent/held_leases.hpp"

#include "link/frame.pb.h"
#include "link/protocol.hpp"

namespace headrace::workers::agent {

HeldLeases::Key HeldLeases::key_of(const wire::JobRef& ref) {
    return {ref.job(), ref.epoch(), ref.counter()};
}

void HeldLeases::from_server(const wire::Frame& frame) {
    if (frame.has_refused()) return drop(frame.refused().ref());
    for (const auto& batch : frame.lease().batches()) {
        for (const auto& job : batch.jobs()) held_.insert(key_of(job.ref()));
    }
}

void HeldLeases::from_host(const wire::Frame& frame) {
    for (const auto& result : frame.result().results()) end(result.ref());
    for (const auto& failure : frame.failure().failures()) end(failure.ref());
}

void HeldLeases::end(const wire::JobRef& ref) {
    if (held_.erase(key_of(ref)) == 0) return;
    sent_.push_back(key_of(ref));
    // The oldest have been acknowledged long since: acknowledgements come with nearly every frame.
    if (sent_.size() > link::kMaxHeld / 2) sent_.pop_front();
}

void HeldLeases::drop(const wire::JobRef& ref) {
    held_.erase(key_of(ref));
}

void HeldLeases::clear() {
    held_.clear();
    sent_.clear();
}

void HeldLeases::write(wire::Hello& hello) const {
    const auto add = [&hello](const Key& key) {
        if (hello.held_size() >= static_cast<int>(link::kMaxHeld)) return;
        auto* ref = hello.add_held();
        ref->set_job(key.job);
        ref->set_epoch(key.epoch);
        ref->set_counter(key.counter);
    };
    for (const auto& key : held_) add(key);
    for (const auto& key : sent_) add(key);
}

}  // namespace headrace::workers::agent
