#include <algorithm>

#include "stores_under_test.hpp"

namespace headrace::stores {
namespace {

using jobs::JobState;
using Kind = jobs::LogWrite::Kind;

class JobLogContract : public StoreContract {
  protected:
    /// A record in which every field says something.
    jobs::JobRecord full_job() {
        auto record = job("acme", "ocr");
        record.priority = 9;
        record.timeout_ms = 1000;
        record.ttl_ms = 2000;
        record.deadline_at = record.created_at + 3000;
        record.retry_of = ids_.make<JobId>();
        record.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        record.session = true;
        record.idempotency = jobs::Idempotency{"key-1", sha256("body")};
        auto input = std::make_shared<jobs::Payload>();
        input->values = std::string("\0binary\xff", 8);
        input->spilled = jobs::BlobRef{sha256("spilled"), 70'000};
        input->media = {{sha256("m1"), 1}, {sha256("m2"), 1ULL << 33}};
        record.input = std::move(input);
        return record;
    }
    static jobs::JobRecord running(jobs::JobRecord record, std::uint32_t attempt) {
        record.state = JobState::running;
        record.attempt = attempt;
        record.fence = {3, 100 + attempt};
        record.started_at = record.created_at + 1;
        record.attempts.push_back(
            {attempt, "worker-1", record.fence, record.started_at, 0, "running"});
        return record;
    }
    /// Sends all of them in one go; the answers in the order they came.
    std::vector<std::pair<std::size_t, Result<void>>> burst(std::vector<jobs::LogWrite> writes) {
        std::vector<std::pair<std::size_t, Result<void>>> answers;
        const std::size_t count = writes.size();
        caller_.loop().post([&] {
            for (std::size_t i = 0; i < count; ++i) {
                log().write(std::move(writes[i]), [&, i](Result<void> result) {
                    answers.emplace_back(i, std::move(result));
                    if (answers.size() == count) caller_.loop().stop();
                });
            }
        });
        caller_.run();
        return answers;
    }
};

TEST_P(JobLogContract, NothingIsThereAtFirst) {
    EXPECT_FALSE(get(job()));
    EXPECT_FALSE(input_of(job()));
    EXPECT_TRUE(list({.tenant = TenantId("acme")}).empty());
    EXPECT_FALSE(find("acme", "k"));
    EXPECT_TRUE(open_jobs(log())->empty());
}

TEST_P(JobLogContract, EveryFieldOfAnAcceptedJobComesBack) {
    const auto record = full_job();
    ASSERT_TRUE(accept(record));
    const auto read = get(record);
    ASSERT_TRUE(read);
    EXPECT_EQ(text_of(*read), text_of(record));
    const auto input = input_of(record);
    ASSERT_TRUE(input);
    EXPECT_EQ(input->values, record.input->values);
    EXPECT_EQ(input->spilled, record.input->spilled);
    EXPECT_EQ(input->media, record.input->media);
}

TEST_P(JobLogContract, EveryFieldOfAnEndedJobComesBack) {
    auto record = running(full_job(), 1);
    ASSERT_TRUE(accept(record));
    record.attempts[0].outcome = "lost";
    record.attempts[0].finished_at = record.created_at + 2;
    record = ended(running(record, 2), JobState::succeeded);
    auto output = std::make_shared<jobs::Payload>();
    output->values = "text";
    output->media = {{sha256("out"), 3}};
    record.output = std::move(output);
    record.progress = {0.75, "almost", "values"};
    record.usage = {{{"tokens", 12.5}, {"calls", 1}}, 12345, 10, 20};
    record.leased_alone = true;
    ASSERT_TRUE(finish(record));
    EXPECT_EQ(text_of(get(record).value()), text_of(record));

    auto failed = job();
    ASSERT_TRUE(accept(failed));
    failed = ended(failed, JobState::failed);
    failed.error = jobs::JobError{"own_code", "why", "dead", true, 3'600};
    ASSERT_TRUE(finish(failed));
    EXPECT_EQ(text_of(get(failed).value()), text_of(failed));
}

TEST_P(JobLogContract, AJobIsAcceptedOnce) {
    const auto record = job();
    ASSERT_TRUE(accept(record));
    EXPECT_EQ(accept(record).error().code, ErrorCode::conflict);
    EXPECT_EQ(list({.tenant = record.tenant}).size(), 1U);
}

TEST_P(JobLogContract, AJobEndsOnce) {
    auto record = job();
    EXPECT_EQ(finish(ended(record, JobState::succeeded)).error().code, ErrorCode::not_found);
    ASSERT_TRUE(accept(record));
    ASSERT_TRUE(finish(ended(record, JobState::succeeded)));
    EXPECT_EQ(finish(ended(record, JobState::failed)).error().code, ErrorCode::conflict);
    EXPECT_EQ(write(Kind::attempt, running(record, 2)).error().code, ErrorCode::conflict);
    EXPECT_EQ(write(Kind::requeue, record).error().code, ErrorCode::conflict);
    EXPECT_EQ(get(record)->state, JobState::succeeded);
    EXPECT_EQ(write(Kind::attempt, running(job(), 1)).error().code, ErrorCode::not_found);
}

TEST_P(JobLogContract, AttemptAndRequeueAreKept) {
    auto record = job();
    ASSERT_TRUE(accept(record));
    record = running(record, 1);
    ASSERT_TRUE(write(Kind::attempt, record));
    EXPECT_EQ(text_of(get(record).value()), text_of(record));
    record.state = JobState::queued;
    record.leased_alone = true;
    record.attempts[0].outcome = "lost";
    ASSERT_TRUE(write(Kind::requeue, record));
    EXPECT_EQ(text_of(get(record).value()), text_of(record));
    EXPECT_EQ(input_of(record)->values, record.input->values);
}

TEST_P(JobLogContract, AChangeNeedsNoInputInTheRecord) {
    for (const std::size_t size : {std::size_t{10}, std::size_t{60'000}}) {
        auto record = job();
        auto input = std::make_shared<jobs::Payload>();
        input->values = std::string(size, 'x');
        record.input = input;
        ASSERT_TRUE(accept(record));
        record.input = nullptr;
        ASSERT_TRUE(write(Kind::attempt, running(record, 1)));
        EXPECT_EQ(input_of(record)->values, input->values);
        ASSERT_TRUE(finish(ended(record, JobState::failed)));
        ASSERT_TRUE(input_of(record)) << "kept for a retry";
        EXPECT_EQ(input_of(record)->values, input->values);
    }
}

TEST_P(JobLogContract, AJobPromotedAfterItsEndIsKept) {
    const auto record = ended(job(), JobState::succeeded);
    auto usage = jobs::UsageRecord{};
    usage.job = record.id;
    usage.tenant = record.tenant;
    usage.finished_at = record.finished_at;
    ASSERT_TRUE(write(jobs::LogWrite{
        Kind::accept, share(record), {}, std::make_shared<jobs::UsageRecord>(usage)}));
    EXPECT_EQ(text_of(get(record).value()), text_of(record));
    EXPECT_TRUE(open_jobs(log())->empty());
}

TEST_P(JobLogContract, WritesKeepTheirOrder) {
    std::vector<jobs::LogWrite> writes;
    std::vector<jobs::JobRecord> records;
    for (int i = 0; i < 50; ++i) {
        auto record = job();
        writes.push_back({Kind::accept, share(record), {}, {}});
        record = running(record, 1);
        writes.push_back({Kind::attempt, share(record), {}, {}});
        record.state = JobState::queued;
        writes.push_back({Kind::requeue, share(record), {}, {}});
        record = running(record, 2);
        writes.push_back({Kind::attempt, share(record), {}, {}});
        record = ended(record, i % 2 == 0 ? JobState::succeeded : JobState::cancelled);
        writes.push_back({Kind::finish, share(record), {}, {}});
        records.push_back(record);
    }
    const auto answers = burst(std::move(writes));
    for (std::size_t i = 0; i < answers.size(); ++i) {
        EXPECT_EQ(answers[i].first, i);
        EXPECT_TRUE(answers[i].second);
    }
    for (const auto& record : records) EXPECT_EQ(text_of(get(record).value()), text_of(record));
}

TEST_P(JobLogContract, OneBadWriteFailsAlone) {
    const auto twin = job();
    std::vector<jobs::LogWrite> writes;
    for (int i = 0; i < 100; ++i) {
        const bool bad = i % 10 == 5;
        writes.push_back({Kind::accept, share(bad ? twin : job()), {}, {}});
    }
    const auto answers = burst(std::move(writes));
    std::size_t good = 0;
    for (const auto& [number, result] : answers) good += result ? 1U : 0U;
    EXPECT_EQ(good, 91U);
    EXPECT_EQ(list({.tenant = TenantId("acme"), .limit = 200}).size(), 91U);
}

TEST_P(JobLogContract, IdempotencyKeysStandForADayInTheirTenant) {
    auto record = job();
    record.idempotency = jobs::Idempotency{"order-17", sha256("body")};
    ASSERT_TRUE(accept(record));
    const auto found = find("acme", "order-17");
    ASSERT_TRUE(found);
    EXPECT_EQ(text_of(*found), text_of(record));
    EXPECT_FALSE(find("other", "order-17"));
    EXPECT_FALSE(find("acme", "order-18"));

    auto twin = job();
    twin.idempotency = record.idempotency;
    EXPECT_EQ(accept(twin).error().code, ErrorCode::conflict);
    EXPECT_FALSE(get(twin)) << "nothing of a refused job stays";
    auto elsewhere = job("other");
    elsewhere.idempotency = record.idempotency;
    EXPECT_TRUE(accept(elsewhere));
    EXPECT_EQ(find("other", "order-17")->id, elsewhere.id);

    ASSERT_TRUE(finish(ended(record, JobState::succeeded)));
    EXPECT_EQ(find("acme", "order-17")->state, JobState::succeeded);
    clock_.advance(std::chrono::hours(23));
    EXPECT_TRUE(find("acme", "order-17"));
    clock_.advance(std::chrono::hours(1));
    EXPECT_FALSE(find("acme", "order-17"));
    auto next = job();
    next.idempotency = record.idempotency;
    EXPECT_TRUE(accept(next));
    EXPECT_EQ(find("acme", "order-17")->id, next.id);
}

// The core lets go of the key once the job is accepted: later changes come without it.
TEST_P(JobLogContract, AKeyKeepsItsBodyThroughLaterChanges) {
    auto record = job();
    record.idempotency = jobs::Idempotency{"order-17", sha256("body")};
    ASSERT_TRUE(accept(record));
    record.idempotency.reset();
    for (const bool end : {false, true}) {
        const auto change = end ? ended(record, JobState::succeeded) : running(record, 1);
        ASSERT_TRUE(write(end ? Kind::finish : Kind::attempt, change));
        const auto found = find("acme", "order-17");
        ASSERT_TRUE(found);
        EXPECT_EQ(found->state, change.state);
        ASSERT_TRUE(found->idempotency);
        EXPECT_EQ(found->idempotency->key, "order-17");
        EXPECT_EQ(found->idempotency->body, sha256("body"));
    }
}

TEST_P(JobLogContract, ARefusedJobFreesItsKey) {
    auto record = job();
    ASSERT_TRUE(accept(record));
    record.idempotency = jobs::Idempotency{"k", sha256("b")};
    EXPECT_EQ(accept(record).error().code, ErrorCode::conflict) << "the id is taken";
    EXPECT_FALSE(find("acme", "k"));
    auto other = job();
    other.idempotency = record.idempotency;
    EXPECT_TRUE(accept(other));
}

TEST_P(JobLogContract, ListsNewestFirstWithEveryFilter) {
    std::vector<jobs::JobRecord> records;
    for (int i = 0; i < 40; ++i) {
        auto record = job("acme", i % 2 == 0 ? "echo" : "ocr");
        record.caller = i % 4 == 0 ? "k2" : "k1";
        record.version = i % 8 == 0 ? "2.0.0" : "1.0.0";
        ASSERT_TRUE(accept(record));
        if (i < 20) {
            record = ended(record, i % 5 == 0 ? JobState::failed : JobState::succeeded);
            if (i == 10) record.error->reason = "dead";
            ASSERT_TRUE(finish(record));
        } else if (i < 25) {
            record = running(record, 1);
            ASSERT_TRUE(write(Kind::attempt, record));
        }
        records.insert(records.begin(), record);
    }
    ASSERT_TRUE(accept(job("other")));
    const auto expect = [&](const jobs::JobQuery& query, auto matches) {
        std::vector<JobId> wanted;
        for (const auto& record : records) {
            if (matches(record) && (!query.before || record.id < *query.before) &&
                wanted.size() < query.limit) {
                wanted.push_back(record.id);
            }
        }
        EXPECT_EQ(ids_of(list(query)), wanted);
        EXPECT_FALSE(wanted.empty());
    };
    const TenantId acme("acme");
    expect({.tenant = acme, .limit = 200}, [](const auto&) { return true; });
    expect({.tenant = acme, .before = records[17].id, .limit = 7},
           [](const auto&) { return true; });
    for (const auto state :
         {JobState::queued, JobState::running, JobState::succeeded, JobState::failed}) {
        expect({.tenant = acme, .state = state, .limit = 200},
               [&](const auto& r) { return r.state == state; });
        expect({.tenant = acme, .state = state, .capability = "ocr", .limit = 2},
               [&](const auto& r) { return r.state == state && r.capability == "ocr"; });
    }
    expect({.tenant = acme, .caller = "k2", .limit = 200},
           [](const auto& r) { return r.caller == "k2"; });
    expect({.tenant = acme, .caller = "k2", .state = JobState::succeeded, .limit = 200},
           [](const auto& r) { return r.caller == "k2" && r.state == JobState::succeeded; });
    expect({.tenant = acme, .capability = "echo@2.0.0", .limit = 3},
           [](const auto& r) { return r.capability == "echo" && r.version == "2.0.0"; });
    expect({.tenant = acme, .dead_only = true, .limit = 200},
           [](const auto& r) { return r.error && r.error->reason == "dead"; });
    EXPECT_TRUE(list({.tenant = acme, .state = JobState::expired}).empty());
    EXPECT_TRUE(list({.tenant = acme, .caller = "nobody"}).empty());
    EXPECT_TRUE(list({.tenant = acme, .capability = "echo@3.0.0"}).empty());
}

TEST_P(JobLogContract, TenantsAreApart) {
    auto mine = job("acme");
    ASSERT_TRUE(accept(mine));
    auto foreign = mine;
    foreign.tenant = TenantId("other");
    EXPECT_FALSE(get(foreign));
    EXPECT_FALSE(input_of(foreign));
    EXPECT_EQ(write(Kind::attempt, running(foreign, 1)).error().code, ErrorCode::not_found);
    EXPECT_EQ(finish(ended(foreign, JobState::failed)).error().code, ErrorCode::not_found);
    EXPECT_EQ(write(Kind::remove_output, foreign).error().code, ErrorCode::not_found);
    EXPECT_EQ(get(mine)->state, JobState::queued);
    EXPECT_TRUE(list({.tenant = foreign.tenant}).empty());
}

TEST_P(JobLogContract, RemovedOutputLeavesTheJob) {
    auto record = job();
    ASSERT_TRUE(accept(record));
    auto removed = record;
    removed.output_removed = true;
    EXPECT_EQ(write(Kind::remove_output, removed).error().code, ErrorCode::conflict)
        << "still open";
    record = ended(record, JobState::succeeded);
    auto media = file();
    media.job = record.id;
    const auto uploaded = file();
    ASSERT_TRUE(put(uploaded));
    ASSERT_TRUE(write(jobs::LogWrite{Kind::finish, share(record), {media}, {}}));
    ASSERT_TRUE(get_file("acme", media.id));

    record.output = nullptr;
    record.output_removed = true;
    ASSERT_TRUE(write(Kind::remove_output, record));
    EXPECT_EQ(text_of(get(record).value()), text_of(record));
    EXPECT_FALSE(get_file("acme", media.id));
    EXPECT_TRUE(get_file("acme", uploaded.id));
    EXPECT_TRUE(write(Kind::remove_output, record)) << "twice is no error";
    EXPECT_EQ(write(Kind::remove_output, job()).error().code, ErrorCode::not_found);
}

TEST_P(JobLogContract, RemovedOutputTakesTheKeptInputAlong) {
    auto record = job();
    ASSERT_TRUE(accept(record));
    record = ended(record, JobState::failed);
    ASSERT_TRUE(finish(record));
    ASSERT_TRUE(input_of(record));
    record.output_removed = true;
    ASSERT_TRUE(write(Kind::remove_output, record));
    EXPECT_FALSE(input_of(record));
}

TEST_P(JobLogContract, OpenJobsAreLoadedOldestFirst) {
    std::vector<JobId> open;
    for (int i = 0; i < 30; ++i) {
        auto record = job(i % 3 == 0 ? "zeta" : "acme");
        ASSERT_TRUE(accept(record));
        if (i % 5 == 0) {
            ASSERT_TRUE(finish(ended(record, JobState::succeeded)));
            continue;
        }
        open.push_back(record.id);
        if (i % 5 == 1) {
            ASSERT_TRUE(write(Kind::attempt, running(record, 1)));
        }
    }
    const auto loaded = open_jobs(log());
    ASSERT_TRUE(loaded);
    EXPECT_EQ(ids_of(*loaded), open);
}

TEST_P(JobLogContract, TheEpochRises) {
    const auto first = log().begin_epoch();
    ASSERT_TRUE(first);
    EXPECT_GE(*first, 1U);
    const auto second = log().begin_epoch();
    ASSERT_TRUE(second);
    EXPECT_GT(*second, *first);
    if (!stores_->reopen()) return;
    const auto third = log().begin_epoch();
    ASSERT_TRUE(third);
    EXPECT_GT(*third, *second);
}

TEST_P(JobLogContract, EverythingOutlivesAReopen) {
    auto open = full_job();
    auto done = job();
    const auto uploaded = file();
    ASSERT_TRUE(accept(open));
    ASSERT_TRUE(accept(done));
    open = running(open, 1);
    ASSERT_TRUE(write(Kind::attempt, open));
    done = ended(done, JobState::succeeded);
    ASSERT_TRUE(finish(done));
    ASSERT_TRUE(put(uploaded));
    if (!stores_->reopen()) GTEST_SKIP() << "keeps nothing on disk";
    EXPECT_EQ(text_of(get(open).value()), text_of(open));
    EXPECT_EQ(text_of(get(done).value()), text_of(done));
    EXPECT_EQ(input_of(open)->values, open.input->values);
    EXPECT_EQ(find("acme", "key-1")->id, open.id);
    EXPECT_TRUE(get_file("acme", uploaded.id));
    const auto loaded = open_jobs(log());
    ASSERT_EQ(ids_of(loaded.value()), std::vector<JobId>{open.id});
    EXPECT_EQ(text_of(loaded->at(0)), text_of(open));
    EXPECT_EQ(finish(done).error().code, ErrorCode::conflict);
}

TEST_P(JobLogContract, AnAttemptAndItsEndMayShareACommit) {
    std::vector<jobs::JobRecord> all;
    for (int i = 0; i < 50; ++i) {
        all.push_back(job());
        ASSERT_TRUE(accept(all.back()));
    }
    std::vector<jobs::LogWrite> writes;
    for (auto& record : all) {
        writes.push_back({Kind::attempt, share(running(record, 1)), {}, {}});
        record = ended(running(record, 1), JobState::succeeded);
        writes.push_back({Kind::finish, share(record), {}, {}});
    }
    for (const auto& [number, result] : burst(std::move(writes))) ASSERT_TRUE(result) << number;
    for (const auto& record : all) EXPECT_EQ(text_of(get(record).value()), text_of(record));
    EXPECT_TRUE(open_jobs(log())->empty());
}

TEST_P(JobLogContract, TenThousandJobs) {
    constexpr std::size_t kJobs = 10'000;
    std::vector<jobs::LogWrite> writes;
    std::vector<JobId> newest_first;
    for (std::size_t i = 0; i < kJobs; ++i) {
        auto record = share(job());
        newest_first.push_back(record->id);
        writes.push_back({Kind::accept, record, {}, {}});
        if (i % 2 == 0) {
            writes.push_back({Kind::finish, share(ended(*record, JobState::succeeded)), {}, {}});
        }
    }
    std::reverse(newest_first.begin(), newest_first.end());
    for (const auto& [number, result] : burst(std::move(writes))) ASSERT_TRUE(result) << number;
    std::vector<JobId> listed;
    jobs::JobQuery query{.tenant = TenantId("acme"), .limit = 200};
    for (;;) {
        const auto page = ids_of(list(query));
        if (page.empty()) break;
        listed.insert(listed.end(), page.begin(), page.end());
        query.before = page.back();
    }
    EXPECT_EQ(listed, newest_first);
    EXPECT_EQ(open_jobs(log())->size(), kJobs / 2);
}

INSTANTIATE_TEST_SUITE_P(Stores, JobLogContract, testing::ValuesIn(candidates()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace headrace::stores
