#include "postgres_stores.hpp"
#include "sqlite_stores.hpp"
#include "stores/memory/memory_blob_store.hpp"
#include "stores/memory/memory_job_log.hpp"

namespace headrace::stores {
namespace {

/// The memory log answers when virtual time is moved: here, in the turn of the loop after each
/// call, with its wall clock set to the test's.
class PumpedLog final : public jobs::JobLog {
  public:
    explicit PumpedLog(const Clock& clock) : clock_(clock) { set_wall(); }

    Result<std::uint64_t> begin_epoch() override { return log_.begin_epoch(); }
    Result<void> load_open(const TakeJob& take) override { return log_.load_open(take); }
    void write(jobs::LogWrite write, jobs::Done<void> done) override {
        log_.write(std::move(write), std::move(done));
        pump();
    }
    void get(TenantId tenant, JobId id, jobs::Done<std::optional<jobs::JobRecord>> done) override {
        log_.get(std::move(tenant), id, std::move(done));
        pump();
    }
    void list(jobs::JobQuery query, jobs::Done<std::vector<jobs::JobRecord>> done) override {
        log_.list(std::move(query), std::move(done));
        pump();
    }
    void load_input(TenantId tenant, JobId id,
                    jobs::Done<std::shared_ptr<const jobs::Payload>> done) override {
        log_.load_input(std::move(tenant), id, std::move(done));
        pump();
    }
    void find_idempotent(TenantId tenant, std::string key,
                         jobs::Done<std::optional<jobs::JobRecord>> done) override {
        log_.find_idempotent(std::move(tenant), std::move(key), std::move(done));
        pump();
    }
    void usage(jobs::UsageQuery query, jobs::Done<std::vector<jobs::UsageRecord>> done) override {
        log_.usage(std::move(query), std::move(done));
        pump();
    }
    void put_file(jobs::FileRecord file, jobs::Done<void> done) override {
        log_.put_file(std::move(file), std::move(done));
        pump();
    }
    void get_file(TenantId tenant, FileId id,
                  jobs::Done<std::optional<jobs::FileRecord>> done) override {
        log_.get_file(std::move(tenant), id, std::move(done));
        pump();
    }
    void list_files(jobs::FileQuery query,
                    jobs::Done<std::vector<jobs::FileRecord>> done) override {
        log_.list_files(std::move(query), std::move(done));
        pump();
    }
    void remove_file(TenantId tenant, FileId id, jobs::Done<bool> done) override {
        log_.remove_file(std::move(tenant), id, std::move(done));
        pump();
    }

  private:
    void set_wall() { time_.jump_wall(std::chrono::milliseconds(clock_.wall() - time_.wall())); }
    void pump() {
        Loop::current()->post([this] {
            set_wall();
            while (time_.step()) continue;
        });
    }

    const Clock& clock_;
    VirtualTime time_;
    MemoryDisk disk_;
    MemoryJobLog log_{disk_, time_};
};

class Memory final : public StoresUnderTest {
  public:
    explicit Memory(const Clock& clock) : log_(clock) {}
    jobs::JobLog& log() override { return log_; }
    jobs::BlobStore& blobs() override { return blobs_; }
    bool reopen() override { return false; }

  private:
    PumpedLog log_;
    MemoryBlobStore blobs_;
};

}  // namespace

std::vector<Candidate> candidates() {
    return {{"SqliteAndDisk",
             [](const Clock& clock) { return std::make_unique<SqliteAndDisk>(clock); }},
            {"Postgres", [](const Clock& clock) { return std::make_unique<Postgres>(clock); }},
            {"Memory", [](const Clock& clock) { return std::make_unique<Memory>(clock); }}};
}

}  // namespace headrace::stores
