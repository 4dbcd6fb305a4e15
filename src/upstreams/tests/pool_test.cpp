#include "upstreams/pool.hpp"

#include <memory>
#include <random>

#include <gtest/gtest.h>

namespace headrace::upstreams {
namespace {

class PoolTest : public ::testing::Test {
  protected:
    Member& add(std::uint32_t priority, double weight, std::uint32_t room) {
        auto& member = *members_.emplace_back(
            std::make_unique<Member>(Circuit::Limits{}, members_.size() + 1));
        member.priority = priority;
        member.weight = weight;
        member.room = room;
        view_.push_back(&member);
        return member;
    }
    Chosen pick(std::span<const Member* const> tried = {}) { return choose(view_, now_, tried); }
    /// Sends a call, as the room does.
    Member* send() {
        const auto chosen = pick();
        if (chosen.choice != Choice::found) return nullptr;
        Member& member = *members_[chosen.index];
        ++member.in_flight;
        member.last_used = ++uses_;
        return &member;
    }
    void open(Member& member) { member.circuit.refused(member.circuit.begin(now_), now_, "x"); }
    SteadyTime now_{std::chrono::hours(1)};
    std::vector<std::unique_ptr<Member>> members_;
    std::vector<const Member*> view_;
    std::uint64_t uses_ = 0;
};

TEST_F(PoolTest, WeightsShareTheLoad) {
    auto& one = add(0, 1, 100);
    auto& three = add(0, 3, 100);
    for (int i = 0; i < 40; ++i) ASSERT_NE(send(), nullptr);
    EXPECT_EQ(one.in_flight, 10U);
    EXPECT_EQ(three.in_flight, 30U);
}

TEST_F(PoolTest, TheWaitIsUntilTheFirstThatMayTakeACall) {
    auto& a = add(0, 1, 4);
    auto& b = add(0, 1, 4);
    auto& off = add(0, 1, 4);
    off.enabled = false;
    EXPECT_EQ(seconds_to_wait(view_, now_), 0);
    const auto busy = [&](Member& member, int seconds) {
        member.circuit.busy(member.circuit.begin(now_), now_, std::chrono::seconds(seconds), "x");
    };
    busy(a, 900);  // longer than it is left alone
    EXPECT_EQ(seconds_to_wait(view_, now_), 0) << "the other one is up";
    busy(b, 90'000);
    EXPECT_EQ(seconds_to_wait(view_, now_), 900);
    now_ += std::chrono::milliseconds(299'500);
    EXPECT_EQ(seconds_to_wait(view_, now_), 601) << "full seconds, never early";
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(seconds_to_wait(view_, now_), 0) << "it is tried again, whatever it asked for";
    busy(a, 20'000);
    busy(b, 30'000);
    EXPECT_EQ(seconds_to_wait(view_, now_), 3'600);
    auto& c = add(0, 1, 4);
    open(c);
    EXPECT_EQ(seconds_to_wait(view_, now_), 1);
    now_ += std::chrono::seconds(2);
    (void)c.circuit.begin(now_);
    EXPECT_EQ(seconds_to_wait(view_, now_), 1) << "its trial is under way";
    EXPECT_EQ(seconds_to_wait({}, now_), 0);
}

TEST_F(PoolTest, EqualsTakeTurnsWhenIdle) {
    auto& a = add(0, 1, 4);
    auto& b = add(0, 1, 4);
    int to_a = 0;
    for (int i = 0; i < 10; ++i) {
        Member* member = send();
        to_a += member == &a ? 1 : 0;
        --member->in_flight;
    }
    EXPECT_EQ(to_a, 5);
    (void)b;
}

TEST_F(PoolTest, PriorityGoesFirstAndSpillsOver) {
    auto& second = add(1, 1, 2);
    auto& first = add(0, 1, 2);
    EXPECT_EQ(send(), &first);
    EXPECT_EQ(send(), &first);
    EXPECT_EQ(send(), &second);
    EXPECT_EQ(send(), &second);
    EXPECT_EQ(pick().choice, Choice::full);
}

TEST_F(PoolTest, WhatIsDownTriedOrDisabledIsNotChosen) {
    auto& a = add(0, 1, 1);
    auto& b = add(0, 1, 1);
    open(a);
    EXPECT_EQ(pick().index, 1U);
    const Member* tried[] = {&b};
    EXPECT_EQ(pick(tried).choice, Choice::none);
    b.enabled = false;
    EXPECT_EQ(pick().choice, Choice::none);
    b.enabled = true;
    b.in_flight = 1;
    EXPECT_EQ(pick().choice, Choice::full);
}

TEST_F(PoolTest, WhoStartsIsWorthWaitingFor) {
    auto& up = add(1, 1, 1);
    auto& starts = add(0, 1, 3);
    starts.circuit.expect(now_ + std::chrono::seconds(10), now_);
    EXPECT_EQ(pick().index, 0U) << "one that is there goes before one that is not";
    up.in_flight = 1;
    EXPECT_EQ(pick().choice, Choice::full);
    open(up);
    EXPECT_EQ(pick().choice, Choice::full);
    EXPECT_EQ(capacity_of(view_, now_), 3U);
    EXPECT_EQ(seconds_to_wait(view_, now_), 0);
    starts.enabled = false;
    EXPECT_EQ(pick().choice, Choice::none);
    starts.enabled = true;
    now_ += std::chrono::seconds(10);
    EXPECT_EQ(pick().index, 1U) << "then a call decides";
}

TEST_F(PoolTest, CallsOfOthersCount) {
    auto& a = add(0, 1, 100);
    auto& b = add(0, 1, 100);
    a.elsewhere = 5;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(send(), &b);
    send();
    EXPECT_EQ(a.in_flight + b.in_flight, 6U);
}

TEST(PoolCreditTest, GivesWhatIsFreeAndNeverTwice) {
    PoolCredit credit;
    EXPECT_EQ(credit.due(8, 0), 8U);
    credit.given(8);
    EXPECT_EQ(credit.due(8, 0), 0U);
    credit.leased(3);
    EXPECT_EQ(credit.due(8, 0), 0U);
    credit.ended();
    EXPECT_EQ(credit.due(8, 0), 1U);
    credit.given(1);
    EXPECT_EQ(credit.due(4, 0), 0U) << "credit cannot be taken back";
}

TEST(PoolCreditTest, WithNobodyUpOneJobAtATimeIsAskedFor) {
    PoolCredit credit;
    EXPECT_EQ(credit.due(0, 0), 1U);
    credit.given(1);
    EXPECT_EQ(credit.due(0, 0), 0U);
    credit.leased(1);
    EXPECT_EQ(credit.due(0, 0), 1U) << "the next is told at once, too";
    credit.given(1);
    credit.leased(1);
    EXPECT_EQ(credit.due(0, 256), 0U) << "what waits for a server is bounded";
}

TEST(PoolCreditTest, HoldsOnRandomWalks) {
    std::mt19937 random(3);
    for (int run = 0; run < 200; ++run) {
        PoolCredit credit;
        std::uint32_t active = 0;
        for (int step = 0; step < 300; ++step) {
            const std::uint32_t capacity =
                random() % 3 == 0 ? 0 : static_cast<std::uint32_t>(random() % 20);
            const auto due = credit.due(capacity, 0);
            if (due > 0) {
                ASSERT_LE(credit.active() + credit.outstanding() + due,
                          std::max(capacity, credit.active() + 1));
            }
            credit.given(due);
            ASSERT_TRUE(credit.outstanding() > 0 || (capacity > 0 && active >= capacity))
                << "a job can always come where there is room, or nobody to do it";
            if (random() % 2 == 0 && credit.outstanding() > 0) {
                credit.leased(1);
                ++active;
            } else if (active > 0) {
                credit.ended();
                --active;
            }
            ASSERT_EQ(active, credit.active());
        }
    }
}

}  // namespace
}  // namespace headrace::upstreams
