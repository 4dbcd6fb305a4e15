#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "catalog/values.hpp"
#include "jobs/events.hpp"
#include "link/channel.hpp"
#include "link/frame.pb.h"

namespace headrace::workers::hub {

/// Collects a job's events.
class Events final : public jobs::JobWatcher {
  public:
    void on_event(const std::shared_ptr<const jobs::JobEvent>& event) override {
        all.push_back(event);
    }
    template <class T>
    const T* last() const {
        for (auto it = all.rbegin(); it != all.rend(); ++it) {
            if (const auto* found = std::get_if<T>(&(*it)->what)) return found;
        }
        return nullptr;
    }
    [[nodiscard]] const jobs::JobRecord* record() const {
        const auto* done = last<jobs::DoneEvent>();
        return done != nullptr ? done->record.get() : nullptr;
    }
    std::vector<std::shared_ptr<const jobs::JobEvent>> all;
};

/// The other end of a link, under the test's control.
class TestWorker final : public link::ChannelReceiver {
  public:
    TestWorker(Loop& loop, UniqueFd fd)
        : raw(fd.get()),
          channel(std::make_unique<link::Channel>(loop,
                                                  link::make_unix_transport(loop, std::move(fd)))) {
        channel->start(*this);
    }
    void on_frame(wire::Frame& frame, std::string_view) override { frames.push_back(frame); }
    void on_closed(const link::CloseReason& reason) override { closed = reason.text; }

    template <class Has>
    const wire::Frame* find(Has has) const {
        for (const auto& frame : frames) {
            if ((frame.*has)()) return &frame;
        }
        return nullptr;
    }
    [[nodiscard]] const wire::LeasedJob& leased(std::size_t number = 0) const {
        for (const auto& frame : frames) {
            for (const auto& batch : frame.lease().batches()) {
                for (const auto& job : batch.jobs()) {
                    if (number-- == 0) return job;
                }
            }
        }
        static const wire::LeasedJob none;
        return none;
    }
    [[nodiscard]] std::size_t leases() const {
        std::size_t count = 0;
        for (const auto& frame : frames) {
            for (const auto& batch : frame.lease().batches())
                count += static_cast<std::size_t>(batch.jobs_size());
        }
        return count;
    }
    void send(const wire::Frame& frame) { channel->send(frame); }
    void credit(std::uint32_t slots = 1) {
        wire::Frame frame;
        frame.mutable_credit()->add_offers(0);
        frame.mutable_credit()->set_slots(slots);
        send(frame);
    }
    void result(const wire::JobRef& ref, const catalog::Values& values) {
        wire::Frame frame;
        auto* one = frame.mutable_result()->add_results();
        *one->mutable_ref() = ref;
        one->set_values(catalog::encode(values));
        send(frame);
    }

    int raw;
    std::unique_ptr<link::Channel> channel;
    std::vector<wire::Frame> frames;
    std::optional<std::string> closed;
};

}  // namespace headrace::workers::hub
