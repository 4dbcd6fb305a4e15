#include "workers/agent/backoff.hpp"

#include <gtest/gtest.h>

namespace headrace::workers::agent {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsBoundWithJitter) {
    Backoff backoff(milliseconds(100), milliseconds(1'000), 1);
    for (const int whole : {100, 200, 400, 800, 1'000, 1'000}) {
        const auto pause = backoff.pause();
        EXPECT_GE(pause, milliseconds(whole / 2));
        EXPECT_LE(pause, milliseconds(whole));
    }
    backoff.reset();
    EXPECT_LE(backoff.pause(), milliseconds(100));
}

}  // namespace
}  // namespace headrace::workers::agent
