// The power goes at a random point, and what was not synced is dropped, torn or out of order: after
// the next start every acknowledged write is there, nothing is half, and every blob that a job
// refers to is whole. HEADRACE_CRASH_SEEDS says how many times (60).
#include <cstdlib>
#include <random>

#include "power_cut/disk_after.hpp"
#include "power_cut/recorder.hpp"
#include "sqlite_stores.hpp"

namespace headrace::stores {
namespace {

using jobs::JobState;
using power_cut::Op;
using power_cut::Plant;

constexpr int kRounds = 8;
constexpr int kJobsPerRound = 6;

/// What the store has acknowledged, and so must have after a power cut.
struct Promise {
    jobs::JobRecord job;
    std::optional<jobs::FileRecord> file;
};

/// A life of both stores: what they did to the disk, and when they acknowledged what.
struct Life {
    std::vector<Op> ops;
    std::vector<Promise> promises;   // a note's number is the place in here
    std::vector<std::string> loose;  // contents of blobs that nobody asked to last
};

class CrashConsistency : public testing::Test, protected StoreCalls {
  protected:
    Life live(Plant plant) {
        const TestFolder folder;
        Life life;
        power_cut::watch(folder / "", plant);
        stores_ = std::make_unique<Opened>(folder / "", clock_);
        (void)sqlite().begin_epoch().value();
        for (int round = 0; round < kRounds; ++round) live_round(round, life);
        life.ops = power_cut::stop_watching();
        stores_.reset();
        return life;
    }

    /// How many of the cuts show something wrong; says what, unless that is expected: then one is
    /// enough.
    int wrong_cuts(const Life& life, unsigned seeds, bool expected) {
        int wrong = 0;
        for (unsigned seed = 0; seed < seeds; ++seed) {
            std::mt19937_64 random(seed);
            const auto count = random() % (life.ops.size() + 1);
            const auto ops = std::span(life.ops).first(count);
            const TestFolder folder;
            power_cut::disk_after(ops, random, folder / "");
            const std::string problem = look_at(folder / "", ops, life);
            if (problem.empty()) continue;
            ++wrong;
            if (expected) break;
            ADD_FAILURE() << "seed " << seed << ", cut at " << count << ": " << problem;
        }
        return wrong;
    }

  private:
    /// The stores of a folder that a test made.
    class Opened final : public StoresUnderTest {
      public:
        Opened(const std::string& folder, const Clock& clock) {
            JobLogSettings settings;
            settings.low_water = {0, 0};
            settings.database.checkpoint_pages = 25;  // so that cuts fall into checkpoints too
            BlobSettings blob_settings;
            blob_settings.low_water = {0, 0};
            auto log = SqliteJobLog::open(folder + "jobs.db", settings, clock);
            auto blobs = DiskBlobStore::open(folder + "blobs", blob_settings, clock);
            if (!log) problem = log.error().message;
            if (!blobs) problem = blobs.error().message;
            if (!problem.empty()) return;
            log_ = std::move(*log);
            blobs_ = std::move(*blobs);
        }
        jobs::JobLog& log() override { return *log_; }
        jobs::BlobStore& blobs() override { return *blobs_; }
        bool reopen() override { return false; }
        SqliteJobLog& sqlite() { return *log_; }
        std::string problem;

      private:
        std::unique_ptr<SqliteJobLog> log_;
        std::unique_ptr<DiskBlobStore> blobs_;
    };
    SqliteJobLog& sqlite() { return static_cast<Opened&>(*stores_).sqlite(); }

