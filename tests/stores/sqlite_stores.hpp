#pragma once

#include <filesystem>

#include "stores/disk/blob_store.hpp"
#include "stores/sqlite/job_log.hpp"
#include "stores_under_test.hpp"

namespace headrace::stores {

/// A folder of its own that goes with the object.
class TestFolder {
  public:
    TestFolder()
        : path_(std::filesystem::path(testing::TempDir()) / ("stores_" + to_hex(random_bytes(6)))) {
        std::filesystem::create_directories(path_);
    }
    ~TestFolder() { std::filesystem::remove_all(path_); }
    TestFolder(const TestFolder&) = delete;
    TestFolder& operator=(const TestFolder&) = delete;
    [[nodiscard]] std::string operator/(const char* name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

/// jobs.db and blobs in one folder.
class SqliteAndDisk final : public StoresUnderTest {
  public:
    explicit SqliteAndDisk(const Clock& clock) : clock_(clock) {
        log_settings.low_water = {0, 0};
        blob_settings.low_water = {0, 0};
        open();
    }
    jobs::JobLog& log() override { return *log_; }
    jobs::BlobStore& blobs() override { return *blobs_; }
    SqliteJobLog& job_log() { return *log_; }
    DiskBlobStore& disk() { return *blobs_; }
    bool reopen() override {
        close();
        open();
        return true;
    }
    void close() {
        log_.reset();
        blobs_.reset();
    }
    void open() {
        log_ = SqliteJobLog::open(folder / "jobs.db", log_settings, clock_).value();
        blobs_ = DiskBlobStore::open(folder / "blobs", blob_settings, clock_).value();
    }

    TestFolder folder;
    JobLogSettings log_settings;
    BlobSettings blob_settings;

  private:
    const Clock& clock_;
    std::unique_ptr<SqliteJobLog> log_;
    std::unique_ptr<DiskBlobStore> blobs_;
};

/// A fixture for what only these stores promise.
class SqliteTest : public testing::Test, protected StoreCalls {
  protected:
    void SetUp() override { stores_ = std::make_unique<SqliteAndDisk>(clock_); }
    SqliteAndDisk& both() { return static_cast<SqliteAndDisk&>(*stores_); }
    /// get() with its error.
    Result<std::optional<jobs::JobRecord>> try_get(const jobs::JobRecord& like) {
        return caller_.ask<std::optional<jobs::JobRecord>>(
            [&](auto done) { log().get(like.tenant, like.id, std::move(done)); });
    }
    Result<Expired> expire() {
        return caller_.ask<Expired>(
            [&](auto done) { both().job_log().expire(clock_.wall(), std::move(done)); });
    }
    std::string db() { return both().folder / "jobs.db"; }
};

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& content);

}  // namespace headrace::stores
