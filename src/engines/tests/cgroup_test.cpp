// Groups over a folder with the kernel's files as plain ones, and over the real hierarchy where
// this machine has one with the controllers.
#include "engines/cgroup.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engines/tests/fake_hub.hpp"

namespace headrace::engines {
namespace {

namespace fs = std::filesystem;

class CgroupTest : public FakeHub {
  protected:
    CgroupTest() {
        std::string name = (fs::temp_directory_path() / "cgroup-XXXXXX").string();
        parent = ::mkdtemp(name.data());
        write("cgroup.controllers", "cpu memory pids\n");
        write("cgroup.subtree_control", "");
        write("cgroup.procs", "1\n");
    }
    ~CgroupTest() override { fs::remove_all(parent); }
    void write(const fs::path& file, const std::string& text) {
        std::ofstream(parent / file) << text;
    }
    static std::string read(const fs::path& file) {
        std::stringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }
    fs::path parent;
};

TEST_F(CgroupTest, HoldsAHostToItsMemoryAndProcesses) {
    const auto made = Cgroup::make(parent, "echo@1.0.0/0", 512ULL << 20);
    ASSERT_TRUE(made) << made.error().message;
    const auto folder = parent / ("echo@1.0.0-0." + std::to_string(::getpid()));
    EXPECT_EQ(read(folder / "memory.max"), "536870912");
    EXPECT_EQ(read(folder / "memory.oom.group"), "1");
    EXPECT_EQ(read(folder / "pids.max"), "4096");
    EXPECT_GE((*made)->entrance(), 0);
    EXPECT_EQ((*made)->memory_kills(), 0U);
    write(folder.filename() / "memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\n");
    EXPECT_EQ((*made)->memory_kills(), 2U);
    (*made)->kill_all();
    EXPECT_EQ(read(folder / "cgroup.kill"), "1");
    EXPECT_FALSE(fs::exists(parent / "serve")) << "we do not live in the parent";
}

TEST_F(CgroupTest, MovesOutOfTheParentWhenWeLiveInIt) {
    write("cgroup.procs", std::to_string(::getpid()) + "\n");
    ASSERT_TRUE(Cgroup::make(parent, "a", 0));
    EXPECT_EQ(read(parent / "serve/cgroup.procs"), "0");
}

TEST_F(CgroupTest, RemovesTheGroupsOfServersThatAreGone) {
    const auto own = "a." + std::to_string(::getppid());
    for (const auto& name : {std::string("a.999999999"), std::string("no.pid"), own}) {
        fs::create_directory(parent / name);
    }
    ASSERT_TRUE(Cgroup::make(parent, "b", 0));
    EXPECT_FALSE(fs::exists(parent / "a.999999999"));
    EXPECT_TRUE(fs::exists(parent / "no.pid"));
    EXPECT_TRUE(fs::exists(parent / own));
}

TEST_F(CgroupTest, NamesTheControllerThatWasNotDelegated) {
    write("cgroup.controllers", "cpu memory\n");
    const auto made = Cgroup::make(parent, "a", 0);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message, "cgroup: " + parent.string() +
                                        " does not have the controller pids; it is to be "
                                        "delegated (systemd: Delegate=memory pids)");
}

TEST_F(CgroupTest, AFolderThatIsNoGroupIsRefusedInWords) {
    EXPECT_EQ(check_cgroup("groups").error().message, "groups is no absolute path");
    EXPECT_EQ(check_cgroup(parent).error().message, parent.string() + " is no cgroup v2");
    EXPECT_EQ(check_cgroup("/no/such").error().message,
              "/no/such cannot be read: No such file or directory");
}

/// The first place in which groups can be made; empty on most machines.
fs::path real_parent() {
    for (const fs::path root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        if (!check_cgroup(root) || ::access(root.c_str(), W_OK) != 0) continue;
        std::ifstream file(root / "cgroup.controllers");
        const std::string all((std::istreambuf_iterator<char>(file)), {});
        if (all.find("memory") == std::string::npos || all.find("pids") == std::string::npos)
            continue;
        return root;
    }
    return {};
}

TEST_F(CgroupTest, TheKernelEndsWhatGrowsBeyondItAndTheReasonSaysSo) {
    const auto root = real_parent();
    if (root.empty()) GTEST_SKIP() << "no writable cgroup v2 with memory and pids here";
    const auto folder = root / ("headrace-test." + std::to_string(::getpid()));
    ASSERT_TRUE(fs::create_directory(folder));
    {
        auto settings = settings_beside(program_folder());
        settings.sandbox.cgroup = folder;
        settings.memory_poll = std::chrono::hours(1);  // this is the kernel's to see
        supervisor = std::make_unique<Supervisor>(settings, loop, *this);
        auto spec = spec_of("tests/engines/captive");
        spec.limits.memory_bytes = 64ULL << 20;
        supervisor->add(spec);
        ASSERT_TRUE(wait_ready());
        hosts[0]->started.link->send(lease('a', text("grow")));
        ASSERT_TRUE(wait([&] { return hosts[0]->ended.has_value(); }));
        EXPECT_EQ(*hosts[0]->ended, "memory limit 64 MiB passed");
        bool stopped = false;
        supervisor->stop([&] { stopped = true; });
        ASSERT_TRUE(wait([&] { return stopped; }));
    }
    EXPECT_EQ(::rmdir(folder.c_str()), 0) << "a group was left";
}

}  // namespace
}  // namespace headrace::engines
