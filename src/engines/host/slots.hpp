#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engines/host/library.hpp"
#include "engines/host/outbox.hpp"
#include "engines/host/registry.hpp"

namespace headrace::engines::host {

/// The threads that run the engine, one per slot, and the batches that wait for one.
class Slots {
  public:
    Slots(Library& engine, Registry& registry, Outbox& outbox);
    void start(std::uint32_t count);
    /// Thread-safe; from the reader.
    void run(std::unique_ptr<Batch> batch);
    /// Takes no more; ends when every batch that was given has ended.
    void drain();

  private:
    void work();
    void run_batch(Batch& batch);
    /// Runs the engine on the jobs that can be run; true when it said HR_OK. `why` says why not.
    bool call_engine(std::vector<hr_job*>& jobs, std::string& why);
    void reply(Batch& batch, bool went_well, const std::string& why, std::uint64_t engine_us);

    Library& engine_;
    Registry& registry_;
    Outbox& outbox_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable some_;
    std::deque<std::unique_ptr<Batch>> waiting_;
    bool draining_ = false;
};

}  // namespace headrace::engines::host
