#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <string>

namespace headrace::wire {
class Frame;
}

namespace headrace::engines::host {

/// What the host's threads send: whoever has something while nobody writes becomes the writer and
/// takes along what the others add meanwhile, so that several results share one write. Thread-safe.
class Outbox {
  public:
    explicit Outbox(int socket) : socket_(socket) {}

    void send(const wire::Frame& frame);
    /// Goes out together and in order.
    void send(std::span<const wire::Frame* const> frames);
    /// True when something was written since the last call.
    bool was_used();

  private:
    static constexpr std::size_t kMostPending = 4 << 20;  // beyond it senders wait

    void write_pending(std::unique_lock<std::mutex>& lock);
    void write_all(const std::string& bytes) const;

    int socket_;
    std::mutex mutex_;  // guards all below; not held while writing
    std::condition_variable room_;
    std::string pending_;
    std::string spare_;  // the buffer of the last write, to be used again
    bool writing_ = false;
    bool used_ = false;
};

}  // namespace headrace::engines::host
