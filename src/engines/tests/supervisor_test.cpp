// The supervisor over real processes: every way in which a host can end.
#include <algorithm>
#include <csignal>

#include "engines/tests/fake_hub.hpp"

namespace headrace::engines {
namespace {

using std::chrono::milliseconds;

class SupervisorTest : public FakeHub {
  protected:
    /// Leases a job that makes the engine do `how`, and waits for the end of its process.
    std::string end_of(const std::string& how) {
        auto values = text("x");
        values.set("how", how);
        hosts.back()->started.link->send(lease('a', values));
        auto* host = hosts.back().get();
        EXPECT_TRUE(wait([&] { return host->ended.has_value(); }));
        return host->ended.value_or("");
    }
};

TEST_F(SupervisorTest, StartsAnewWithinASecondOfACrash) {
    // The quickest of a few: where the machine is busy, a process takes its time whoever starts it.
    auto quickest = std::chrono::steady_clock::duration::max();
    for (int tries = 0; tries < 5 && quickest >= milliseconds(1'000); ++tries) {
        const auto first = hosts.size();
        supervisor->add(spec_of("tests/engines/fault"));
        ASSERT_TRUE(wait_ready(first));
        EXPECT_EQ(end_of("crash"), "killed by signal 6");
        const auto began = std::chrono::steady_clock::now();
        ASSERT_TRUE(wait_ready(first + 1));
        quickest = std::min(quickest, std::chrono::steady_clock::now() - began);
        EXPECT_EQ(hosts[first + 1]->started.name, hosts[first]->started.name);
        EXPECT_NE(hosts[first + 1]->started.id, hosts[first]->started.id);
    }
    EXPECT_LT(quickest, milliseconds(1'000));
}

TEST_F(SupervisorTest, NamesTheExitStatus) {
    supervisor->add(spec_of("tests/engines/fault"));
    ASSERT_TRUE(wait_ready());
    EXPECT_EQ(end_of("exit"), "exit status 3");
}

TEST_F(SupervisorTest, KillsWhatPassesItsMemoryLimit) {
    supervisor->add(spec_of("tests/engines/fault"));
    ASSERT_TRUE(wait_ready());
    EXPECT_EQ(end_of("leak"), "memory limit 256 MiB passed");
}

TEST_F(SupervisorTest, KillsWithTheWordsItWasGiven) {
    supervisor->add(spec_of("tests/engines/fault"));
    ASSERT_TRUE(wait_ready());
    supervisor->kill(hosts[0]->started.id, "no sign of life");
    ASSERT_TRUE(wait([&] { return hosts[0]->ended.has_value(); }));
    EXPECT_EQ(*hosts[0]->ended, "no sign of life");
    ASSERT_TRUE(wait_ready(1));
}

TEST_F(SupervisorTest, AKillFromOutsideIsSeen) {
    supervisor->add(spec_of("tests/engines/fault"));
    ASSERT_TRUE(wait_ready());
    ::kill(hosts[0]->started.pid, SIGKILL);
    ASSERT_TRUE(wait([&] { return hosts[0]->ended.has_value(); }));
    EXPECT_EQ(*hosts[0]->ended, "killed by signal 9");
    EXPECT_TRUE(wait([&] { return hosts[0]->closed.has_value(); }));
}

TEST_F(SupervisorTest, StopsAllAndStartsNothingMore) {
    supervisor->add(spec_of("tests/engines/fault"));
    supervisor->add(spec_of("examples/engines/echo/echo"));
    ASSERT_TRUE(wait([&] { return hosts.size() == 2; }));
    bool stopped = false;
    supervisor->stop([&] { stopped = true; });
    ASSERT_TRUE(wait([&] { return stopped; }));
    EXPECT_EQ(hosts.size(), 2U);
    for (const auto& host : hosts) EXPECT_TRUE(host->ended.has_value());
}

TEST_F(SupervisorTest, KillsADeafOneAfterTheGrace) {
    supervisor->add(spec_of("tests/engines/fault"));
    ASSERT_TRUE(wait_ready());
    auto values = text("x");
    values.set("how", std::string("deaf"));
    hosts[0]->started.link->send(lease('a', values));
    bool stopped = false;
    supervisor->stop([&] { stopped = true; });
    ASSERT_TRUE(wait([&] { return stopped; }));
}

TEST_F(SupervisorTest, KillsWhatDoesNotGetReady) {
    auto spec = spec_of("tests/engines/fault");
    spec.kind = catalog::EngineKind::python;
    spec.limits.start_timeout_ms = 100;
    spec.interpreter = std::string(HEADRACE_SOURCE_DIR) + "/tests/engines/never_ready";
    supervisor->add(spec);
    ASSERT_TRUE(wait([&] { return !hosts.empty() && hosts[0]->ended.has_value(); }));
    EXPECT_EQ(*hosts[0]->ended, "not ready within 100 ms");
}

TEST_F(SupervisorTest, TriesAgainWhenAProgramIsNotThere) {
    auto spec = spec_of("tests/engines/fault");
    spec.library = "libnothing.so";
    supervisor->add(spec);
    ASSERT_TRUE(wait([&] { return supervisor->hosts()[0].restarts >= 2; }));
    EXPECT_TRUE(hosts.empty());
    bool stopped = false;
    supervisor->stop([&] { stopped = true; });
    EXPECT_TRUE(wait([&] { return stopped; }));
}

TEST_F(SupervisorTest, RunsAPythonEngine) {
    supervisor->add(spec_of("tests/engines/py_fault"));
    ASSERT_TRUE(wait_ready());
    hosts[0]->started.link->send(lease('a', text("well")));
    ASSERT_TRUE(wait([&] { return hosts[0]->find(&wire::Frame::has_result) != nullptr; }));
    EXPECT_EQ(end_of("crash"), "killed by signal 11");
    ASSERT_TRUE(wait_ready(1));
    EXPECT_EQ(end_of("leak"), "memory limit 256 MiB passed");
}

}  // namespace
}  // namespace headrace::engines
