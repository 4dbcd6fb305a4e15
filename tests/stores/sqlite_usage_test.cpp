#include <algorithm>
#include <random>

#include "sqlite_stores.hpp"
#include "stores/sqlite/migrations.hpp"
#include "stores/sqlite/schema.hpp"
#include "stores/sqlite/snapshot.hpp"

namespace headrace::stores {
namespace {

using jobs::UsageRecord;
using Kind = jobs::LogWrite::Kind;

/// Usage records lie in blocks, one for those of a tenant that one commit brought.
class SqliteUsage : public SqliteTest {
  protected:
    UsageRecord used(const char* tenant = "acme", const char* capability = "ocr") {
        UsageRecord out;
        out.job = ids_.make<JobId>();
        out.tenant = TenantId(tenant);
        out.caller = "k1";
        out.capability = capability;
        out.version = "1.0.0";
        out.usage.meters = {{"tokens", static_cast<double>(++made_)}};
        out.finished_at = clock_.wall();
        return out;
    }
    /// All at once, so that they gather in few commits.
    void write_together(const std::vector<UsageRecord>& records) {
        std::size_t answered = 0;
        caller_.loop().post([&] {
            for (const UsageRecord& record : records) {
                log().write({Kind::usage, {}, {}, std::make_shared<UsageRecord>(record)},
                            [&](const Result<void>& result) {
                                EXPECT_TRUE(result);
                                if (++answered == records.size()) caller_.loop().stop();
                            });
            }
        });
        caller_.run();
    }
    /// Page by page, as a summary reads them.
    std::vector<UsageRecord> pages(jobs::UsageQuery query) {
        std::vector<UsageRecord> out;
        for (;;) {
            auto page = usage(query);
            EXPECT_LE(page.size(), query.limit);
            if (page.empty()) return out;
            query.before = page.back().job;
            std::move(page.begin(), page.end(), std::back_inserter(out));
        }
    }
    /// What pages() should give.
    static std::vector<UsageRecord> expected(std::vector<UsageRecord> all,
                                             const jobs::UsageQuery& query) {
        std::erase_if(all, [&](const UsageRecord& record) {
            return record.tenant != query.tenant ||
                   (!query.capability.empty() && record.capability != query.capability) ||
                   record.finished_at < query.from ||
                   (query.to != 0 && record.finished_at >= query.to);
        });
        std::sort(all.begin(), all.end(),
                  [](const auto& a, const auto& b) { return a.job > b.job; });
        return all;
    }
    static std::string text(const std::vector<UsageRecord>& records) {
        std::string out;
        for (const UsageRecord& record : records) {
            out += record.job.text() + " " + record.capability + " " +
                   std::to_string(record.usage.meters.at(0).value) + " " +
                   std::to_string(record.finished_at) + "\n";
        }
        return out;
    }
    std::int64_t count(Sql sql) {
        auto database = Database::open(both().folder / "jobs.db").value();
        auto rows = database.prepare(sql);
        rows.start();
        EXPECT_TRUE(rows.step().value());
        return rows.integer(0);
    }
    Expired expire() {
        return caller_
            .ask<Expired>(
                [&](auto done) { both().job_log().expire(clock_.wall(), std::move(done)); })
            .value();
    }
    /// Jobs of very different lengths, three tenants, over some minutes: blocks overlap.
    std::vector<UsageRecord> minutes_of_jobs() {
        std::mt19937 random(20261130);
        std::vector<UsageRecord> all;
        std::vector<UsageRecord> running;
        for (int i = 0; i < 40; ++i) {
            clock_.advance(std::chrono::seconds(random() % 20));
            for (int k = 0; k < 12; ++k) {
                running.push_back(
                    used(k % 4 == 0 ? "other" : "acme", random() % 3 == 0 ? "speak" : "ocr"));
            }
            std::shuffle(running.begin(), running.end(), random);
            std::vector<UsageRecord> done;
            for (; running.size() > 25; running.pop_back()) {
                running.back().finished_at = clock_.wall();
                done.push_back(running.back());
            }
            if (!done.empty()) write_together(done);
            all.insert(all.end(), done.begin(), done.end());
        }
        return all;
    }

