#include <filesystem>

#include "stores/disk/blob_store.hpp"
#include "stores/sqlite/job_log.hpp"
#include "stores_under_test.hpp"

namespace headrace::stores {
namespace {

class SqliteAndDisk final : public StoresUnderTest {
  public:
    explicit SqliteAndDisk(const Clock& clock) : clock_(clock) {
        folder_ = std::filesystem::path(testing::TempDir()) /
                  ("stores_contract_" + to_hex(random_bytes(6)));
        std::filesystem::create_directories(folder_);
        open();
    }
    ~SqliteAndDisk() override {
        close();
        std::filesystem::remove_all(folder_);
    }
    jobs::JobLog& log() override { return *log_; }
    jobs::BlobStore& blobs() override { return *blobs_; }
    bool reopen() override {
        close();
        open();
        return true;
    }

  private:
    void open() {
        JobLogSettings log_settings;
        log_settings.low_water = {0, 0};
        BlobSettings blob_settings;
        blob_settings.low_water = {0, 0};
        log_ = SqliteJobLog::open(folder_ / "jobs.db", log_settings, clock_).value();
        blobs_ = DiskBlobStore::open(folder_ / "blobs", blob_settings, clock_).value();
    }
    void close() {
        log_.reset();
        blobs_.reset();
    }

    const Clock& clock_;
    std::filesystem::path folder_;
    std::unique_ptr<SqliteJobLog> log_;
    std::unique_ptr<DiskBlobStore> blobs_;
};

}  // namespace

std::vector<Candidate> candidates() {
    return {{"SqliteAndDisk", [](const Clock& clock) { return std::make_unique<SqliteAndDisk>(clock); }}};
}

}  // namespace headrace::stores
