#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/unique_fd.hpp"

namespace headrace::engines::host {

/// Lets the one thread that runs the engine read the link itself, so that a short call costs no
/// hand-over between threads. When a call takes longer than a moment, a second thread stands in for
/// it as reader, and goes back when the call has ended.
class Baton {
  public:
    Baton();

    // --- the thread that reads and runs
    // -----------------------------------------------------------
    /// It is about to run the engine.
    void lend();
    /// The engine has returned: the caller reads again, once a stand-in has let go.
    void reclaim();

    // --- the stand-in
    // -----------------------------------------------------------------------------
    /// Waits until a call takes longer than a moment; the caller is then the reader.
    void wait_turn();
    /// Waits until there is something to read from `socket`; false when the baton is wanted back.
    [[nodiscard]] bool may_read(int socket) const;
    void give_back();

  private:
    UniqueFd wanted_;   // an eventfd
    std::mutex mutex_;  // guards what follows
    std::condition_variable active_;
    std::condition_variable back_;
    std::uint64_t runs_ = 0;
    bool running_ = false;
    bool taken_ = false;
    bool asleep_ = false;  // the stand-in waits for activity, else it looks again every moment
};

}  // namespace headrace::engines::host