    int made_ = 0;
};

TEST_F(SqliteUsage, PagesGoThroughBlocksThatOverlap) {
    const auto all = minutes_of_jobs();
    EXPECT_EQ(count("SELECT sum(records) FROM usage_blocks"),
              static_cast<std::int64_t>(all.size()));
    EXPECT_LT(count("SELECT count(*) FROM usage_blocks"), static_cast<std::int64_t>(all.size()));
    clock_.advance(std::chrono::seconds(1));
    const WallMs from = all[all.size() / 4].finished_at;
    const WallMs to = all[all.size() / 2].finished_at;
    for (const std::uint32_t limit : {1U, 7U, 100U, 10'000U}) {
        for (const char* tenant : {"acme", "other", "nobody"}) {
            for (const char* capability : {"", "ocr"}) {
                jobs::UsageQuery query{.tenant = TenantId(tenant), .capability = capability};
                query.limit = limit;
                EXPECT_EQ(text(pages(query)), text(expected(all, query))) << limit << tenant;
                query.from = from;
                query.to = to;
                EXPECT_EQ(text(pages(query)), text(expected(all, query))) << limit << tenant;
            }
        }
    }
}

TEST_F(SqliteUsage, ARecordThatIsWrittenTwiceIsThereOnce) {
    const std::vector<UsageRecord> records{used(), used(), used()};
    write_together({records[0], records[1], records[1]});
    write_together({records[1], records[2]});
    write_together({records[1]});
    write_together({records[2]});
    clock_.advance(std::chrono::seconds(1));
    for (const std::uint32_t limit : {1U, 2U, 50U}) {
        jobs::UsageQuery query{.tenant = TenantId("acme")};
        query.limit = limit;
        EXPECT_EQ(text(pages(query)), text(expected(records, query))) << limit;
    }
}

// A version before the blocks finds rows; this one finds those, and its own blocks beside them.
TEST_F(SqliteUsage, DownAndUpAgainLoseNoRecord) {
    auto all = minutes_of_jobs();
    const std::size_t before = all.size();
    both().close();
    {
        auto database = Database::open(both().folder / "jobs.db").value();
        SqliteSteps steps(database);
        const auto moved = migrate_to(steps, jobs_schema(), 2, {}, false);
        ASSERT_TRUE(moved) << moved.error().message;
    }
    EXPECT_EQ(count("SELECT count(*) FROM usage"), static_cast<std::int64_t>(before));
    EXPECT_EQ(count("SELECT count(*) FROM sqlite_schema WHERE name = 'usage_blocks'"), 0);
    both().open();
    const auto more = minutes_of_jobs();
    write_together({all[0], all[before / 2]});  // those stand in both tables now
    all.insert(all.end(), more.begin(), more.end());
    clock_.advance(std::chrono::seconds(1));
    jobs::UsageQuery query{.tenant = TenantId("acme")};
    query.limit = 50;
    EXPECT_EQ(text(pages(query)), text(expected(all, query)));
    ASSERT_TRUE(stores_->reopen()) << "every row is sound";
    EXPECT_EQ(text(pages(query)), text(expected(all, query)));
}

TEST_F(SqliteUsage, ABackupIsHeldAgainstItsSums) {
    auto record = used();
    record.caller = "marker-of-a-caller";
    write_together({used(), record, used()});
    const std::string copy = both().folder / "copy.db";
    ASSERT_TRUE(snapshot_database(both().folder / "jobs.db", copy));
    ASSERT_TRUE(check_jobs_database(copy));
    std::string content = read_file(copy);
    const auto at = content.find(record.caller);
    ASSERT_NE(at, std::string::npos);
    content[at] = static_cast<char>(content[at] ^ 1);
    write_file(copy, content);
    const auto checked = check_jobs_database(copy);
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().message.find("usage_blocks"), std::string::npos)
        << checked.error().message;
}

TEST_F(SqliteUsage, WhatIsPastItsTimeGoesFromBothTables) {
    const auto old = minutes_of_jobs();
    both().close();
    {
        auto database = Database::open(both().folder / "jobs.db").value();
        SqliteSteps steps(database);
        ASSERT_TRUE(migrate_to(steps, jobs_schema(), 2, {}, false));
    }
    both().open();
    const auto more = minutes_of_jobs();
    clock_.advance(std::chrono::hours(100 * 24));
    const std::vector<UsageRecord> late{used(), used("other")};
    write_together(late);
    EXPECT_EQ(expire().usage, 0U);
    clock_.advance(std::chrono::hours(300 * 24 + 1));
    EXPECT_EQ(expire().usage, old.size() + more.size());
    jobs::UsageQuery query{.tenant = TenantId("acme")};
    EXPECT_EQ(text(pages(query)), text(expected(late, query)));
    clock_.advance(std::chrono::hours(101 * 24));
    EXPECT_EQ(expire().usage, late.size());
    EXPECT_EQ(count("SELECT (SELECT count(*) FROM usage_blocks) + (SELECT count(*) FROM usage)"),
              0);
}

}  // namespace
}  // namespace headrace::stores
