#include "engines/command.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "link/frame.pb.h"

namespace headrace::engines {
namespace {

namespace fs = std::filesystem;

class CommandTest : public ::testing::Test {
  protected:
    CommandTest() {
        std::string name = (fs::temp_directory_path() / "command-XXXXXX").string();
        folder = ::mkdtemp(name.data());
        spec.capability = "x";
        spec.version = "1.0.0";
        spec.directory = folder;
        settings.host_program = "/opt/headrace-host";
        settings.python_sdk = "/opt/sdk";
        settings.library_folder = folder / "shared";
    }
    ~CommandTest() override { fs::remove_all(folder); }
    static void touch(const fs::path& path) {
        fs::create_directories(path.parent_path());
        std::ofstream{path};
    }
    static bool has(const Command& command, const std::string& entry) {
        return std::ranges::find(command.environment, entry) != command.environment.end();
    }
    fs::path folder;
    catalog::EngineSpec spec;
    Settings settings;
};

TEST_F(CommandTest, PythonUsesTheEnginesOwnEnvironmentWhenItIsThere) {
    spec.kind = catalog::EngineKind::python;
    EXPECT_EQ(command_for(spec, settings)->arguments[0], "python3");
    touch(folder / ".venv/bin/python");
    EXPECT_EQ(command_for(spec, settings)->arguments[0], (folder / ".venv/bin/python").string());
    spec.interpreter = "python3.11";
    EXPECT_EQ(command_for(spec, settings)->arguments[0], "python3.11");
}

TEST_F(CommandTest, ANamedEnvironmentThatIsMissingIsAnError) {
    spec.kind = catalog::EngineKind::python;
    spec.venv = "env";
    EXPECT_EQ(command_for(spec, settings).error().code, ErrorCode::not_found);
}

TEST_F(CommandTest, TheEnvironmentIsCleanButForWhatTheEngineAsksFor) {
    ::setenv("HEADRACE_SECRET_OF_OURS", "x", 1);
    spec.kind = catalog::EngineKind::python;
    spec.environment = {{"MODEL", "small"}, {"HEADRACE_LINK_FD", "99"}, {"PYTHONPATH", "/own"}};
    const auto command = command_for(spec, settings);
    ASSERT_TRUE(command);
    EXPECT_TRUE(has(*command, "MODEL=small"));
    EXPECT_TRUE(has(*command, "PYTHONPATH=/opt/sdk:/own"));
    EXPECT_TRUE(has(*command, "HEADRACE_ENGINE_DIR=" + folder.string()));
    EXPECT_FALSE(has(*command, "HEADRACE_LINK_FD=99"));
    EXPECT_FALSE(has(*command, "HEADRACE_SECRET_OF_OURS=x"));
}

/// Where a sanitizer's reports go is for builds that have one; any other keeps it to itself.
TEST_F(CommandTest, ASanitizersOptionsReachTheHostsOfItsOwnBuilds) {
#ifdef HEADRACE_SANITIZED
    constexpr bool kSanitized = true;
#else
    constexpr bool kSanitized = false;
#endif
    for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
        const char* const before = std::getenv(name);
        const std::string kept = before == nullptr ? "" : before;
        ::setenv(name, "log_path=/somewhere", 1);
        const auto command = command_for(spec, settings);
        if (before == nullptr)
            ::unsetenv(name);
        else
            ::setenv(name, kept.c_str(), 1);
        ASSERT_TRUE(command);
        EXPECT_EQ(has(*command, std::string(name) + "=log_path=/somewhere"), kSanitized) << name;
    }
}

TEST_F(CommandTest, ACommandRunsFromTheEnginesFolderOrThePath) {
    spec.kind = catalog::EngineKind::command;
    spec.limits.slots = 4;
    spec.command = {"./bin/run", "--fast"};
    const std::vector<std::string> inside{(folder / "bin/run").string(), "--fast"};
    EXPECT_EQ(command_for(spec, settings)->arguments, inside);
    spec.command = {"deno", "run", "engine.ts"};
    EXPECT_EQ(command_for(spec, settings)->arguments, spec.command);
    EXPECT_TRUE(start_for(spec, settings, "n"));
    EXPECT_EQ(start_for(spec, settings, "n")->offer().slots(), 4U);
    EXPECT_EQ(start_for(spec, settings, "n")->settings(), "");
    spec.settings = R"({"a":1})";
    EXPECT_EQ(start_for(spec, settings, "n")->settings(), R"({"a":1})");
}

TEST_F(CommandTest, ALibraryIsLookedForBesideTheFileThenInTheSharedFolder) {
    spec.library = "libx.so";
    EXPECT_EQ(start_for(spec, settings, "n").error().code, ErrorCode::not_found);
    touch(folder / "shared/libx.so");
    EXPECT_EQ(start_for(spec, settings, "n")->entry(), (folder / "shared/libx.so").string());
    touch(folder / "libx.so");
    EXPECT_EQ(start_for(spec, settings, "n")->entry(), (folder / "libx.so").string());
}

TEST_F(CommandTest, SlotsAreSplitOverProcesses) {
    spec.kind = catalog::EngineKind::python;
    spec.entry = "m:run";
    spec.limits.slots = 4;
    EXPECT_EQ(spec.processes(), 4U);
    EXPECT_EQ(start_for(spec, settings, "n")->offer().slots(), 1U);
    spec.async = true;
    EXPECT_EQ(start_for(spec, settings, "n")->offer().slots(), 4U);
}

}  // namespace
}  // namespace headrace::engines
