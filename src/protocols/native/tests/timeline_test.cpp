#include "protocols/native/timeline.hpp"

#include <gtest/gtest.h>

namespace headrace::protocols::native {
namespace {

jobs::JobRecord job(jobs::JobState state) {
    jobs::JobRecord out;
    out.state = state;
    out.created_at = 1'000;
    return out;
}

TEST(Timeline, AttemptsAndTheWaitsBetweenThem) {
    auto one = job(jobs::JobState::failed);
    one.attempts = {{1, "w1", {}, 2'000, 3'000, "lost"}, {2, "w2", {}, 4'000, 5'000, "failed"}};
    one.finished_at = 5'000;
    one.error = jobs::JobError{"engine_failed", "out of \"memory\"", "", false};
    EXPECT_EQ(
        spans_text(one),
        R"([{"name":"accept","start":"1970-01-01T00:00:01.000Z","end":"1970-01-01T00:00:01.000Z"},)"
        R"({"name":"queue","start":"1970-01-01T00:00:01.000Z","end":"1970-01-01T00:00:02.000Z"},)"
        R"({"name":"attempt","attempt":1,"worker":"w1","start":"1970-01-01T00:00:02.000Z",)"
        R"("end":"1970-01-01T00:00:03.000Z","error":"lost"},)"
        R"({"name":"queue","start":"1970-01-01T00:00:03.000Z","end":"1970-01-01T00:00:04.000Z"},)"
        R"({"name":"attempt","attempt":2,"worker":"w2","start":"1970-01-01T00:00:04.000Z",)"
        R"("end":"1970-01-01T00:00:05.000Z","error":"engine_failed: out of \"memory\""}])");
}

TEST(Timeline, WhatGoesOnHasNoEnd) {
    const auto queued = spans_text(job(jobs::JobState::queued));
    EXPECT_TRUE(
        queued.ends_with(R"({"name":"queue","start":"1970-01-01T00:00:01.000Z","end":null}])"));
    auto running = job(jobs::JobState::running);
    running.attempts = {{1, "w", {}, 2'000, 0, "running"}};
    EXPECT_TRUE(spans_text(running).ends_with(
        R"({"name":"attempt","attempt":1,"worker":"w","start":"1970-01-01T00:00:02.000Z","end":null}])"));
}

TEST(Timeline, AnOutputAndAnEndInTheQueue) {
    auto done = job(jobs::JobState::succeeded);
    done.attempts = {{1, "w", {}, 2'000, 3'000, "succeeded"}};
    done.finished_at = 3'000;
    EXPECT_NE(spans_text(done).find(R"("name":"output","start":"1970-01-01T00:00:03.000Z")"),
              std::string::npos);
    auto expired = job(jobs::JobState::expired);
    expired.finished_at = 9'000;
    expired.error = jobs::JobError{"deadline_exceeded", "too late", "ttl", false};
    EXPECT_TRUE(spans_text(expired).ends_with(
        R"("end":"1970-01-01T00:00:09.000Z","error":"deadline_exceeded: too late"}])"));
}

TEST(Timeline, LogLinesCarryTheirAttempt) {
    const auto event = [](auto what) {
        auto out = std::make_shared<jobs::JobEvent>();
        out->what = std::move(what);
        return std::shared_ptr<const jobs::JobEvent>(std::move(out));
    };
    const std::vector events{event(jobs::StateEvent{jobs::JobState::running, 2}),
                             event(jobs::LogEvent{"stderr", "hot", 1'000}),
                             event(jobs::LogEvent{"log", "fine", 2'000})};
    EXPECT_EQ(logs_text(events),
              R"([{"time":"1970-01-01T00:00:01.000Z","level":"warn","stream":"stderr",)"
              R"("message":"hot","attempt":2},{"time":"1970-01-01T00:00:02.000Z","level":"info",)"
              R"("stream":"log","message":"fine","attempt":2}])");
    EXPECT_EQ(logs_text({}), "[]");
}

}  // namespace
}  // namespace headrace::protocols::native
