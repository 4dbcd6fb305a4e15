#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/loop.hpp"
#include "catalog/values.hpp"
#include "engines/supervisor.hpp"
#include "link/channel.hpp"
#include "link/frame.pb.h"

namespace headrace::engines {

/// One host as the test sees it: greets it and collects what it sends.
class FakeHost final : public link::ChannelReceiver {
  public:
    explicit FakeHost(StartedHost host) : started(std::move(host)) {}

    void on_frame(wire::Frame& frame, std::string_view) override {
        if (frame.has_hello()) {
            wire::Frame welcome;
            welcome.mutable_welcome()->set_protocol(1);
            welcome.mutable_welcome()->set_window(256 * 1024);
            welcome.mutable_welcome()->set_heartbeat_ms(10'000);
            started.link->send(welcome);
        }
        frames.push_back(frame);
        if (on_credit && frame.has_credit()) on_credit();
    }
    void on_closed(const link::CloseReason& reason) override { closed = reason.text; }

    template <class Has>
    const wire::Frame* find(Has has) const {
        for (const auto& frame : frames) {
            if ((frame.*has)()) return &frame;
        }
        return nullptr;
    }

    StartedHost started;
    std::vector<wire::Frame> frames;
    std::optional<std::string> closed;
    std::optional<std::string> ended;
    std::function<void()> on_credit;
};

/// Speaks with the hosts of a supervisor, over real processes. Waits for events only, with a bound.
class FakeHub : public ::testing::Test, public HostListener {
  protected:
    FakeHub() {
        auto settings = settings_beside(program_folder());
        settings.stop_grace = std::chrono::milliseconds(1'000);
        settings.memory_poll = std::chrono::milliseconds(20);
        supervisor = std::make_unique<Supervisor>(settings, loop, *this);
    }

    void host_started(StartedHost host) override {
        const auto id = host.id;
        auto& made = hosts.emplace_back(std::make_unique<FakeHost>(std::move(host)));
        made->on_credit = [this, id] { supervisor->ready(id); };
        made->started.link->start(*made);
    }
    void host_ended(std::uint64_t id, const std::string& reason) override {
        for (auto& host : hosts) {
            if (host->started.id == id) host->ended = reason;
        }
    }

    static catalog::EngineSpec spec_of(const std::string& folder) {
        auto spec = catalog::load_engine(std::string(HEADRACE_SOURCE_DIR) + "/" + folder);
        EXPECT_TRUE(spec) << (spec ? "" : spec.error().message);
        return spec ? *spec : catalog::EngineSpec{};
    }

    [[nodiscard]] bool wait(const std::function<bool()>& done,
                            std::chrono::milliseconds most = std::chrono::seconds(20)) {
        const auto end = std::chrono::steady_clock::now() + most;
        while (!done() && std::chrono::steady_clock::now() < end) {
            loop.io().run_one_for(std::chrono::milliseconds(50));
        }
        return done();
    }
    [[nodiscard]] bool wait_ready(std::size_t host = 0) {
        return wait(
            [&] { return hosts.size() > host && hosts[host]->find(&wire::Frame::has_credit); });
    }

    /// A lease of one job with these values.
    static wire::Frame lease(char job, const catalog::Values& values) {
        wire::Frame frame;
        auto* leased = frame.mutable_lease()->add_batches()->add_jobs();
        leased->mutable_ref()->set_job(std::string(16, job));
        leased->mutable_ref()->set_counter(1);
        leased->set_attempt(1);
        leased->set_values(catalog::encode(values));
        return frame;
    }
    static catalog::Values text(std::string content) {
        catalog::Values values;
        values.set("text", std::move(content));
        return values;
    }

    Loop loop{"test"};
    std::vector<std::unique_ptr<FakeHost>> hosts;
    std::unique_ptr<Supervisor> supervisor;
};

}  // namespace headrace::engines
