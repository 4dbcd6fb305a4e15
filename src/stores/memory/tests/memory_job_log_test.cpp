#include "stores/memory/memory_job_log.hpp"

#include <gtest/gtest.h>

namespace headrace::stores {
namespace {

using jobs::JobRecord;
using jobs::JobState;
using jobs::LogWrite;

struct MemoryJobLogTest : testing::Test {
    LogWrite change(LogWrite::Kind kind, JobId id, JobState state) {
        auto record = std::make_shared<JobRecord>();
        record->id = id;
        record->tenant = TenantId("acme");
        record->state = state;
        auto input = std::make_shared<jobs::Payload>();
        input->values = "in";
        record->input = input;
        LogWrite write;
        write.kind = kind;
        write.job = record;
        if (kind == LogWrite::Kind::finish) {
            auto usage = std::make_shared<jobs::UsageRecord>();
            usage->job = id;
            write.usage = std::move(usage);
        }
        return write;
    }
    void put(LogWrite write) {
        log->write(std::move(write),
                   [this](Result<void> done) { answers.push_back(done.has_value()); });
    }
    void run() {
        while (time.step()) {
        }
    }

    VirtualTime time;
    IdSource ids{time, 7};
    MemoryDisk disk;
    bool full = false;
    std::unique_ptr<MemoryJobLog> log = std::make_unique<MemoryJobLog>(
        disk, time,
        DiskBehaviour{[] { return std::chrono::milliseconds(1); }, [this] { return full; }});
    std::vector<bool> answers;
};

TEST_F(MemoryJobLogTest, GathersWritesOfOneCommitAndAnswersInOrder) {
    const auto first = ids.make<JobId>();
    put(change(LogWrite::Kind::accept, first, JobState::queued));
    put(change(LogWrite::Kind::attempt, first, JobState::running));
    put(change(LogWrite::Kind::finish, first, JobState::succeeded));
    EXPECT_TRUE(disk.jobs.empty());
    run();
    EXPECT_EQ(answers, (std::vector<bool>{true, true, true}));
    EXPECT_EQ(disk.jobs.at(first).record.state, JobState::succeeded);
    EXPECT_EQ(disk.metered.at(first), 1U);
    EXPECT_EQ(time.now(), SteadyTime(std::chrono::milliseconds(2)));  // one alone, two together
}

TEST_F(MemoryJobLogTest, RefusesASecondEnd) {
    const auto id = ids.make<JobId>();
    put(change(LogWrite::Kind::accept, id, JobState::queued));
    put(change(LogWrite::Kind::finish, id, JobState::failed));
    put(change(LogWrite::Kind::finish, id, JobState::succeeded));
    run();
    EXPECT_EQ(answers, (std::vector<bool>{true, true, false}));
    EXPECT_EQ(disk.jobs.at(id).record.state, JobState::failed);
}

TEST_F(MemoryJobLogTest, ACrashDropsWhatWasNotCommitted) {
    const auto first = ids.make<JobId>();
    const auto second = ids.make<JobId>();
    put(change(LogWrite::Kind::accept, first, JobState::queued));
    put(change(LogWrite::Kind::accept, second, JobState::queued));  // waits for the next commit
    log->crash(true);
    log.reset();
    run();
    EXPECT_TRUE(answers.empty());
    EXPECT_EQ(disk.jobs.size(), 1U);
    EXPECT_TRUE(disk.jobs.contains(first));
}

TEST_F(MemoryJobLogTest, AFullDiskChangesNothing) {
    full = true;
    put(change(LogWrite::Kind::accept, ids.make<JobId>(), JobState::queued));
    run();
    EXPECT_EQ(answers, (std::vector<bool>{false}));
    EXPECT_TRUE(disk.jobs.empty());
}

TEST_F(MemoryJobLogTest, KeepsTheInputThroughChangesThatComeWithoutIt) {
    const auto id = ids.make<JobId>();
    put(change(LogWrite::Kind::accept, id, JobState::queued));
    auto requeue = change(LogWrite::Kind::requeue, id, JobState::queued);
    auto bare = std::make_shared<JobRecord>(*requeue.job);
    bare->input.reset();
    requeue.job = bare;
    put(std::move(requeue));
    std::string values;
    run();
    log->load_input(TenantId("acme"), id, [&](auto input) { values = (*input)->values; });
    run();
    EXPECT_EQ(values, "in");
}

}  // namespace
}  // namespace headrace::stores