    // Each round: jobs with inputs in blobs are accepted together, run, and end together.
    void live_round(int round, Life& life) {
        life.loose.push_back("loose " + std::to_string(round) + std::string(3'000, 'l'));
        EXPECT_TRUE(store("acme", {life.loose.back()}, false));
        std::vector<Promise> accepted;
        for (int i = 0; i < kJobsPerRound; ++i) {
            Promise promise{job(), {}};
            if (i % 2 == 0) give_blob(promise.job.input, "input of " + promise.job.id.text());
            accepted.push_back(std::move(promise));
        }
        write_together(jobs::LogWrite::Kind::accept, accepted, life);
        std::vector<Promise> done;
        for (auto& promise : accepted) {
            promise.job.attempt = 1;
            promise.job.state = JobState::running;
        }
        write_together(jobs::LogWrite::Kind::attempt, accepted, life);
        for (std::size_t i = 0; i < accepted.size(); ++i) {
            if (i % 3 == 2) continue;  // stays open
            Promise promise{ended(accepted[i].job, JobState::succeeded), {}};
            if (i % 3 == 0) {
                give_blob(promise.job.output, "output of " + promise.job.id.text());
                promise.file = file();
                promise.file->blob = *promise.job.output->spilled;
                promise.file->expires_at = 0;
            }
            done.push_back(std::move(promise));
        }
        write_together(jobs::LogWrite::Kind::finish, done, life);
    }

    void give_blob(std::shared_ptr<const jobs::Payload>& payload, std::string content) {
        content.resize(5'000, '.');
        auto made = std::make_shared<jobs::Payload>();
        made->spilled = store("acme", {content.substr(0, 2'000), content.substr(2'000)}).value();
        payload = std::move(made);
    }

    void write_together(jobs::LogWrite::Kind kind, const std::vector<Promise>& promises,
                        Life& life) {
        std::size_t open = promises.size();
        caller_.loop().post([&] {
            for (const Promise& promise : promises) {
                const std::size_t number = life.promises.size();
                life.promises.push_back(promise);
                jobs::LogWrite write{kind, share(promise.job), {}, {}};
                if (promise.file) write.files.push_back(*promise.file);
                log().write(std::move(write), [&, number](const Result<void>& result) {
                    EXPECT_TRUE(result);
                    power_cut::note(number);
                    if (--open == 0) caller_.loop().stop();
                });
            }
        });
        caller_.run();
    }

    /// What is wrong after the cut, or nothing.
    std::string look_at(const std::string& folder, std::span<const Op> ops, const Life& life) {
        auto opened = std::make_unique<Opened>(folder, clock_);
        if (!opened->problem.empty()) return "does not open: " + opened->problem;
        stores_ = std::move(opened);
        const auto epoch = sqlite().begin_epoch();
        if (!epoch) return "no epoch: " + epoch.error().message;
        std::map<JobId, const Promise*> promised;  // the last word about each job
        for (const Op& op : ops) {
            if (op.kind != Op::Kind::note) continue;
            const Promise& promise = life.promises[op.note];
            promised[promise.job.id] = &promise;
        }
        for (const auto& [id, promise] : promised) {
            if (auto problem = broken(*promise); !problem.empty()) return id.text() + problem;
        }
        std::vector<jobs::JobRecord> left;
        const auto taken =
            sqlite().load_open([&](jobs::JobRecord job) { left.push_back(std::move(job)); });
        if (!taken) return "open jobs: " + taken.error().message;
        for (const auto& job : left) {
            if (auto problem = input_problem(job); !problem.empty()) return problem;
        }
        for (const std::string& content : life.loose) {
            // Whatever the cut left of it: whoever stores it again can rely on it.
            const auto again = store("acme", {content});
            if (!again) return "a blob cannot be stored again: " + again.error().message;
            const auto read = load("acme", *again);
            if (!read || *read != content) return "a blob that was stored again is not whole";
        }
        return {};
    }

    std::string broken(const Promise& promise) {
        const auto read = caller_.ask<std::optional<jobs::JobRecord>>(
            [&](auto done) { log().get(promise.job.tenant, promise.job.id, std::move(done)); });
        if (!read) return ": " + read.error().message;
        if (!read->has_value()) return ": an acknowledged job is lost";
        // It may be further than what was acknowledged, never less far.
        if ((*read)->state < promise.job.state) return ": an acknowledged change is lost";
        if ((*read)->state == JobState::succeeded) {
            if (!(*read)->output) return ": its output is lost";
            return promise.job.output ? blob_problem(*(*read)->output) : std::string();
        }
        return input_problem(**read);
    }

    std::string input_problem(const jobs::JobRecord& job) {
        const auto input = caller_.ask<std::shared_ptr<const jobs::Payload>>(
            [&](auto done) { log().load_input(job.tenant, job.id, std::move(done)); });
        if (!input) return job.id.text() + ": its input is lost: " + input.error().message;
        return blob_problem(**input);
    }

    std::string blob_problem(const jobs::Payload& payload) {
        if (!payload.spilled) return {};
        const auto read = load("acme", *payload.spilled);
        return read ? std::string() : ": its blob is not whole: " + read.error().message;
    }
};

unsigned seeds() {
    const char* const text = std::getenv("HEADRACE_CRASH_SEEDS");
    return text == nullptr ? 60 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

TEST_F(CrashConsistency, WhatWasAcknowledgedOutlivesAPowerCut) {
    const Life life = live(Plant::none);
    ASSERT_GT(life.ops.size(), 500U);
    EXPECT_EQ(wrong_cuts(life, seeds(), false), 0);
}

// Each of these is a call left out of the program: one that finds nothing wrong then is no test.
TEST_F(CrashConsistency, FindsAFolderThatIsNotSynced) {
    EXPECT_GT(wrong_cuts(live(Plant::no_folder_sync), seeds(), true), 0);
}
TEST_F(CrashConsistency, FindsABlobThatIsNotSynced) {
    EXPECT_GT(wrong_cuts(live(Plant::no_blob_sync), seeds(), true), 0);
}
TEST_F(CrashConsistency, FindsAnAcknowledgementBeforeTheSync) {
    EXPECT_GT(wrong_cuts(live(Plant::no_log_sync), seeds(), true), 0);
}

}  // namespace
}  // namespace headrace::stores
