#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/task_group.hpp"
#include "protocols/openai/batch.hpp"
#include "protocols/openai/parts.hpp"

namespace headrace::access {
struct Principal;
}

namespace headrace::protocols::openai {

namespace asio = boost::asio;

/// Which batch, and whose.
struct BatchKey {
    Uuid id;
    TenantId tenant;
    std::string owner;  // id of the key
};

/// Ids of what belongs to a batch, made from its own: found again without any table.
enum class BatchPart : std::uint8_t { output = 1, errors = 2, cancel = 3, end = 4 };
Uuid part_of(const Uuid& batch, BatchPart part);

inline constexpr std::string_view kBatchPurpose = ".batch";
inline constexpr std::string_view kBatchPartPurpose = ".batch_part";
inline constexpr std::string_view kBatchPrefix = "batch_";

/// Runs batches to their end, on the core's loop: each line is a durable job whose idempotency key
/// is the batch's id and the line's number. So a batch that is begun again, after a restart, meets
/// the jobs that it made before, and its output is written once they all have ended.
class BatchRunner {
  public:
    explicit BatchRunner(Site& site);
    ~BatchRunner();
    BatchRunner(const BatchRunner&) = delete;
    BatchRunner& operator=(const BatchRunner&) = delete;

    /// Any loop.
    void begin(BatchKey key, BatchFacts facts);
    void cancel(const Uuid& id);
    /// nullopt when it is not running here.
    [[nodiscard]] std::optional<BatchState> state(const Uuid& id) const;

    /// Takes up what an earlier life has not ended. On the core's loop, once.
    void resume();
    /// On the core's loop.
    void stop();

  private:
    struct Running;
    using RunningPtr = std::shared_ptr<Running>;

    void spawn(BatchKey key, BatchFacts facts);
    asio::awaitable<void> find_unfinished();
    asio::awaitable<void> run(RunningPtr batch);
    asio::awaitable<Result<void>> work(Running& batch);
    asio::awaitable<void> run_lines(RunningPtr batch, std::vector<std::string_view> lines);
    asio::awaitable<void> run_line(RunningPtr batch, std::string_view text, std::size_t number);
    asio::awaitable<void> cancel_line(RunningPtr batch, JobId id);
    asio::awaitable<Result<LineAnswer>> answer_of(Running& batch, json::object body,
                                                  std::size_t number);
    asio::awaitable<Result<std::shared_ptr<const jobs::JobRecord>>> run_job(
        Running& batch, catalog::VersionPtr version, catalog::Values input, std::string name);
    asio::awaitable<Result<std::string>> keep_lines(Running& batch, BatchPart part,
                                                    std::string lines);
    asio::awaitable<Result<void>> finish(Running& batch, std::string status);

    Site& site_;
    TaskGroup tasks_;
    mutable std::mutex mutex_;  // guards running_ and the states in it
    std::map<Uuid, RunningPtr> running_;
    bool stopping_ = false;
};

}  // namespace headrace::protocols::openai
