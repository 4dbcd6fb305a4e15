#include "stores/disk/disk_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

namespace headrace::stores {

DiskPool::DiskPool(unsigned threads, std::string name) : name_(std::move(name)) {
    for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
        threads_.emplace_back([this, i] {
            ::pthread_setname_np(::pthread_self(),
                                 (name_ + '-' + std::to_string(i)).substr(0, 15).c_str());
            serve();
        });
    }
}

DiskPool::~DiskPool() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void DiskPool::run(UniqueFunction<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(work));
    }
    wake_.notify_one();
}

void DiskPool::serve() {
    for (;;) {
        UniqueFunction<void()> work;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return closing_ || !inbox_.empty(); });
            if (inbox_.empty()) return;
            work = std::move(inbox_.front());
            inbox_.pop_front();
        }
        work();
    }
}

}  // namespace headrace::stores
