#include "link/window.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace headrace::link {
namespace {

TEST(SendWindow, ClosesWhenSpentAndOpensWhenGranted) {
    SendWindow window(100);
    EXPECT_TRUE(window.open());
    window.spend(150);
    EXPECT_FALSE(window.open());
    window.grant(50);
    EXPECT_FALSE(window.open());
    window.grant(1);
    EXPECT_TRUE(window.open());
}

TEST(SendWindow, ALyingReceiverCannotMakeItOverflow) {
    SendWindow window(1);
    for (int i = 0; i < 10; ++i) window.grant(std::numeric_limits<std::uint64_t>::max());
    EXPECT_TRUE(window.open());
}

TEST(ReceiveWindow, RefusesWhatComesAfterItIsUsedUp) {
    ReceiveWindow window(100);
    EXPECT_TRUE(window.receive(60));
    EXPECT_TRUE(window.receive(60));  // something was left
    EXPECT_FALSE(window.receive(1));
    EXPECT_TRUE(window.receive(0));
    window.consume(60);
    EXPECT_TRUE(window.receive(1));
    window.consume(1'000);
    EXPECT_EQ(window.pending(), 0U);
}

}  // namespace
}  // namespace headrace::link
