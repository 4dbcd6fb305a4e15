#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"

namespace headrace::stores {

/// A named thread that runs blocking work in order. Destroying it runs what is queued and joins.
class Lane {
  public:
    explicit Lane(std::string name);
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    /// Thread-safe.
    void run(UniqueFunction<void()> work);

    /// Runs `work` on the lane and `done` with its result on the calling loop; on the lane itself
    /// when the caller runs no loop. The loop must outlive the lane.
    template <class T, class Work>
    void ask(Work work, UniqueFunction<void(Result<T>)> done) {
        run([work = std::move(work), done = std::move(done), loop = Loop::current()]() mutable {
            Result<T> result = work();
            if (loop == nullptr) {
                if (done) done(std::move(result));
                return;
            }
            loop->post([done = std::move(done), result = std::move(result)]() mutable {
                if (done) done(std::move(result));
            });
        });
    }

  private:
    void serve();

    std::mutex mutex_;  // guards inbox_ and closing_; never held while work runs
    std::condition_variable wake_;
    std::vector<UniqueFunction<void()>> inbox_;
    bool closing_ = false;
    std::thread thread_;
};

/// Names the calling thread for debuggers and `top`; at most 15 characters count.
void name_this_thread(const std::string& name);

}  // namespace headrace::stores
