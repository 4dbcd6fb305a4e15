#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace headrace::access {

namespace detail {
/// Unique in the process, so that a thread's copy of one object's value is never taken for
/// another's.
inline std::uint64_t next_version() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}
}  // namespace detail

/// An immutable value that is read by every loop and replaced now and then. Reading takes no lock
/// while nothing changes: each thread keeps the value that it saw last and looks at one atomic
/// number. Thread-safe.
template <class T>
class Published {
  public:
    Published() : Published(std::make_shared<const T>()) {}
    explicit Published(std::shared_ptr<const T> first) { replace(std::move(first)); }

    /// Good until this thread reads a `Published` of the same type again: copy what lasts longer.
    [[nodiscard]] const T& read() const {
        thread_local Seen seen;
        if (seen.version != version_.load(std::memory_order_acquire)) {
            const std::lock_guard lock(mutex_);
            seen = Seen{version_.load(std::memory_order_relaxed), current_};
        }
        return *seen.value;
    }

    /// Makes the next value from the present one; changes are made one after the other.
    template <class Change>
    void change(Change change) {
        const std::lock_guard lock(mutex_);
        auto next = std::make_shared<T>(*current_);
        change(*next);
        put(std::move(next));
    }
    void replace(std::shared_ptr<const T> next) {
        const std::lock_guard lock(mutex_);
        put(std::move(next));
    }

  private:
    struct Seen {
        std::uint64_t version = 0;
        std::shared_ptr<const T> value;
    };
    void put(std::shared_ptr<const T> next) {
        current_ = std::move(next);
        version_.store(detail::next_version(), std::memory_order_release);
    }

    mutable std::mutex mutex_;  // guards current_; never held with another
    std::shared_ptr<const T> current_;
    std::atomic<std::uint64_t> version_{0};
};

}  // namespace headrace::access
