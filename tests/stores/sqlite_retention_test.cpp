#include <numeric>

#include "sqlite_stores.hpp"

namespace headrace::stores {
namespace {

using jobs::JobState;
using Kind = jobs::LogWrite::Kind;

class SqliteRetention : public SqliteTest {
  protected:
    jobs::JobRecord ended_job(const char* tenant, JobState state) {
        auto record = job(tenant);
        EXPECT_TRUE(accept(record));
        record = ended(record, state);
        EXPECT_TRUE(finish(record));
        return record;
    }
    std::unique_ptr<jobs::BlobReferences> references() {
        return both().job_log().references().value();
    }
    static jobs::BlobRef blob(const std::string& content) {
        return {sha256(content), content.size()};
    }
};

TEST_F(SqliteRetention, NothingGoesBeforeItsTime) {
    const auto record = ended_job("acme", JobState::succeeded);
    clock_.advance(std::chrono::hours(7 * 24) - std::chrono::minutes(1));
    const auto expired = expire();
    ASSERT_TRUE(expired);
    EXPECT_EQ(expired->results + expired->jobs + expired->files + expired->usage, 0U);
    EXPECT_EQ(text_of(get(record).value()), text_of(record));
}

TEST_F(SqliteRetention, ResultsGoFirstThenTheJob) {
    const auto good = ended_job("acme", JobState::succeeded);
    const auto bad = ended_job("other", JobState::failed);
    const auto open = job("acme");
    ASSERT_TRUE(accept(open));
    clock_.advance(std::chrono::hours(7 * 24 + 1));
    const auto first = expire();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->results, 2U);
    EXPECT_EQ(first->jobs, 0U);
    EXPECT_TRUE(get(good)->output_removed);
    EXPECT_FALSE(get(good)->output);
    EXPECT_TRUE(get(bad)->output_removed);
    EXPECT_FALSE(input_of(bad));
    EXPECT_EQ(expire()->results, 0U) << "once is enough";

