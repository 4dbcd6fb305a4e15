#include "base/alarms.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <boost/asio/post.hpp>

#include "base/loop.hpp"
#include "base/turn_end.hpp"

namespace headrace {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct AlarmsTest : testing::Test {
    Loop loop{"test"};
    Alarms& alarms = asio::use_service<Alarms>(loop.io());
    std::string order;

    UniqueFunction<void()> note(char what) {
        return [this, what] { order += what; };
    }
};

TEST_F(AlarmsTest, SoundInOrderOfTime) {
    const auto now = Clock::now();
    alarms.add(now + 30ms, [this] { loop.stop(); });
    alarms.add(now + 20ms, note('c'));
    alarms.add(now + 1ms, note('a'));
    alarms.add(now + 10ms, note('b'));
    loop.run();
    EXPECT_EQ(order, "abc");
    EXPECT_GE(Clock::now(), now + 30ms);
}

TEST_F(AlarmsTest, ARungOneIsCalledOnceAndNotInsideTheCall) {
    loop.post([&] {
        const auto ticket = alarms.add(Clock::now() + 10ms, note('r'));
        alarms.add(Clock::now() + 40ms, [this] { loop.stop(); });
        alarms.ring(ticket);
        order += '-';
    });
    loop.run();
    EXPECT_EQ(order, "-r");
}

TEST_F(AlarmsTest, OneMayAddAndRingOthers) {
    const auto other = alarms.add(Clock::now() + 1h, [this] { loop.stop(); });
    alarms.add(Clock::now(), [this, other] {
        order += 'a';
        alarms.add(Clock::now(), [this, other] {
            order += 'b';
            alarms.ring(other);
        });
    });
    loop.run();
    EXPECT_EQ(order, "ab");
}

TEST_F(AlarmsTest, AnEndOfATurnComesBeforeWhatWasPosted) {
    const auto ticket = alarms.add(Clock::now() + 1h, note('r'));
    loop.post([&] {
        asio::post(loop.io(), [this] {
            order += 'p';
            loop.stop();
        });
        const TurnEnd turn;
        alarms.ring(ticket);
        order += '-';
    });
    loop.run();
    EXPECT_EQ(order, "-rp");
}

TEST_F(AlarmsTest, ALoopThatEndsDropsWhatWaits) {
    const auto held = std::make_shared<int>(0);
    {
        Loop other("other");
        auto& waits = asio::use_service<Alarms>(other.io());
        const auto rung = waits.add(Clock::now() + 1h, [held] {});
        struct RingsAtItsEnd {
            Alarms& alarms;
            Alarms::Ticket ticket;
            ~RingsAtItsEnd() { alarms.ring(ticket); }
        };
        waits.add(Clock::now() + 1h,
                  [held, last = std::make_unique<RingsAtItsEnd>(waits, rung)] {});
        EXPECT_EQ(held.use_count(), 3);
    }
    EXPECT_EQ(held.use_count(), 1);
}

TEST(TurnEndTest, RunsWhatWasTakenAndWhatThatAdds) {
    std::string order;
    UniqueFunction<void()> task = [&] { order += 'x'; };
    EXPECT_FALSE(TurnEnd::take(task));
    {
        const TurnEnd outer;
        {
            const TurnEnd inner;
            UniqueFunction<void()> first = [&] {
                order += '1';
                UniqueFunction<void()> second = [&] { order += '2'; };
                EXPECT_TRUE(TurnEnd::take(second));
            };
            EXPECT_TRUE(TurnEnd::take(first));
            order += '-';
        }
        EXPECT_TRUE(TurnEnd::take(task));
        order += '+';
    }
    EXPECT_EQ(order, "-12+x");
}

}  // namespace
}  // namespace headrace
