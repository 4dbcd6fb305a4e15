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

/// The batches that wait for a slot, and the threads that run the engine on them, one per slot. An
/// engine of one slot needs none: whoever reads the link runs it.
class Slots {
  public:
    Slots(Library& engine, Registry& registry, Outbox& outbox);
    void start(std::uint32_t count);
    /// Runs the next batch on the calling thread; false when none waits. For engines of one slot.
    bool run_next();
    [[nodiscard]] bool has_next();
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
    std::vector<std::thread> threads_;  // of whoever starts and drains; the reader never looks
    std::mutex mutex_;                  // guards what follows
    bool threaded_ = false;
    std::condition_variable some_;
    std::deque<std::unique_ptr<Batch>> waiting_;
    std::uint32_t running_ = 0;  // by run_next()
    bool draining_ = false;
};

}  // namespace headrace::engines::host
