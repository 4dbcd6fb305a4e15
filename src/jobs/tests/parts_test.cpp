// The parts that are no state machine of jobs by themselves: heap, table, ring, flow, keys, traces.
#include <gtest/gtest.h>

#include "jobs/backoff.hpp"
#include "jobs/event_ring.hpp"
#include "jobs/idempotency.hpp"
#include "jobs/job_table.hpp"
#include "jobs/live_job.hpp"
#include "jobs/session_flow.hpp"
#include "jobs/timer_heap.hpp"
#include "jobs/trace_context.hpp"
#include "stores/memory/virtual_time.hpp"

namespace headrace::jobs {
namespace {

SteadyTime at(std::int64_t ms) {
    return SteadyTime(milliseconds(ms));
}

TEST(TimerHeap, FiresInOrderWhateverIsMovedOrDisarmed) {
    TimerHeap heap;
    std::vector<std::unique_ptr<Timer>> timers;
    std::vector<std::int64_t> due;
    std::uint64_t random = 1;
    for (int i = 0; i < 500; ++i) {
        timers.push_back(std::make_unique<Timer>(TimerKind::job));
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        due.push_back(static_cast<std::int64_t>(random >> 54));
        heap.arm(*timers.back(), at(due.back()));
    }
    for (std::size_t i = 0; i < 500; i += 3) heap.arm(*timers[i], at(due[i] = 2000 - due[i]));
    for (std::size_t i = 1; i < 500; i += 3) heap.disarm(*timers[i]);
    EXPECT_EQ(heap.size(), 333U);
    std::int64_t last = 0;
    std::size_t fired = 0;
    while (const auto next = heap.next()) {
        EXPECT_EQ(heap.pop_due(*next - milliseconds(1)), nullptr);
        Timer* timer = heap.pop_due(*next);
        ASSERT_NE(timer, nullptr);
        const auto which =
            static_cast<std::size_t>(std::find_if(timers.begin(), timers.end(),
                                                  [&](auto& each) { return each.get() == timer; }) -
                                     timers.begin());
        EXPECT_NE(which % 3, 1U);
        EXPECT_GE(due[which], last);
        last = due[which];
        ++fired;
    }
    EXPECT_EQ(fired, 333U);
}

TEST(TimerHeap, TheFarFutureIsNoDueTime) {
    TimerHeap heap;
    Timer timer(TimerKind::job);
    heap.arm(timer, at(1));
    heap.arm(timer, SteadyTime::max());
    EXPECT_FALSE(heap.next().has_value());
}

TEST(JobTable, FindsAllThroughGrowthAndErasure) {
    stores::VirtualTime time;
    IdSource ids(time, 3);
    JobTable table;
    std::vector<std::unique_ptr<Job>> jobs;
    for (int i = 0; i < 3000; ++i) {
        jobs.push_back(std::make_unique<Job>());
        jobs.back()->id = ids.make<JobId>();
        table.insert(*jobs.back());
    }
    for (std::size_t i = 0; i < jobs.size(); i += 2) table.erase(*jobs[i]);
    EXPECT_EQ(table.size(), 1500U);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        EXPECT_EQ(table.find(jobs[i]->id), i % 2 == 0 ? nullptr : jobs[i].get());
    }
    std::size_t seen = 0;
    table.for_each([&seen](Job&) { ++seen; });
    EXPECT_EQ(seen, 1500U);
}

TEST(EventRing, DropsTheOldestButNeverTheLast) {
    EventRing ring;
    for (int i = 0; i < 100; ++i) ring.add(LogEvent{"log", std::string(100, 'x'), 0}, 10, 1 << 20);
    std::vector<std::uint64_t> kept;
    const auto take = [&kept](const auto& event) { kept.push_back(event->id); };
    ring.for_each_after(0, take);
    EXPECT_EQ(kept.size(), 10U);
    EXPECT_EQ(kept.front(), 91U);
    kept.clear();
    ring.for_each_after(97, take);
    EXPECT_EQ(kept, (std::vector<std::uint64_t>{98, 99, 100}));
    ring.add(LogEvent{"log", std::string(5000, 'x'), 0}, 10, 1000);
    kept.clear();
    ring.for_each_after(0, take);
    EXPECT_EQ(kept, (std::vector<std::uint64_t>{101}));
}

TEST(SessionFlow, HoldsItsInputWindow) {
    SessionFlow flow(100);
    EXPECT_TRUE(flow.give(60, false));
    EXPECT_EQ(flow.room(), 40U);
    EXPECT_EQ(flow.give(41, false).error().code, ErrorCode::quota_exceeded);
    bool grown = false;
    flow.when_room([&grown] { grown = true; });
    if (auto changed = flow.consumed(60)) changed();
    EXPECT_TRUE(grown);
    EXPECT_TRUE(flow.give(1000, true))
        << "a step above the window passes when nothing else is there";
    EXPECT_EQ(flow.room(), 0U);
    EXPECT_EQ(flow.give(1, false).error().code, ErrorCode::conflict) << "after the last step";
}

TEST(SessionFlow, StopsAnEngineThatPaysNoHeed) {
    SessionFlow flow(100);
    int sent = 0;
    while (flow.output(50) && sent < 100) ++sent;
    EXPECT_GT(sent, 2);
    EXPECT_LT(sent, 12);
    flow.output_taken(1000);
    EXPECT_TRUE(flow.output(50));
}

TEST(IdempotencyFlights, TwinsGetTheAnswerOfTheFirst) {
    IdempotencyFlights flights;
    const TenantId tenant("acme");
    std::vector<std::string> answers;
    const auto enter = [&](const Idempotency& key) {
        Done<Accepted> done = [&answers](Result<Accepted> got) {
            answers.push_back(!got ? "error" : got->replay ? "replay" : "fresh");
        };
        return flights.enter(tenant, key, done);
    };
    Idempotency key;
    key.key = "k";
    Idempotency other = key;
    other.body[0] = 1;
    EXPECT_EQ(enter(key), IdempotencyFlights::Entry::first);
    EXPECT_EQ(enter(key), IdempotencyFlights::Entry::twin);
    EXPECT_EQ(enter(other), IdempotencyFlights::Entry::clash);
    flights.land(tenant, "k", Accepted{});
    EXPECT_EQ(answers, (std::vector<std::string>{"fresh", "replay"}));
    EXPECT_EQ(enter(other), IdempotencyFlights::Entry::first) << "the key is free again";
}

TEST(TraceContext, PacksWhatIsStandard) {
    const std::string text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    TraceContext trace;
    EXPECT_TRUE(trace.pack(text));
    EXPECT_EQ(trace.text(), text);
    TraceContext other;
    for (const std::string& odd :
         {std::string(), text.substr(1), "01" + text.substr(2), text + "-x",
          std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")}) {
        EXPECT_FALSE(other.pack(odd)) << odd;
    }
    EXPECT_EQ(other.text(), "");
}

TEST(Backoff, GrowsToItsBoundWithFullJitter) {
    Backoff backoff(milliseconds(100), milliseconds(1000), 42);
    std::chrono::nanoseconds most[9] = {};
    for (int round = 0; round < 200; ++round) {
        for (std::uint32_t n = 1; n < 9; ++n) {
            const auto pause = backoff.pause(n);
            EXPECT_GT(pause.count(), 0);
            EXPECT_LE(pause, std::min(milliseconds(100 << (n - 1)), milliseconds(1000)));
            most[n] = std::max(most[n], pause);
        }
    }
    EXPECT_GT(most[1], milliseconds(80));
    EXPECT_GT(most[8], milliseconds(800));
    Backoff same(milliseconds(100), milliseconds(1000), 42);
    Backoff again(milliseconds(100), milliseconds(1000), 42);
    EXPECT_EQ(same.pause(3), again.pause(3));
}

}  // namespace
}  // namespace headrace::jobs
