// Each case ends a process, and looks at what that process has left on standard error.
#include "base/log.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

namespace headrace::log {
namespace {

TEST(LogDeathTest, LinesThatWaitAreWrittenAtTheExit) {
    EXPECT_EXIT(
        {
            start(Level::info, Format::text);
            info("job ended job={}", 1);
            std::exit(3);
        },
        ::testing::ExitedWithCode(3), "Z info job ended job=1\n");
}

TEST(LogDeathTest, LinesThatWaitSurviveACrash) {
    for (const int signal : {SIGABRT, SIGSEGV}) {
        EXPECT_EXIT(
            {
                start(Level::info, Format::text);
                info("last words");
                std::raise(signal);
            },
            ::testing::KilledBySignal(signal), "info last words\n");
    }
}

TEST(LogDeathTest, AWarningTakesWithItWhatCameBefore) {
    EXPECT_EXIT(
        {
            start(Level::info, Format::json);
            info("first n={}", 1);
            warn("second");
            ::_exit(4);
        },
        ::testing::ExitedWithCode(4), R"("level":"info","message":"first","n":"1")");
}

TEST(LogDeathTest, LinesWaitToBeWrittenTogether) {
    EXPECT_EXIT(
        {
            start(Level::info, Format::text);
            info("not yet");
            ::_exit(5);
        },
        ::testing::ExitedWithCode(5), "^$");
}

TEST(LogDeathTest, NoTextMakesASecondLine) {
    EXPECT_EXIT(
        {
            warn("one\nforged level=\x01");
            ::_exit(6);
        },
        ::testing::ExitedWithCode(6), "warn one forged level= \n$");
}

}  // namespace
}  // namespace headrace::log
