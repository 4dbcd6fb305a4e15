// The server stood still: what nobody could hear meanwhile is no silence.
#include <gtest/gtest.h>

#include "jobs/tests/rig.hpp"

namespace headrace::jobs {
namespace {

using std::chrono::milliseconds;

// A standstill is measured from the last time that was known to be none.
constexpr milliseconds kPulse{2'000};

class Standstill : public ::testing::Test {
  protected:
    /// Nothing runs, and then timers come first.
    void stand_still(milliseconds time) {
        rig_.time.move_to(rig_.time.now() + time);
        rig_.core->tick();
        rig_.settle();
    }
    /// A job that a worker has.
    void lease(catalog::ServingLimits limits = {}, std::uint32_t timeout_ms = 0) {
        version_ = rig_.version("m", limits);
        worker_ = rig_.worker({version_});
        auto submission = rig_.durable(version_);
        submission.timeout_ms = timeout_ms;
        job_ = rig_.submit(std::move(submission));
        rig_.credit(*worker_);
        rig_.settle();
        ASSERT_EQ(worker_->grants.size(), 1U);
    }

    /// Of the time that the worker had before a standstill so much is left after it.
    void expect_left(milliseconds left) {
        stand_still(milliseconds(60'000));
        EXPECT_FALSE(worker_->killed);
        rig_.core->heartbeat(worker_->id);
        rig_.advance(left - milliseconds(100));
        EXPECT_FALSE(worker_->killed);
        rig_.advance(kPulse);
        EXPECT_TRUE(worker_->killed);
    }

    Rig rig_;
    VersionPtr version_;
    std::shared_ptr<FakeWorker> worker_;
    JobId job_;
};

TEST_F(Standstill, IsNoSilenceOfAWorker) {
    lease();
    rig_.advance(milliseconds(10'000));
    stand_still(milliseconds(60'000));
    EXPECT_FALSE(worker_->killed);
    EXPECT_EQ(rig_.state(job_), JobState::running);
    rig_.advance(milliseconds(4'900));
    EXPECT_FALSE(worker_->killed) << "of its lease ten seconds were over";
    rig_.advance(kPulse);
    EXPECT_TRUE(worker_->killed) << "and the rest is now";
}

TEST_F(Standstill, IsNoSilenceOfAJob) {
    catalog::ServingLimits limits;
    limits.stall_timeout_ms = 3'000;
    lease(limits);
    rig_.advance(milliseconds(2'000));
    expect_left(milliseconds(1'000));
}

TEST_F(Standstill, LeavesAnEngineItsGraceToStop) {
    lease();
    ASSERT_TRUE(rig_.cancel(job_).has_value());
    rig_.settle();
    ASSERT_EQ(worker_->cancels.size(), 1U);
    rig_.advance(milliseconds(2'000));
    expect_left(milliseconds(3'500));
}

TEST_F(Standstill, LeavesAnEngineItsGraceAfterTheJobHasEnded) {
    lease({}, 1'000);
    rig_.advance(milliseconds(2'000));
    ASSERT_EQ(worker_->cancels.size(), 1U);
    EXPECT_EQ(rig_.state(job_), JobState::failed) << "its timeout";
    expect_left(milliseconds(4'500));
}

TEST_F(Standstill, AShortOneIsNone) {
    lease();
    rig_.advance(milliseconds(14'000));
    stand_still(milliseconds(1'500));
    EXPECT_TRUE(worker_->killed) << "less than a quarter of a lease";
}

}  // namespace
}  // namespace headrace::jobs
