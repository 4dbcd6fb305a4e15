// The sandbox from inside: an engine that tries what is forbidden, in real processes.
#include "engines/sandbox.hpp"

#include <sys/prctl.h>

#include "engines/tests/fake_hub.hpp"

namespace headrace::engines {
namespace {

class SandboxTest : public FakeHub {
  protected:
    void hold(const SandboxSettings& sandbox) {
        auto settings = settings_beside(program_folder());
        settings.sandbox = sandbox;
        supervisor = std::make_unique<Supervisor>(settings, loop, *this);
        supervisor->add(spec_of("tests/engines/captive"));
        ASSERT_TRUE(wait_ready());
    }
    std::string attempt(const std::string& what) {
        auto& host = *hosts.back();
        host.frames.clear();
        host.started.link->send(lease('a', text(what)));
        if (!wait([&] { return host.find(&wire::Frame::has_result) != nullptr; })) return "silence";
        const auto values =
            catalog::decode(host.find(&wire::Frame::has_result)->result().results(0).values());
        return values ? *values->find("text")->get<std::string>() : values.error().message;
    }
};

TEST_F(SandboxTest, WhatAlwaysHolds) {
    hold({});
    EXPECT_EQ(attempt("privileges"), "1");
    EXPECT_EQ(attempt("core"), "0 0");
    EXPECT_TRUE(attempt("files").starts_with("4096 "));
    EXPECT_EQ(attempt("filter"), "2");
    EXPECT_EQ(attempt("ptrace"), "EPERM");
    for (const auto* what : {"unix", "ipv4", "netlink", "child", "thread"}) {
        EXPECT_EQ(attempt(what), "ok") << what;
    }
}

TEST_F(SandboxTest, TheFilterRefusesWhatNoEngineNeeds) {
    hold({.refuse_calls = true});
    EXPECT_EQ(attempt("filter"), "2");
    for (const auto* what : {"ptrace", "mount", "unshare", "user_namespace", "io_uring", "bpf",
                             "keyctl", "module", "terminal", "x32"}) {
        EXPECT_EQ(attempt(what), "EPERM") << what;
    }
    for (const auto* what : {"unix", "ipv4", "netlink", "child", "thread"}) {
        EXPECT_EQ(attempt(what), "ok") << what;
    }
}

TEST_F(SandboxTest, WithoutTheNetworkOnlyUnixSocketsAreLeft) {
    hold({.network = false});
    for (const auto* what : {"ipv4", "ipv6", "netlink", "io_uring"}) {
        EXPECT_EQ(attempt(what), "EPERM") << what;
    }
    for (const auto* what : {"unix", "child", "thread"}) {
        EXPECT_EQ(attempt(what), "ok") << what;
    }
}

TEST_F(SandboxTest, APythonEngineRunsInAllOfIt) {
    auto settings = settings_beside(program_folder());
    settings.sandbox = {.refuse_calls = true, .network = false};
    supervisor = std::make_unique<Supervisor>(settings, loop, *this);
    supervisor->add(spec_of("tests/engines/py_fault"));
    ASSERT_TRUE(wait_ready());
    hosts[0]->started.link->send(lease('a', text("well")));
    EXPECT_TRUE(wait([&] { return hosts[0]->find(&wire::Frame::has_result) != nullptr; }));
}

TEST_F(SandboxTest, AGroupThatCannotBeMadeKeepsTheHostFromStarting) {
    auto settings = settings_beside(program_folder());
    settings.sandbox.cgroup = "/proc/self";
    supervisor = std::make_unique<Supervisor>(settings, loop, *this);
    supervisor->add(spec_of("tests/engines/captive"));
    ASSERT_TRUE(wait([&] { return supervisor->hosts()[0].restarts >= 2; }));
    EXPECT_TRUE(hosts.empty());
}

TEST_F(SandboxTest, AnEngineThatAsksToBeTracedStillEnds) {
    hold({});
    attempt("ptrace");
    supervisor->kill(hosts[0]->started.id, "no sign of life");
    ASSERT_TRUE(wait([&] { return hosts[0]->ended.has_value(); }));
    EXPECT_EQ(*hosts[0]->ended, "no sign of life");
}

TEST_F(SandboxTest, OurOwnMemoryIsClosedToOurEngines) {
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
}

TEST(RefusedCalls, FitTheKernel) {
    EXPECT_LT(refused_calls(false, true).size(), refused_calls(true, true).size());
    EXPECT_LT(refused_calls(true, false).size(), 256U);  // the kernel takes 4096
}

}  // namespace
}  // namespace headrace::engines
