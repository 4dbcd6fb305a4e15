#include "stores_under_test.hpp"

namespace headrace::stores {
namespace {

using jobs::JobState;
using Kind = jobs::LogWrite::Kind;

class FilesAndUsageContract : public StoreContract {};

TEST_P(FilesAndUsageContract, FilesComeBackAndGo) {
    auto record = file();
    record.job = ids_.make<JobId>();
    ASSERT_TRUE(put(record));
    const auto read = get_file("acme", record.id);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, record.id);
    EXPECT_EQ(read->tenant, record.tenant);
    EXPECT_EQ(read->owner, record.owner);
    EXPECT_EQ(read->blob, record.blob);
    EXPECT_EQ(read->content_type, record.content_type);
    EXPECT_EQ(read->name, record.name);
    EXPECT_EQ(read->created_at, record.created_at);
    EXPECT_EQ(read->expires_at, record.expires_at);
    EXPECT_EQ(read->job, record.job);
    EXPECT_EQ(put(record).error().code, ErrorCode::conflict);
    EXPECT_FALSE(get_file("other", record.id));
    EXPECT_EQ(remove_file("other", record.id), false);
    EXPECT_EQ(remove_file("acme", record.id), true);
    EXPECT_EQ(remove_file("acme", record.id), false);
    EXPECT_FALSE(get_file("acme", record.id));
}

TEST_P(FilesAndUsageContract, AFilePastItsTimeIsGone) {
    auto record = file();
    ASSERT_TRUE(put(record));
    auto kept = file();
    kept.expires_at = 0;
    ASSERT_TRUE(put(kept));
    clock_.advance(std::chrono::milliseconds(59'999));
    EXPECT_TRUE(get_file("acme", record.id));
    clock_.advance(std::chrono::milliseconds(1));
    EXPECT_FALSE(get_file("acme", record.id));
    EXPECT_TRUE(get_file("acme", kept.id));
}

TEST_P(FilesAndUsageContract, UploadsWithAPurposeAreListed) {
    std::vector<FileId> batch;  // oldest first
    std::vector<FileId> all;
    for (int i = 0; i < 6; ++i) {
        auto record = file();
        record.purpose = i % 2 == 0 ? "batch" : "user_data";
        record.owner = i < 4 ? "k1" : "k2";
        record.expires_at = i == 5 ? clock_.wall() + 1'000 : 0;
        ASSERT_TRUE(put(record));
        all.push_back(record.id);
        if (i % 2 == 0) batch.push_back(record.id);
    }
    ASSERT_TRUE(put(file()));  // without a purpose
    auto hidden = file();
    hidden.purpose = ".kept";
    ASSERT_TRUE(put(hidden));
    auto of_job = file();
    of_job.purpose = "batch";
    of_job.job = ids_.make<JobId>();
    ASSERT_TRUE(put(of_job));
    auto others = file("other");
    others.purpose = "batch";
    ASSERT_TRUE(put(others));

    jobs::FileQuery query;
    query.tenant = TenantId("acme");
    query.oldest_first = true;
    EXPECT_EQ(list_files(query), all);
    query.oldest_first = false;
    EXPECT_EQ(list_files(query), std::vector<FileId>(all.rbegin(), all.rend()));
    query.purpose = "batch";
    EXPECT_EQ(list_files(query), std::vector<FileId>(batch.rbegin(), batch.rend()));
    query.limit = 1;
    query.after = batch[2];
    EXPECT_EQ(list_files(query), std::vector<FileId>{batch[1]});
    query.oldest_first = true;
    query.after = batch[0];
    EXPECT_EQ(list_files(query), std::vector<FileId>{batch[1]});
    query = {.tenant = TenantId("acme"), .purpose = ".kept"};
    EXPECT_EQ(list_files(query), std::vector<FileId>{hidden.id});
    query = {.tenant = TenantId("acme"), .owner = "k2"};
    EXPECT_EQ(list_files(query), (std::vector<FileId>{all[5], all[4]}));
    clock_.advance(std::chrono::milliseconds(1'000));
    EXPECT_EQ(list_files(query), std::vector<FileId>{all[4]});
    EXPECT_EQ(get_file("acme", all[4])->purpose, "batch");
}

TEST_P(FilesAndUsageContract, UsageIsWrittenOnceAndFound) {
    std::vector<JobId> newest_first;
    for (int i = 0; i < 10; ++i) {
        auto record = job("acme", i < 5 ? "ocr" : "speak");
        jobs::UsageRecord used{record.id,
                               record.tenant,
                               "k1",
                               record.capability,
                               "1.0.0",
                               JobState::failed,
                               2,
                               10,
                               20,
                               {{{"tokens", 7}}, 5, 6, 7},
                               record.created_at + 5};
        if (i % 2 == 0) {
            ASSERT_TRUE(accept(record));
            const jobs::LogWrite end{Kind::finish,
                                     share(ended(record, JobState::failed)),
                                     {},
                                     std::make_shared<jobs::UsageRecord>(used)};
            ASSERT_TRUE(write(end));
            EXPECT_FALSE(write(end));
        } else {
            const jobs::LogWrite once{
                Kind::usage, share(record), {}, std::make_shared<jobs::UsageRecord>(used)};
            ASSERT_TRUE(write(once));
            ASSERT_TRUE(write(once)) << "again is as good, and no second record";
        }
        newest_first.insert(newest_first.begin(), record.id);
    }
    const auto ids = [](const std::vector<jobs::UsageRecord>& records) {
        std::vector<JobId> out;
        for (const auto& record : records) out.push_back(record.job);
        return out;
    };
    clock_.advance(std::chrono::seconds(1));
    const TenantId acme("acme");
    const auto all = usage({.tenant = acme});
    EXPECT_EQ(ids(all), newest_first);
    const auto& one = all.at(9);
    EXPECT_EQ(one.caller, "k1");
    EXPECT_EQ(one.capability, "ocr");
    EXPECT_EQ(one.version, "1.0.0");
    EXPECT_EQ(one.state, JobState::failed);
    EXPECT_EQ(one.attempts, 2U);
    EXPECT_EQ(one.queued_ms, 10);
    EXPECT_EQ(one.run_ms, 20);
    EXPECT_EQ(one.usage.meters.at(0).name, "tokens");
    EXPECT_EQ(one.usage.meters.at(0).value, 7);
    EXPECT_EQ(one.usage.engine_us, 5U);
    EXPECT_EQ(usage({.tenant = acme, .capability = "ocr"}).size(), 5U);
    EXPECT_EQ(usage({.tenant = acme, .capability = "ocr@2.0.0"}).size(), 0U);
    EXPECT_EQ(usage({.tenant = acme, .before = newest_first[2], .limit = 3}).at(0).job,
              newest_first[3]);
    EXPECT_EQ(usage({.tenant = acme, .limit = 3}).size(), 3U);
    EXPECT_EQ(usage({.tenant = acme, .from = all[4].finished_at}).size(), 5U);
    EXPECT_EQ(usage({.tenant = acme, .to = all[4].finished_at}).size(), 5U);
    EXPECT_TRUE(usage({.tenant = TenantId("other")}).empty());
}

INSTANTIATE_TEST_SUITE_P(Stores, FilesAndUsageContract, testing::ValuesIn(candidates()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace headrace::stores