    clock_.advance(std::chrono::hours(23 * 24));
    EXPECT_EQ(expire()->jobs, 2U);
    EXPECT_FALSE(get(good));
    EXPECT_FALSE(get(bad));
    EXPECT_TRUE(get(open)) << "an open job never expires here";
    EXPECT_TRUE(input_of(open));
}

TEST_F(SqliteRetention, AJobThatEndedLateStaysItsTime) {
    auto record = job();
    ASSERT_TRUE(accept(record));
    clock_.advance(std::chrono::hours(6 * 24));
    record = ended(record, JobState::succeeded);
    record.finished_at = clock_.wall();
    ASSERT_TRUE(finish(record));
    clock_.advance(std::chrono::hours(2 * 24));
    EXPECT_EQ(expire()->results, 0U);
    EXPECT_TRUE(get(record)->output);
    clock_.advance(std::chrono::hours(5 * 24));
    EXPECT_EQ(expire()->results, 1U);
}

TEST_F(SqliteRetention, ManyStepsRemoveThousandsWhileWritesGoOn) {
    for (int i = 0; i < 1000; ++i) ended_job(i % 3 == 0 ? "acme" : "other", JobState::succeeded);
    clock_.advance(std::chrono::hours(31 * 24));
    std::optional<Expired> expired;
    int written = 0;
    caller_.loop().post([&] {
        both().job_log().expire(clock_.wall(), [&](Result<Expired> result) {
            expired = result.value();
            if (written == 50) caller_.loop().stop();
        });
        for (int i = 0; i < 50; ++i) {
            log().write({Kind::accept, share(job()), {}, {}}, [&](const Result<void>& result) {
                EXPECT_TRUE(result);
                if (++written == 50 && expired) caller_.loop().stop();
            });
        }
    });
    caller_.run();
    EXPECT_EQ(expired->jobs, 1000U);
    EXPECT_EQ(list({.tenant = TenantId("acme"), .limit = 200}).size(), 50U);
    EXPECT_TRUE(list({.tenant = TenantId("other")}).empty());
}

TEST_F(SqliteRetention, KeysFilesAndUsageGo) {
    auto record = job();
    record.idempotency = jobs::Idempotency{"k", sha256("b")};
    ASSERT_TRUE(accept(record));
    const auto short_lived = file();
    ASSERT_TRUE(put(short_lived));
    auto for_ever = file();
    for_ever.expires_at = 0;
    ASSERT_TRUE(put(for_ever));
    jobs::UsageRecord used;
    used.job = record.id;
    used.tenant = record.tenant;
    used.finished_at = clock_.wall();
    ASSERT_TRUE(write(
        jobs::LogWrite{Kind::usage, share(record), {}, std::make_shared<jobs::UsageRecord>(used)}));
    EXPECT_EQ(expire()->idempotency_keys, 0U);
    clock_.advance(std::chrono::hours(24));
    const auto day = expire();
    EXPECT_EQ(day->idempotency_keys, 1U);
    EXPECT_EQ(day->files, 1U);
    EXPECT_TRUE(get_file("acme", for_ever.id));
    EXPECT_EQ(usage({.tenant = record.tenant}).size(), 1U);
    clock_.advance(std::chrono::hours(400 * 24));
    EXPECT_EQ(expire()->usage, 1U);
    EXPECT_TRUE(usage({.tenant = record.tenant}).empty());
}

TEST_F(SqliteRetention, WhatIsKeptForEverStays) {
    both().close();
    both().log_settings.retention.results = both().log_settings.retention.jobs =
        std::chrono::hours(0);
    both().open();
    const auto record = ended_job("acme", JobState::succeeded);
    clock_.advance(std::chrono::hours(24 * 3650));
    EXPECT_EQ(expire()->jobs, 0U);
    EXPECT_TRUE(get(record)->output);
}

TEST_F(SqliteRetention, ReferencesFollowJobsAndFiles) {
    const TenantId acme("acme");
    auto record = job();
    auto input = std::make_shared<jobs::Payload>();
    input->spilled = blob("spilled input");
    input->media = {blob("media in"), blob("both")};
    record.input = input;
    ASSERT_TRUE(accept(record));
    auto other = job("other");
    other.input = input;
    ASSERT_TRUE(accept(other));
    const auto refers = [&](const char* tenant, const std::string& content) {
        return references()->refers(TenantId(tenant), sha256(content)).value();
    };
    EXPECT_EQ(references()->tenants().value(), (std::vector<TenantId>{acme, TenantId("other")}));
    EXPECT_TRUE(refers("acme", "spilled input"));
    EXPECT_TRUE(refers("acme", "media in"));
    EXPECT_FALSE(refers("acme", "something else"));
    EXPECT_FALSE(refers("third", "media in"));

    record = ended(record, JobState::succeeded);
    auto output = std::make_shared<jobs::Payload>();
    output->media = {blob("media out"), blob("both")};
    record.output = output;
    auto media = file();
    media.blob = blob("a file");
    media.job = record.id;
    ASSERT_TRUE(write(jobs::LogWrite{Kind::finish, share(record), {media}, {}}));
    EXPECT_FALSE(refers("acme", "media in")) << "the input of a job that succeeded is not kept";
    EXPECT_TRUE(refers("other", "media in")) << "another tenant's job is another job";
    EXPECT_TRUE(refers("acme", "media out"));
    EXPECT_TRUE(refers("acme", "both"));
    EXPECT_TRUE(refers("acme", "a file"));

    ASSERT_TRUE(finish(ended(other, JobState::failed)));
    EXPECT_TRUE(refers("other", "media in")) << "kept for a retry";
    record.output = nullptr;
    record.output_removed = true;
    ASSERT_TRUE(write(Kind::remove_output, record));
    EXPECT_FALSE(refers("acme", "media out"));
    EXPECT_FALSE(refers("acme", "both"));
    EXPECT_FALSE(refers("acme", "a file"));
    clock_.advance(std::chrono::hours(31 * 24));
    ASSERT_TRUE(expire());
    EXPECT_FALSE(refers("other", "media in"));
    EXPECT_TRUE(references()->tenants()->empty());
}

}  // namespace
}  // namespace headrace::stores
