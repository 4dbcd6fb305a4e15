#include <random>

#include "sqlite_stores.hpp"
#include "stores/sqlite/catalog_database.hpp"
#include "stores/sqlite/job_log.hpp"

namespace headrace::stores {

namespace {

using jobs::JobState;

class SqliteDamage : public SqliteTest {
  protected:
    /// Changes one byte of the only place in the closed file where `marker` stands.
    void damage(const std::string& marker) {
        both().close();
        std::string content = read_file(db());
        const auto at = content.find(marker);
        ASSERT_NE(at, std::string::npos) << marker;
        ASSERT_EQ(content.find(marker, at + 1), std::string::npos) << marker;
        content[at] = static_cast<char>(content[at] ^ 4);
        write_file(db(), content);
        both().log_settings.full_check_bytes = 0;
        both().open();
    }
    void expect_named(const Error& error, const std::string& table) {
        EXPECT_EQ(error.code, ErrorCode::internal);
        EXPECT_NE(error.message.find("table " + table), std::string::npos) << error.message;
    }
    /// Jobs in all states, as the store should give them back.
    std::vector<jobs::JobRecord> fill(int count) {
        std::vector<jobs::JobRecord> records;
        for (int i = 0; i < count; ++i) {
            auto record = job(i % 2 == 0 ? "acme" : "other");
            record.traceparent = "trace-" + std::to_string(i);
            EXPECT_TRUE(accept(record));
            if (i % 3 == 0) {
                record = ended(record, i % 2 == 0 ? JobState::succeeded : JobState::failed);
                EXPECT_TRUE(finish(record));
            }
            records.push_back(record);
        }
        return records;
    }
    /// The damage was noticed at the open, or every job is as it was, or its reader is told.
    void expect_never_silent(const std::vector<jobs::JobRecord>& records, const std::string& what) {
        auto opened = SqliteJobLog::open(db(), both().log_settings, clock_);
        if (!opened) {
            EXPECT_NE(opened.error().message.find("jobs.db"), std::string::npos)
                << opened.error().message;
            return;
        }
        for (const auto& record : records) {
            const auto read = caller_.ask<std::optional<jobs::JobRecord>>(
                [&](auto done) { (*opened)->get(record.tenant, record.id, std::move(done)); });
            if (!read) continue;
            ASSERT_TRUE(read->has_value()) << what << ": a job is missing";
            ASSERT_EQ(text_of(**read), text_of(record)) << what;
        }
    }
};

TEST_F(SqliteDamage, AChangedRowIsNamedNotRead) {
    auto record = job();
    record.traceparent = "marker-of-an-open-job";
    ASSERT_TRUE(accept(record));
    damage("marker-of-an-open-job");
    expect_named(try_get(record).error(), "open_jobs");
    EXPECT_FALSE(open_jobs(log()));
}

TEST_F(SqliteDamage, AChangedColumnIsNoticedToo) {
    auto record = job();
    record.caller = "marker-of-a-caller";
    ASSERT_TRUE(accept(record));
    damage("marker-of-a-caller");
    expect_named(try_get(record).error(), "open_jobs");
}

TEST_F(SqliteDamage, PayloadsUsageAndFilesAreChecked) {
    auto record = job();
    auto input = std::make_shared<jobs::Payload>();
    input->values = "marker-of-the-input" + std::string(2000, '.');
    record.input = input;
    ASSERT_TRUE(accept(record));
    damage("marker-of-the-input");
    using Input = std::shared_ptr<const jobs::Payload>;
    const auto read = caller_.ask<Input>(
        [&](auto done) { log().load_input(record.tenant, record.id, std::move(done)); });
    EXPECT_EQ(read.error().code, ErrorCode::internal);

    auto done_job = ended(record, JobState::succeeded);
    auto output = std::make_shared<jobs::Payload>();
    output->values = "marker-of-the-output";
    done_job.output = output;
    jobs::UsageRecord used;
    used.job = record.id;
    used.tenant = record.tenant;
    used.caller = "marker-of-the-usage";
    auto media = file();
    media.name = "marker-of-the-file";
    ASSERT_TRUE(write(jobs::LogWrite{jobs::LogWrite::Kind::finish,
                                     share(done_job),
                                     {media},
                                     std::make_shared<jobs::UsageRecord>(used)}));
    damage("marker-of-the-output");
    EXPECT_EQ(try_get(record).error().code, ErrorCode::internal);
    damage("marker-of-the-usage");
    const auto usage = caller_.ask<std::vector<jobs::UsageRecord>>(
        [&](auto done) { log().usage({.tenant = record.tenant}, std::move(done)); });
    expect_named(usage.error(), "usage");
    damage("marker-of-the-file");
    const auto found = caller_.ask<std::optional<jobs::FileRecord>>(
        [&](auto done) { log().get_file(record.tenant, media.id, std::move(done)); });
    expect_named(found.error(), "files");
}

TEST_F(SqliteDamage, AChangedSchemaIsNamedNotMet) {
    fill(3);
    both().close();
    const std::string sound = read_file(db());
    // Where the file says what its tables have: every statement of ours would meet another name.
    for (const std::string name :
         {"ended_by_caller", "share_stamp", "traceparent", "body", "caller"}) {
        auto content = sound;
        const auto at = content.find(name);
        if (at == std::string::npos) continue;
        content[at] = static_cast<char>(content[at] ^ 1);
        write_file(db(), content);
        const auto opened = SqliteJobLog::open(db(), both().log_settings, clock_);
        ASSERT_FALSE(opened) << name;
        EXPECT_EQ(opened.error().code, ErrorCode::internal) << name;
        EXPECT_NE(opened.error().message.find("jobs.db"), std::string::npos) << name;
    }
    write_file(db(), sound);
    EXPECT_TRUE(SqliteJobLog::open(db(), both().log_settings, clock_));
}

// SQLite repeats the text of a damaged schema in what it says of it: with its line ends, and many
// of them. Whoever reads the last line of a log must still find which file it is.
TEST_F(SqliteDamage, ADamagedSchemaIsNamedInOneLine) {
    const std::string catalog = both().folder / "catalog.db";
    ASSERT_TRUE(CatalogDatabase::open(catalog));
    const std::string sound = read_file(catalog);
    int refused = 0;
    for (std::size_t at = 100; at < std::min<std::size_t>(sound.size(), 8192); at += 7) {
        std::string content = sound;
        content[at] = static_cast<char>(content[at] ^ (1 << (at % 8)));
        write_file(catalog, content);
        const auto opened = CatalogDatabase::open(catalog);
        if (opened) continue;
        ++refused;
        const std::string& said = opened.error().message;
        EXPECT_TRUE(said.starts_with(catalog)) << "byte " << at << ": " << said;
        EXPECT_EQ(said.find('\n'), std::string::npos) << "byte " << at << ": " << said;
        EXPECT_LT(said.size(), 600U) << "byte " << at << ": " << said;
        if (HasFailure()) return;
    }
    EXPECT_GT(refused, 100);
}

TEST_F(SqliteDamage, AnyFlippedBitIsNoticedOrHarmless) {
    const auto records = fill(60);
    both().close();
    const std::string sound = read_file(db());
    std::mt19937 random(20261124);
    for (int round = 0; round < 300; ++round) {
        const auto at = std::uniform_int_distribution<std::size_t>(0, sound.size() - 1)(random);
        std::string content = sound;
        content[at] = static_cast<char>(content[at] ^ (1 << (random() % 8)));
        write_file(db(), content);
        expect_never_silent(records, "byte " + std::to_string(at));
        if (HasFatalFailure()) return;
    }
    write_file(db(), sound);
    expect_never_silent(records, "sound");
}

TEST_F(SqliteDamage, AFileThatWasCutIsNoticed) {
    fill(60);
    both().close();
    const std::string sound = read_file(db());
    std::mt19937 random(7);
    for (int round = 0; round < 60; ++round) {
        const auto size =
            round == 0 ? 0
                       : std::uniform_int_distribution<std::size_t>(0, sound.size() - 1)(random);
        write_file(db(), sound.substr(0, size));
        both().log_settings.full_check_bytes = 0;  // the size alone must tell
        const auto opened = SqliteJobLog::open(db(), both().log_settings, clock_);
        ASSERT_FALSE(opened) << size;
        EXPECT_NE(opened.error().message.find("jobs.db"), std::string::npos);
        std::filesystem::remove(db() + "-wal");
        std::filesystem::remove(db() + "-shm");
    }
}

// What a crash leaves: the files as they are while the log is open and all writes are acknowledged.
TEST_F(SqliteDamage, AnAcknowledgedCommitThatTheLogLostStopsTheStart) {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(accept(job()));
    const std::string file = read_file(db());
    const std::string wal = read_file(db() + "-wal");
    const std::string mark = read_file(db() + "-mark");
    ASSERT_GT(wal.size(), 20'000U);
    ASSERT_FALSE(mark.empty());
    both().close();
    const auto try_open = [&](const std::string& log, const std::string& marked) {
        write_file(db(), file);
        write_file(db() + "-wal", log);
        write_file(db() + "-mark", marked);
        std::filesystem::remove(db() + "-shm");
        return SqliteJobLog::open(db(), both().log_settings, clock_);
    };
    {
        const auto sound = try_open(wal, mark);
        ASSERT_TRUE(sound) << sound.error().message;
        EXPECT_EQ(open_jobs(**sound)->size(), 20U);
    }
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        const auto at = std::uniform_int_distribution<std::size_t>(0, wal.size() - 1)(random);
        std::string changed = wal;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (random() % 8)));
        if (round % 4 == 0) changed = wal.substr(0, std::max<std::size_t>(at, 1));
        const auto opened = try_open(changed, mark);
        ASSERT_FALSE(opened) << "byte " << at << ", round " << round;
        EXPECT_NE(opened.error().message.find("write-ahead log"), std::string::npos)
            << opened.error().message;
    }
    // A power cut may tear the last commit and the mark: then nobody was promised anything.
    const auto torn = try_open(wal.substr(0, wal.size() - 100), mark.substr(0, 10));
    ASSERT_TRUE(torn);
    EXPECT_EQ(open_jobs(**torn)->size(), 19U);
}

