#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/loop.hpp"
#include "jobs/ports.hpp"

namespace headrace::stores {

/// Time that moves when the test says so.
class ManualClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override {
        return SteadyTime(std::chrono::milliseconds(wall_));
    }
    [[nodiscard]] WallMs wall() const override { return wall_; }
    void advance(std::chrono::milliseconds by) { wall_ = wall_ + by.count(); }

  private:
    std::atomic<WallMs> wall_{1'790'000'000'000};
};

/// One pair of stores that the contract is held against.
class StoresUnderTest {
  public:
    virtual ~StoresUnderTest() = default;
    virtual jobs::JobLog& log() = 0;
    virtual jobs::BlobStore& blobs() = 0;
    /// Closes and opens again what lies on disk; false when nothing does.
    virtual bool reopen() = 0;
};

using MakeStores = std::function<std::unique_ptr<StoresUnderTest>(const Clock& clock)>;
struct Candidate {
    std::string name;
    MakeStores make;
};
/// Every adapter there is; a new one gets a line in its own file's list.
std::vector<Candidate> candidates();

/// Calls a port on a loop and waits for its answer.
class LoopCaller {
  public:
    template <class T, class Start>
    Result<T> ask(Start start) {
        std::optional<Result<T>> answer;
        bool inside = true;
        loop_.post([&] {
            start(jobs::Done<T>([&](Result<T> result) {
                EXPECT_FALSE(inside) << "answered inside the call";
                EXPECT_TRUE(loop_.is_current()) << "answered on another thread";
                answer = std::move(result);
                loop_.stop();
            }));
            inside = false;
        });
        run();
        return std::move(answer).value();
    }
    /// Runs the loop until `loop().stop()`.
    void run() {
        loop_.run();
        loop_.io().restart();
    }
    Loop& loop() { return loop_; }

  private:
    Loop loop_{"test"};
};

/// What the suites share: stores, time, ids, and the ports as plain calls.
class StoreCalls {
  protected:
    jobs::JobLog& log() { return stores_->log(); }
    jobs::BlobStore& blobs() { return stores_->blobs(); }

    /// A queued job of the tenant with a small input.
    jobs::JobRecord job(const char* tenant = "acme", const char* capability = "echo");
    static std::shared_ptr<const jobs::JobRecord> share(jobs::JobRecord record);
    static jobs::JobRecord ended(jobs::JobRecord record, jobs::JobState state);

    Result<void> write(jobs::LogWrite::Kind kind, jobs::JobRecord record);
    Result<void> write(jobs::LogWrite change);
    Result<void> accept(const jobs::JobRecord& record);
    Result<void> finish(const jobs::JobRecord& record);
    std::optional<jobs::JobRecord> get(const jobs::JobRecord& like);
    std::shared_ptr<const jobs::Payload> input_of(const jobs::JobRecord& like);
    std::vector<jobs::JobRecord> list(jobs::JobQuery query);
    std::optional<jobs::JobRecord> find(const char* tenant, const std::string& key);
    std::vector<jobs::UsageRecord> usage(jobs::UsageQuery query);
    jobs::FileRecord file(const char* tenant = "acme");
    Result<void> put(const jobs::FileRecord& record);
    std::optional<jobs::FileRecord> get_file(const char* tenant, FileId id);
    /// Their ids, in the order of the list.
    std::vector<FileId> list_files(const jobs::FileQuery& query);
    Result<bool> remove_file(const char* tenant, FileId id);
    Result<jobs::BlobRef> store(const char* tenant, const std::vector<std::string>& pieces,
                                bool durable = true);
    Result<std::string> load(const char* tenant, const jobs::BlobRef& blob);

    ManualClock clock_;
    IdSource ids_{clock_, 7};
    LoopCaller caller_;
    std::unique_ptr<StoresUnderTest> stores_;
};

class StoreContract : public testing::TestWithParam<Candidate>, protected StoreCalls {
  protected:
    void SetUp() override { stores_ = GetParam().make(clock_); }
};

/// All fields as text, so that a difference shows by name.
std::string text_of(const jobs::JobRecord& record);
/// All that load_open() hands over.
Result<std::vector<jobs::JobRecord>> open_jobs(jobs::JobLog& log);

std::vector<JobId> ids_of(const std::vector<jobs::JobRecord>& records);

}  // namespace headrace::stores
