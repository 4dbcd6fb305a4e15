#include "base/loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace headrace {
namespace {
thread_local Loop* current_loop = nullptr;
}

Loop::Loop(std::string name) : name_(std::move(name)), work_(asio::make_work_guard(io_)) {}

Loop* Loop::current() {
    return current_loop;
}

void Loop::run() {
    current_loop = this;
    io_.run();
    current_loop = nullptr;
}

void Loop::stop() {
    io_.stop();
}

void Loop::post(UniqueFunction<void()> task) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        wake = inbox_.empty();
        inbox_.push_back(std::move(task));
    }
    if (wake) asio::post(io_, [this] { drain(); });
}

void Loop::dispatch(UniqueFunction<void()> task) {
    if (is_current())
        task();
    else
        post(std::move(task));
}

void Loop::drain() {
    std::vector<UniqueFunction<void()>> batch;
    {
        const std::lock_guard lock(mutex_);
        batch.swap(inbox_);
    }
    for (auto& task : batch) task();
}

}  // namespace headrace
