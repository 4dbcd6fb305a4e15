#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>

#include "base/unique_fd.hpp"
#include "sqlite_stores.hpp"
#include "stores/sqlite/job_log.hpp"

namespace headrace::stores {
namespace {

using jobs::JobState;
using Kind = jobs::LogWrite::Kind;

constexpr std::size_t kInFlight = 64;
constexpr std::size_t kEnough = 200;

struct Ack {
    std::array<std::uint8_t, 16> id{};
    char what = 0;  // 'a' accepted, 'f' finished, 'x' refused
};

JobLogSettings settings() {
    JobLogSettings out;
    out.low_water = {0, 0};
    out.database.checkpoint_pages = 200;  // so that kills fall into checkpoints too
    return out;
}

std::shared_ptr<jobs::JobRecord> new_job(IdSource& ids, const Clock& clock) {
    auto record = std::make_shared<jobs::JobRecord>();
    record->id = ids.make<JobId>();
    record->tenant = TenantId("acme");
    record->caller = "k1";
    record->capability = "echo";
    record->version = "1.0.0";
    record->created_at = clock.wall();
    auto input = std::make_shared<jobs::Payload>();
    input->values = std::string(record->id.bytes[15] * 10U, 'x');
    record->input = std::move(input);
    return record;
}

std::shared_ptr<jobs::JobRecord> finished(const jobs::JobRecord& record, const Clock& clock) {
    auto out = std::make_shared<jobs::JobRecord>(record);
    out->state = JobState::succeeded;
    out->finished_at = clock.wall();
    auto output = std::make_shared<jobs::Payload>();
    output->values = "output of " + record.id.text();
    out->output = std::move(output);
    return out;
}

/// Keeps kInFlight writes going, half of them ends of jobs, until it is killed; tells every
/// acknowledgement through the pipe, in one write each, which no kill can tear.
class Writer {
  public:
    Writer(const std::string& path, int pipe) : pipe_(pipe) {
        auto opened = SqliteJobLog::open(path, settings(), clock_);
        if (!opened) ::_exit(3);
        log_ = std::move(*opened);
        if (!log_->begin_epoch()) ::_exit(4);
    }
    [[noreturn]] void run() {
        for (;;) {
            std::unique_lock lock(mutex_);
            room_.wait(lock, [this] { return in_flight_ < kInFlight; });
            ++in_flight_;
            lock.unlock();
            submit(new_job(ids_, clock_));
        }
    }

  private:
    void submit(std::shared_ptr<jobs::JobRecord> record) {
        jobs::LogWrite write{Kind::accept, record, {}, {}};
        log_->write(std::move(write), [this, record](const Result<void>& result) {
            tell(record->id, result ? 'a' : 'x');
            if (!result || record->id.bytes[15] % 2 == 0) return leave();
            jobs::LogWrite end{Kind::finish, finished(*record, clock_), {}, {}};
            log_->write(std::move(end), [this, record](const Result<void>& ended) {
                tell(record->id, ended ? 'f' : 'x');
                leave();
            });
        });
    }
    void tell(const JobId& id, char what) {
        const Ack ack{id.bytes, what};
        if (::write(pipe_, &ack, sizeof ack) != static_cast<ssize_t>(sizeof ack)) ::_exit(5);
    }
    void leave() {
        const std::lock_guard lock(mutex_);
        --in_flight_;
        room_.notify_one();
    }

    SystemClock clock_;
    IdSource ids_{clock_};
    std::unique_ptr<SqliteJobLog> log_;
    int pipe_;
    std::mutex mutex_;
    std::condition_variable room_;
    std::size_t in_flight_ = 0;
};

class SqliteKill : public testing::Test, protected StoreCalls {
  protected:
    /// Runs a writer until it has answered `count` writes, or refused kEnough of them, kills it,
    /// and notes what it acknowledged.
    void run_writer(std::size_t count, rlim_t file_limit) {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        const UniqueFd reader(ends[0]);
        UniqueFd writer(ends[1]);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            if (file_limit != 0) {
                ::signal(SIGXFSZ, SIG_IGN);
                const rlimit limit{file_limit, file_limit};
                ::setrlimit(RLIMIT_FSIZE, &limit);
            }
            Writer(path_, ends[1]).run();
        }
        writer.reset();
        Ack ack;
        std::size_t seen = 0;
        refused_ = 0;
        while (::read(reader.get(), &ack, sizeof ack) == sizeof ack) {
            ++seen;
            if (ack.what == 'x')
                ++refused_;
            else
                note(ack);
            if (seen == count || refused_ == kEnough) ::kill(child, SIGKILL);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << status;
    }
    void note(const Ack& ack) {
        const auto id = JobId(Uuid{ack.id});
        char& state = acknowledged_[id];
        if (state != 'f') state = ack.what;
    }
    void expect_all_there() {
        auto opened = SqliteJobLog::open(path_, settings(), clock_);
        ASSERT_TRUE(opened) << opened.error().message;
        const auto epoch = (*opened)->begin_epoch();
        ASSERT_TRUE(epoch);
        EXPECT_GT(*epoch, last_epoch_ + 1) << "the writer raised it, and so do we";
        last_epoch_ = *epoch;
        for (const auto& [id, state] : acknowledged_) {
            const auto read =
                caller_.ask<std::optional<jobs::JobRecord>>([&, wanted = id](auto done) {
                    (*opened)->get(TenantId("acme"), wanted, std::move(done));
                });
            ASSERT_TRUE(read) << read.error().message;
            ASSERT_TRUE(read->has_value()) << "an acknowledged job is lost: " << id.text();
            if (state != 'f') continue;
            ASSERT_EQ((**read).state, JobState::succeeded);
            ASSERT_EQ((**read).output->values, "output of " + id.text());
        }
    }

    TestFolder folder_;
    std::string path_ = folder_ / "jobs.db";
    std::map<JobId, char> acknowledged_;
    std::uint64_t last_epoch_ = 0;
    std::size_t refused_ = 0;
};

TEST_F(SqliteKill, EveryAcknowledgedWriteIsThereAfterAKill) {
    std::mt19937 random(std::random_device{}());
    for (int round = 0; round < 20; ++round) {
        const auto count = 1 + random() % 1500;
        SCOPED_TRACE("round " + std::to_string(round) + ", killed after " + std::to_string(count));
        run_writer(count, 0);
        if (!HasFatalFailure()) expect_all_there();
        if (HasFatalFailure()) return;
    }
    EXPECT_GT(acknowledged_.size(), 1000U);
}

// The same with files that cannot grow any more: writes fail, the writer goes on with what it has.
TEST_F(SqliteKill, EveryAcknowledgedWriteIsThereAfterAFullDisk) {
    run_writer(3000, 0);
    if (!HasFatalFailure()) expect_all_there();
    if (HasFatalFailure()) return;
    const auto size = std::filesystem::file_size(path_);
    run_writer(1'000'000, size + 1024 * 1024);
    EXPECT_GE(refused_, kEnough);
    if (!HasFatalFailure()) expect_all_there();
}

}  // namespace
}  // namespace headrace::stores
