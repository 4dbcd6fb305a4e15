#pragma once

#include "postgres_server.hpp"
#include "stores/memory/memory_blob_store.hpp"
#include "stores/postgres/job_log.hpp"
#include "stores_under_test.hpp"

namespace headrace::stores {

/// The job log on a real server, in a schema of its own.
class Postgres final : public StoresUnderTest {
  public:
    explicit Postgres(const Clock& clock) : clock_(clock) { settings.node = "a"; }
    jobs::JobLog& log() override { return job_log(); }
    jobs::BlobStore& blobs() override { return blobs_; }
    /// Made at its first use: the blobs of this pair have a suite that needs no server.
    PostgresJobLog& job_log() {
        if (settings.url.empty()) settings.url = PostgresServer::get().make_schema();
        if (!log_) open();
        return *log_;
    }
    bool reopen() override {
        log_.reset();
        return true;
    }
    void open() {
        log_ = PostgresJobLog::open(settings, clock_).value();
        EXPECT_TRUE(log_->begin_epoch());
    }

    PostgresSettings settings;

  private:
    const Clock& clock_;
    std::unique_ptr<PostgresJobLog> log_;
    MemoryBlobStore blobs_;
};

}  // namespace headrace::stores
