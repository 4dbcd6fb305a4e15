#include "stores/base/lane.hpp"

#include <pthread.h>

namespace headrace::stores {

void name_this_thread(const std::string& name) {
    ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

Lane::Lane(std::string name)
    : thread_([this, name = std::move(name)] {
          name_this_thread(name);
          serve();
      }) {}

Lane::~Lane() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Lane::run(UniqueFunction<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(work));
    }
    wake_.notify_one();
}

void Lane::serve() {
    std::vector<UniqueFunction<void()>> batch;
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return closing_ || !inbox_.empty(); });
            if (inbox_.empty()) return;
            batch.swap(inbox_);
        }
        for (auto& work : batch) work();
        batch.clear();
    }
}

}  // namespace headrace::stores