// The sweep asks whether a blob is referred to; damage must not make it take one that is.
TEST_F(SqliteDamage, ADamagedReferenceNeverLooksLikeNone) {
    auto record = job();
    auto input = std::make_shared<jobs::Payload>();
    input->media = {{sha256("a blob"), 6}};
    record.input = input;
    ASSERT_TRUE(accept(record));
    both().close();
    const std::string sound = read_file(db());
    const Sha256 digest = sha256("a blob");
    const std::string needle(digest.begin(), digest.end());
    both().log_settings.full_check_bytes = 0;
    int places = 0;
    for (auto at = sound.find(needle); at != std::string::npos; at = sound.find(needle, at + 1)) {
        std::string changed = sound;
        changed[at + 5] = static_cast<char>(changed[at + 5] ^ 4);
        write_file(db(), changed);
        both().open();
        const auto references = both().job_log().references().value();
        if (references->tenants()) {  // as the sweep asks first
            const auto refers = references->refers(record.tenant, digest);
            EXPECT_TRUE(!refers || *refers) << "place " << places;
        }
        both().close();
        ++places;
    }
    EXPECT_GE(places, 3);  // in the input, the table and its index
    both().open();
}

TEST_F(SqliteDamage, AFullDiskLosesNothing) {
    both().close();
    both().log_settings.database.max_pages = 60;
    both().open();
    std::vector<jobs::JobRecord> stored;
    std::vector<jobs::JobRecord> refused;
    while (refused.size() < 20) {
        auto record = job();
        auto input = std::make_shared<jobs::Payload>();
        input->values = std::string(3000, 'x');
        record.input = input;
        const auto done = accept(record);
        if (!done) {
            EXPECT_EQ(done.error().code, ErrorCode::unavailable) << done.error().message;
        }
        (done ? stored : refused).push_back(record);
        ASSERT_LT(stored.size(), 1000U);
    }
    EXPECT_FALSE(both().job_log().writable());
    EXPECT_GT(stored.size(), 10U);
    both().close();
    both().log_settings.database.max_pages = 0;
    both().open();
    for (const auto& record : stored) EXPECT_EQ(text_of(get(record).value()), text_of(record));
    for (const auto& record : refused) EXPECT_FALSE(get(record));
    EXPECT_TRUE(accept(refused.front()));
    EXPECT_TRUE(both().job_log().writable());
}

TEST_F(SqliteDamage, ALowDiskRefusesNewWorkAndEndsOld) {
    auto record = job();
    ASSERT_TRUE(accept(record));
    both().close();
    both().log_settings.low_water = {1ULL << 62, 0};
    both().open();
    const auto refused = accept(job());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_GT(refused.error().retry_after_s, 0);
    EXPECT_EQ(put(file()).error().code, ErrorCode::unavailable);
    EXPECT_TRUE(finish(ended(record, JobState::succeeded)));
}

}  // namespace
}  // namespace headrace::stores
