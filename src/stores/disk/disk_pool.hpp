#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"

namespace headrace::stores {

/// A few named threads for blocking file work. Work of one caller is not ordered: wait for one
/// answer before the next call. Destroying it runs what is queued and joins.
class DiskPool {
  public:
    /// `name`: of its threads, 12 characters at most.
    explicit DiskPool(unsigned threads, std::string name = "blobs");
    ~DiskPool();
    DiskPool(const DiskPool&) = delete;
    DiskPool& operator=(const DiskPool&) = delete;

    /// Runs `work` on the pool and `done` with its result on the calling loop; on the pool itself
    /// when the caller runs no loop. The loop must outlive the pool. Thread-safe.
    template <class T, class Work>
    void ask(Work work, UniqueFunction<void(Result<T>)> done) {
        run([work = std::move(work), done = std::move(done), loop = Loop::current()]() mutable {
            Result<T> result = work();
            if (loop == nullptr) {
                done(std::move(result));
                return;
            }
            loop->post([done = std::move(done), result = std::move(result)]() mutable {
                done(std::move(result));
            });
        });
    }

    /// Thread-safe.
    void run(UniqueFunction<void()> work);

  private:
    void serve();

    const std::string name_;
    std::mutex mutex_;  // guards inbox_ and closing_; never held while work runs
    std::condition_variable wake_;
    std::deque<UniqueFunction<void()>> inbox_;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace headrace::stores
