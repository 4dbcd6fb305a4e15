#include "upstreams/circuit.hpp"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace headrace::upstreams {
namespace {

using std::chrono::milliseconds;

class CircuitTest : public ::testing::Test {
  protected:
    void fail_once() { circuit_.failed(circuit_.begin(now_), now_, "it broke"); }
    void pass(milliseconds time) { now_ += time; }
    SteadyTime now_{std::chrono::hours(1)};
    Circuit circuit_{Circuit::Limits{}, 7};
};

TEST_F(CircuitTest, OpensAfterFailuresInARowOnly) {
    fail_once();
    fail_once();
    circuit_.succeeded(circuit_.begin(now_), now_);
    fail_once();
    fail_once();
    EXPECT_TRUE(circuit_.admits(now_));
    fail_once();
    EXPECT_FALSE(circuit_.admits(now_));
    EXPECT_EQ(circuit_.health(now_), Health::open);
    EXPECT_EQ(circuit_.reason(), "it broke");
}

TEST_F(CircuitTest, OneTrialDecides) {
    for (int i = 0; i < 3; ++i) fail_once();
    pass(milliseconds(1'000));
    ASSERT_TRUE(circuit_.admits(now_));
    const auto trial = circuit_.begin(now_);
    EXPECT_TRUE(trial.trial);
    EXPECT_FALSE(circuit_.admits(now_)) << "one trial at a time";
    circuit_.succeeded(trial, now_);
    EXPECT_EQ(circuit_.health(now_), Health::up);
    EXPECT_TRUE(circuit_.admits(now_));
}

TEST_F(CircuitTest, TheOpenTimeDoublesUntilACallSucceeds) {
    for (int i = 0; i < 3; ++i) fail_once();
    milliseconds before{0};
    for (int round = 0; round < 12; ++round) {
        const auto open = std::chrono::duration_cast<milliseconds>(circuit_.until() - now_);
        const auto most =
            std::min<milliseconds>(milliseconds(1'000) * (1 << round), milliseconds(60'000));
        EXPECT_LE(open, most);
        EXPECT_GE(open, most / 2);
        if (round > 8) {
            EXPECT_GE(open, before / 2);
        }
        before = open;
        pass(open);
        // A probe closes it, and is no call: the next time goes on doubling.
        circuit_.probed(circuit_.begin(now_));
        ASSERT_EQ(circuit_.health(now_), Health::up);
        for (int i = 0; i < 3; ++i) fail_once();
    }
    pass(milliseconds(60'000));
    circuit_.succeeded(circuit_.begin(now_), now_);
    for (int i = 0; i < 3; ++i) fail_once();
    EXPECT_LE(circuit_.until() - now_, milliseconds(1'000));
}

TEST_F(CircuitTest, WhatBelongsToAnOlderStateChangesNothing) {
    const auto old = circuit_.begin(now_);
    for (int i = 0; i < 3; ++i) fail_once();
    pass(milliseconds(1'000));
    const auto trial = circuit_.begin(now_);
    circuit_.succeeded(old, now_);
    EXPECT_EQ(circuit_.health(now_), Health::half_open);
    circuit_.failed(old, now_, "late");
    EXPECT_EQ(circuit_.health(now_), Health::half_open);
    circuit_.succeeded(trial, now_);
    circuit_.refused(old, now_, "late");
    EXPECT_EQ(circuit_.health(now_), Health::up);
}

TEST_F(CircuitTest, ATrialWithoutVerdictLeavesTheTrialToTheNext) {
    for (int i = 0; i < 3; ++i) fail_once();
    pass(milliseconds(1'000));
    circuit_.no_verdict(circuit_.begin(now_));
    EXPECT_TRUE(circuit_.admits(now_));
    EXPECT_TRUE(circuit_.begin(now_).trial);
}

TEST_F(CircuitTest, BusyPausesAndIsNoFailure) {
    circuit_.busy(circuit_.begin(now_), now_, milliseconds(5'000), "asked to wait");
    EXPECT_EQ(circuit_.health(now_), Health::paused);
    EXPECT_FALSE(circuit_.admits(now_));
    circuit_.busy({circuit_.state(), false}, now_, milliseconds(100), "asked to wait");
    pass(milliseconds(4'999));
    EXPECT_FALSE(circuit_.admits(now_)) << "the longer pause holds";
    pass(milliseconds(1));
    EXPECT_TRUE(circuit_.admits(now_));
    circuit_.busy(circuit_.begin(now_), now_, std::chrono::hours(100), "lies");
    pass(milliseconds(300'000));
    EXPECT_TRUE(circuit_.admits(now_)) << "no pause is longer than its limit";
}

TEST_F(CircuitTest, APauseHoldsWhenTheCircuitOpensMeanwhile) {
    std::vector<Circuit::Ticket> out;
    for (int i = 0; i < 4; ++i) out.push_back(circuit_.begin(now_));
    circuit_.busy(out[0], now_, milliseconds(30'000), "wait");
    // Calls that were under way fail, and open it for a second.
    for (int i = 1; i < 4; ++i) circuit_.failed(out[static_cast<std::size_t>(i)], now_, "it broke");
    EXPECT_EQ(circuit_.health(now_), Health::open);
    pass(milliseconds(29'999));
    EXPECT_FALSE(circuit_.admits(now_)) << "it asked for half a minute";
    pass(milliseconds(1));
    EXPECT_TRUE(circuit_.admits(now_));
}

TEST_F(CircuitTest, ARefusedKeyOpensAtOnce) {
    circuit_.refused(circuit_.begin(now_), now_, "the key");
    EXPECT_EQ(circuit_.health(now_), Health::open);
    EXPECT_EQ(circuit_.reason(), "the key");
}

TEST_F(CircuitTest, WhoStartsIsAwaitedAndNotBlamed) {
    fail_once();
    circuit_.expect(now_ + milliseconds(10'000), now_);
    EXPECT_EQ(circuit_.health(now_), Health::starting);
    EXPECT_FALSE(circuit_.admits(now_)) << "it is not called yet";
    for (int i = 0; i < 20; ++i) {
        fail_once();
        pass(milliseconds(200));
    }
    circuit_.no_verdict(circuit_.begin(now_));
    EXPECT_TRUE(circuit_.expected(now_));
    const auto early = circuit_.begin(now_);
    circuit_.probed(circuit_.begin(now_));
    EXPECT_EQ(circuit_.health(now_), Health::up);
    circuit_.failed(early, now_, "an older probe");
    fail_once();
    fail_once();
    EXPECT_EQ(circuit_.health(now_), Health::up) << "what failed before does not count";
}

TEST_F(CircuitTest, WhoNeverStartsIsGivenUp) {
    circuit_.expect(now_ + milliseconds(10'000), now_);
    circuit_.heard_from(now_);
    EXPECT_TRUE(circuit_.expected(now_));
    const auto late = circuit_.begin(now_);
    pass(milliseconds(10'000));
    EXPECT_FALSE(circuit_.expected(now_));
    EXPECT_EQ(circuit_.health(now_), Health::half_open);
    ASSERT_TRUE(circuit_.admits(now_));
    circuit_.failed(late, now_, "connection refused");
    EXPECT_EQ(circuit_.health(now_), Health::open) << "one failure is enough";
    EXPECT_EQ(circuit_.reason(), "connection refused");
    EXPECT_LE(circuit_.until() - now_, milliseconds(1'000));
}

TEST_F(CircuitTest, WhoAskedToBeLeftAloneIsNotAwaited) {
    circuit_.busy(circuit_.begin(now_), now_, milliseconds(60'000), "busy");
    circuit_.expect(now_ + milliseconds(10'000), now_);
    EXPECT_EQ(circuit_.health(now_), Health::paused);
}

/// A random walk of calls that end in every way, against what must hold whatever happens.
TEST_F(CircuitTest, HoldsItsPromisesOnRandomWalks) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        std::mt19937_64 random(seed);
        Circuit circuit(Circuit::Limits{}, seed);
        std::vector<Circuit::Ticket> out;
        int trials = 0;
        for (int step = 0; step < 400; ++step) {
            pass(milliseconds(random() % 900));
            if (random() % 2 == 0 && circuit.admits(now_)) {
                const Health before = circuit.health(now_);
                const auto ticket = circuit.begin(now_);
                ASSERT_EQ(ticket.trial, before == Health::half_open);
                out.push_back(ticket);
            } else if (!out.empty()) {
                const auto at = random() % out.size();
                const auto ticket = out[at];
                out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
                switch (random() % 5) {
                    case 0:
                        circuit.succeeded(ticket, now_);
                        break;
                    case 1:
                    case 2:
                        circuit.failed(ticket, now_, "x");
                        break;
                    case 3:
                        circuit.no_verdict(ticket);
                        break;
                    default:
                        circuit.busy(ticket, now_, milliseconds(random() % 3'000), "y");
                }
            }
            trials = 0;
            for (const auto& ticket : out) {
                if (ticket.trial && ticket.state == circuit.state()) ++trials;
            }
            ASSERT_LE(trials, 1);
            // While half open with its trial taken nobody else gets in; else it is a matter of
            // time.
            if (trials == 1) {
                ASSERT_FALSE(circuit.admits(now_));
            } else {
                ASSERT_TRUE(circuit.admits(now_ + std::chrono::minutes(5)));
            }
        }
    }
}

}  // namespace
}  // namespace headrace::upstreams
