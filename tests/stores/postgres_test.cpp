// What only PostgreSQL promises: connections come and go, nodes share jobs, lists use indexes.
#include <chrono>
#include <thread>

#include "postgres_stores.hpp"
#include "stores/postgres/connection.hpp"
#include "stores/postgres/reader.hpp"
#include "stores/postgres/statements.hpp"

namespace headrace::stores {
namespace {

using jobs::JobState;
using Kind = jobs::LogWrite::Kind;

class PostgresTest : public testing::Test, protected StoreCalls {
  protected:
    void SetUp() override { stores_ = std::make_unique<Postgres>(clock_); }
    Postgres& both() { return static_cast<Postgres&>(*stores_); }

    /// A second node on the same database.
    std::unique_ptr<PostgresJobLog> other_node(std::chrono::milliseconds lease) {
        log();
        auto settings = both().settings;
        settings.node = "b";
        settings.lease = lease;
        auto other = PostgresJobLog::open(settings, clock_).value();
        EXPECT_TRUE(other->begin_epoch());
        return other;
    }
    std::vector<jobs::JobRecord> claim(jobs::JobClaims& node, std::uint32_t most,
                                       const char* capability = "echo") {
        return caller_
            .ask<std::vector<jobs::JobRecord>>([&](auto done) {
                node.claim({{capability, "1.0.0", most}}, std::move(done));
            })
            .value();
    }
    std::optional<jobs::JobRecord> recall(jobs::JobClaims& node, const jobs::JobRecord& job) {
        return caller_
            .ask<std::optional<jobs::JobRecord>>(
                [&](auto done) { node.recall(job.tenant, job.id, true, std::move(done)); })
            .value();
    }
    Result<void> write_to(jobs::JobLog& node, Kind kind, const jobs::JobRecord& record) {
        return caller_.ask<void>([&](auto done) {
            node.write({kind, share(record), {}, {}}, std::move(done));
        });
    }
    jobs::JobRecord offered(std::uint8_t priority = 5, double stamp = 0) {
        auto record = job();
        record.priority = priority;
        record.share_stamp = stamp;
        EXPECT_TRUE(accept(record));
        EXPECT_TRUE(write(Kind::release, record));
        return record;
    }
    std::string schema() {
        const std::string& url = both().settings.url;
        return url.substr(url.rfind('=') + 1);
    }
    static void eventually(const std::function<bool()>& holds) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!holds()) {
            ASSERT_LT(std::chrono::steady_clock::now(), until);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
};

struct News final : jobs::ClaimListener {
    void offered() override { ++offers; }
    void ended(std::vector<JobId> jobs) override {
        for (const auto& job : jobs) ends.push_back(job);
    }
    void cancel_asked(TenantId, JobId job) override { cancels.push_back(job); }
    void missed() override {}
    int offers = 0;
    std::vector<JobId> ends;
    std::vector<JobId> cancels;
};

TEST_F(PostgresTest, AClaimTakesByPriorityThenByStamp) {
    auto other = other_node(std::chrono::seconds(15));
    const auto late = offered(5, 2.0);
    const auto early = offered(5, 1.0);
    const auto urgent = offered(9, 3.0);
    EXPECT_EQ(ids_of(claim(*other, 2)), (std::vector<JobId>{urgent.id, early.id}));
    EXPECT_EQ(ids_of(claim(*other, 2)), std::vector<JobId>{late.id});
    EXPECT_TRUE(claim(*other, 2).empty());
    EXPECT_TRUE(claim(*other, 2, "ocr").empty());
}

TEST_F(PostgresTest, AJobBelongsToOneNodeAtATime) {
    auto other = other_node(std::chrono::seconds(15));
    const auto record = offered();
    ASSERT_EQ(claim(*other, 5).size(), 1U);
    EXPECT_TRUE(claim(both().job_log(), 5).empty());
    EXPECT_EQ(finish(ended(record, JobState::failed)).error().code, ErrorCode::conflict);
    EXPECT_EQ(write(Kind::requeue, record).error().code, ErrorCode::conflict);
    EXPECT_EQ(get(record)->state, JobState::queued);
    EXPECT_TRUE(write_to(*other, Kind::finish, ended(record, JobState::succeeded)));
    EXPECT_EQ(get(record)->state, JobState::succeeded);
    EXPECT_EQ(usage({.tenant = record.tenant}).size(), 0U) << "the record brought none";
}

TEST_F(PostgresTest, EachJobIsClaimedOnceByNodesThatClaimTogether) {
    auto other = other_node(std::chrono::seconds(15));
    std::vector<JobId> all;
    for (int i = 0; i < 40; ++i) all.push_back(offered().id);
    std::vector<JobId> taken;
    std::size_t answers = 0;
    caller_.loop().post([&] {
        for (int round = 0; round < 8; ++round) {
            for (jobs::JobClaims* node : {static_cast<jobs::JobClaims*>(other.get()),
                                          static_cast<jobs::JobClaims*>(&both().job_log())}) {
                node->claim({{"echo", "1.0.0", 4}}, [&](auto got) {
                    for (const auto& job : *got) taken.push_back(job.id);
                    if (++answers == 16) caller_.loop().stop();
                });
            }
        }
    });
    caller_.run();
    std::sort(taken.begin(), taken.end());
    EXPECT_EQ(taken, all);
}

TEST_F(PostgresTest, TheJobsOfADeadNodeAreUpForClaim) {
    const auto record = job();
    ASSERT_TRUE(accept(record));
    auto other = other_node(std::chrono::seconds(15));
    EXPECT_TRUE(claim(*other, 5).empty()) << "its node lives";
    // As when it stands still for an hour: it does not know itself that its lease is over. It goes
    // on to renew it, so that is said until the other one looks.
    eventually([&] {
        PostgresServer::get().run(
            "UPDATE " + schema() +
            ".nodes SET seen_at = now() - interval '1 hour' WHERE name = 'a'");
        return claim(*other, 5).size() == 1;
    });
    EXPECT_EQ(finish(ended(record, JobState::failed)).error().code, ErrorCode::conflict);
    EXPECT_TRUE(write_to(*other, Kind::finish, ended(record, JobState::succeeded)));
    EXPECT_TRUE(accept(job())) << "and goes on with new ones";
}

TEST_F(PostgresTest, ARestartUnderTheSameNameTakesItsJobsUp) {
    const auto record = job();
    ASSERT_TRUE(accept(record));
    ASSERT_TRUE(both().reopen());
    EXPECT_EQ(ids_of(open_jobs(log()).value()), std::vector<JobId>{record.id});
    EXPECT_TRUE(open_jobs(*other_node(std::chrono::seconds(15)))->empty());
    EXPECT_TRUE(finish(ended(record, JobState::succeeded)));
}

TEST_F(PostgresTest, NodesHearOfOffersEndsAndCancels) {
    auto other = other_node(std::chrono::seconds(15));
    auto here = std::make_shared<News>();
    auto there = std::make_shared<News>();
    caller_.loop().post([&] {
        both().job_log().listen(here);
        other->listen(there);
        caller_.loop().stop();
    });
    caller_.run();
    eventually([&] { return !both().job_log().alone() && !other->alone(); });
    const auto pump = [&] {
        caller_.loop().post([&] { caller_.loop().stop(); });
        caller_.run();
    };
    const auto record = offered();
    eventually([&] { return pump(), there->offers > 0; });
    ASSERT_EQ(claim(*other, 1).size(), 1U);
    EXPECT_FALSE(recall(both().job_log(), record));
    eventually([&] { return pump(), there->cancels == std::vector<JobId>{record.id}; });
    ASSERT_TRUE(write_to(*other, Kind::finish, ended(record, JobState::cancelled)));
    eventually([&] { return pump(), here->ends == std::vector<JobId>{record.id}; });
    EXPECT_TRUE(here->cancels.empty());

    const auto second = offered();
    EXPECT_EQ(recall(both().job_log(), second)->id, second.id);
    EXPECT_TRUE(claim(*other, 1).empty());
}

TEST_F(PostgresTest, ALostConnectionLosesNothing) {
    std::vector<jobs::JobRecord> records;
    for (int round = 0; round < 10; ++round) {
        PostgresServer::get().drop_connections();
        records.push_back(job());
        ASSERT_TRUE(accept(records.back()));
        ASSERT_TRUE(get(records.back()));
    }
    EXPECT_EQ(list({.tenant = TenantId("acme")}).size(), records.size());
    for (const auto& record : records) {
        PostgresServer::get().drop_connections();
        ASSERT_TRUE(finish(ended(record, JobState::succeeded)));
    }
}

// Connections are cut while commits run: what was answered well is there, once, and nothing else.
TEST_F(PostgresTest, CutsUnderLoadNeitherLoseNorDouble) {
    log();
    std::vector<jobs::JobRecord> good;
    std::atomic<bool> over = false;
    std::thread cutter([&] {
        // Pauses of many lengths: on a fast machine an even, short one would never let a commit
        // end, nor on a slow one a pause that never becomes longer.
        for (int cut = 0; !over; ++cut) {
            PostgresServer::get().drop_connections();
            std::this_thread::sleep_for(std::chrono::milliseconds(5 + cut * 37 % 300 + 4 * cut));
        }
    });
    // While there is no connection a wave is refused at once, so it is the time that is bounded.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (int round = 0; round < 30 || good.size() <= 100; ++round) {
        if (std::chrono::steady_clock::now() > end) break;
        std::size_t answers = 0;
        std::vector<jobs::JobRecord> wave;
        for (int i = 0; i < 20; ++i) wave.push_back(job());
        caller_.loop().post([&] {
            for (const auto& record : wave) {
                log().write({Kind::accept, share(record), {}, {}}, [&](Result<void> done) {
                    if (done) good.push_back(record);
                    if (++answers == wave.size()) caller_.loop().stop();
                });
            }
        });
        caller_.run();
    }
    over = true;
    cutter.join();
    eventually([&] { return accept(job()).has_value(); });
    std::vector<JobId> wanted;
    for (const auto& record : good) wanted.push_back(record.id);
    auto there = ids_of(open_jobs(log()).value());
    there.pop_back();  // the last one, of `eventually`
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(there, wanted);
    EXPECT_GT(good.size(), 100U);
}

TEST_F(PostgresTest, ASecondServerUnderTheSameNameIsRefused) {
    log();
    auto twin = PostgresJobLog::open(both().settings, clock_).value();
    const auto refused = twin->begin_epoch();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_NE(refused.error().message.find("postgres.node"), std::string::npos);
    EXPECT_TRUE(accept(job())) << "the first goes on";
}

// A plan may be made while the table is empty and serve when a million jobs wait: it must go from
// the changes to their rows, each by its key, never through all that are open.
TEST_F(PostgresTest, ChangesFindTheirRowsByKey) {
    log();
    const std::pair<const PgStatement*, int> changes[] = {
        {&sql::kUpdate, 5}, {&sql::kRelease, 3}, {&sql::kFinish, 19}};
    for (const auto& [statement, count] : changes) {
        std::string nothing = "NULL";
        for (int i = 1; i < count; ++i) nothing += ", NULL";
        const std::string plan =
            PostgresServer::get().explain(schema(), std::string(statement->text.text()), nothing);
        EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << plan;
        EXPECT_EQ(plan.find("Bitmap Heap Scan on jobs"), std::string::npos) << plan;
        EXPECT_NE(plan.find("Index Cond: ((tenant = g.tenant) AND (id = g.id))"), std::string::npos)
            << statement->name << "\n"
            << plan;
    }
}

TEST_F(PostgresTest, EveryListWalksAnIndex) {
    log();
    PostgresServer& server = PostgresServer::get();
    server.run("INSERT INTO " + schema() +
               ".jobs SELECT 'acme', gen_random_uuid(), CASE WHEN n % 50 = 0 THEN 3 ELSE 2 END, "
               "CASE WHEN n % 20 = 1 THEN NULL WHEN n % 50 = 0 THEN 3 ELSE 2 END, 1, 1, 5, 0, 0, "
               "'caller' || n % 100, 'echo', '1.0.0', n, n % 500 = 0, false, 'x', NULL, NULL "
               "FROM generate_series(1, 20000) AS n; ANALYZE " +
               schema() + ".jobs");
    const jobs::JobQuery plain{.tenant = TenantId("acme")};
    auto of_caller = plain, queued = plain, failed = plain, dead = plain;
    of_caller.caller = "caller7";
    queued.state = JobState::queued;
    failed.state = JobState::failed;
    dead.dead_only = true;
    for (const auto& query : {plain, of_caller, queued, failed, dead}) {
        const PgStatement& listed = list_statement(query);
        const std::string state =
            query.state ? std::to_string(static_cast<int>(*query.state)) : "-1";
        const std::string plan = server.explain(
            schema(), std::string(listed.text.text()),
            "'acme', 'ffffffff-ffff-ffff-ffff-ffffffffffff', (" + state + ")::int2, '', '', " +
                (query.caller ? "true" : "false") + ", 'caller7', 50");
        EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << listed.name << "\n" << plan;
        EXPECT_NE(plan.find("Index Scan"), std::string::npos) << listed.name << "\n" << plan;
        EXPECT_TRUE(query.caller || plan.find("Sort") == std::string::npos) << plan;
    }
}

}  // namespace
}  // namespace headrace::stores
