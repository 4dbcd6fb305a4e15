#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "catalog/catalog.hpp"
#include "jobs/core.hpp"
#include "jobs/observer.hpp"
#include "link/channel.hpp"
#include "link/frame.pb.h"
#include "link/protocol.hpp"
#include "workers/hub/hub.hpp"
#include "workers/hub/tests/memory_ports.hpp"
#include "workers/hub/tests/test_worker.hpp"

namespace headrace::workers::hub {

inline constexpr const char* kEcho =
    R"({"inputs":{"text":{"kind":"text"}},"outputs":{"text":{"kind":"text"}}})";

/// A hub over a real core, a catalog and memory.
class HubTest : public ::testing::Test {
  protected:
    HubTest()
        : ids(clock),
          log(loop),
          blobs(loop),
          catalog(clock, nullptr),
          core(core_settings(), clock, ids, log, observer),
          hub(hub_settings(), loop, core, blobs, catalog, clock, ids) {
        const auto restored =
            core.restore(7, [](const TenantId&, const std::string&, const std::string&) {
                return jobs::VersionPtr{};
            });
        EXPECT_TRUE(restored);
    }
    ~HubTest() override {
        tasks.spawn("stop", hub.stop());
        EXPECT_TRUE(wait([this] { return tasks.size() == 0; }));
    }
    static jobs::Settings core_settings() {
        jobs::Settings settings;
        settings.retry_base = std::chrono::milliseconds(1);
        settings.retry_max = std::chrono::milliseconds(2);
        return settings;
    }
    static Settings hub_settings() {
        Settings settings;
        settings.epoch = 7;
        return settings;
    }

    jobs::VersionPtr version_of(const std::string& name, std::string_view interface_json) {
        catalog::Registration registration;
        registration.tenant = catalog::kSystemTenant;
        registration.name = name;
        registration.version = "1.0.0";
        auto version = catalog.add(std::move(registration), interface_json);
        EXPECT_TRUE(version);
        return version ? *version : nullptr;
    }
    std::unique_ptr<TestWorker> local(const jobs::VersionPtr& version, std::uint64_t id = 1) {
        auto [ours, theirs] = sockets();
        LocalHost host;
        host.id = id;
        host.link = std::move(ours);
        host.versions = {version};
        host.kill = [this, id](const std::string& reason) { killed[id] = reason; };
        host.ready = [this, id] { ready[id] = true; };
        hub.add_local(std::move(host));
        return std::make_unique<TestWorker>(loop, std::move(theirs));
    }
    std::unique_ptr<TestWorker> remote(const std::string& tenant = "default") {
        auto [ours, theirs] = sockets();
        hub.accept(std::move(ours), TenantId(tenant), "key-1");
        return std::make_unique<TestWorker>(loop, std::move(theirs));
    }
    static wire::Frame hello(const std::string& name, const std::string& interface_json = "") {
        wire::Frame frame;
        auto* hello = frame.mutable_hello();
        hello->set_protocol(link::kProtocol);
        hello->set_name(name + "/0");
        hello->set_slots(1);
        auto* offer = hello->add_offers();
        offer->set_capability(name);
        offer->set_version("1.0.0");
        offer->set_interface(interface_json);
        return frame;
    }
    /// A local echo worker that has offered a slot.
    std::unique_ptr<TestWorker> ready_echo(std::uint32_t slots = 1) {
        echo = version_of("echo", kEcho);
        auto worker = local(echo);
        worker->send(hello("echo"));
        worker->credit(slots);
        EXPECT_TRUE(
            wait([&] { return ready[1] && worker->find(&wire::Frame::has_welcome) != nullptr; }));
        return worker;
    }

    std::shared_ptr<Events> submit(const jobs::VersionPtr& version, jobs::Payload input,
                                   bool session = false) {
        auto events = std::make_shared<Events>();
        jobs::Submission submission;
        submission.tenant = TenantId("default");
        submission.caller = "caller-1";
        submission.version = version;
        submission.job_class = jobs::JobClass::interactive;
        submission.input = std::move(input);
        submission.session = session;
        submission.watcher = events;
        core.submit(std::move(submission), [this](Result<jobs::Accepted> accepted) {
            ASSERT_TRUE(accepted);
            job = accepted->id;
        });
        return events;
    }
    static jobs::Payload text(const std::string& content) {
        jobs::Payload payload;
        payload.values = catalog::encode(text_values(content));
        return payload;
    }
    static catalog::Values text_values(const std::string& content) {
        catalog::Values values;
        values.set("text", content);
        return values;
    }
    static std::string text_in(const jobs::JobRecord& record) {
        if (!record.output) return "no output";
        const auto values = catalog::decode(record.output->values);
        const auto* value = values ? values->find("text") : nullptr;
        return value != nullptr && value->get<std::string>() != nullptr ? *value->get<std::string>()
                                                                        : "no text";
    }

    [[nodiscard]] bool wait(const std::function<bool()>& done,
                            std::chrono::milliseconds most = std::chrono::seconds(60)) {
        const auto end = std::chrono::steady_clock::now() + most;
        while (!done() && std::chrono::steady_clock::now() < end) {
            core.tick();
            turn(std::chrono::milliseconds(1));
        }
        return done();
    }
    /// By run(), so that what is called meanwhile finds itself on a loop.
    void turn(std::chrono::milliseconds length) {
        asio::steady_timer over(loop.io(), length);
        over.async_wait([this](boost::system::error_code) { loop.stop(); });
        loop.run();
        loop.io().restart();
    }

    std::pair<std::unique_ptr<link::Channel>, UniqueFd> sockets() {
        int pair[2] = {};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        return {std::make_unique<link::Channel>(loop,
                                                link::make_unix_transport(loop, UniqueFd(pair[0]))),
                UniqueFd(pair[1])};
    }

    Loop loop{"core"};
    SystemClock clock;
    IdSource ids;
    YesLog log;
    MemoryBlobs blobs;
    catalog::Catalog catalog;
    jobs::CoreObserver observer;
    jobs::Core core;
    Hub hub;
    TaskGroup tasks{loop.io().get_executor()};
    std::map<std::uint64_t, std::string> killed;
    std::map<std::uint64_t, bool> ready;
    jobs::VersionPtr echo;
    JobId job;
};

}  // namespace headrace::workers::hub
