#pragma once

#include <cstdint>

namespace headrace::link {

/// The sender's side of a byte window: one job, one direction. A frame may go while anything is
/// left of the window, even one that is larger than what is left, so that no size can get stuck.
class SendWindow {
  public:
    explicit SendWindow(std::uint64_t size) : left_(static_cast<std::int64_t>(size)) {}
    [[nodiscard]] bool open() const { return left_ > 0; }
    void spend(std::uint64_t bytes) { left_ -= static_cast<std::int64_t>(bytes); }
    /// The receiver has consumed `bytes`. A lying receiver cannot make the count overflow.
    void grant(std::uint64_t bytes) {
        left_ += static_cast<std::int64_t>(bytes < kMost ? bytes : kMost);
        if (left_ > static_cast<std::int64_t>(kMost)) left_ = static_cast<std::int64_t>(kMost);
    }

  private:
    static constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    std::int64_t left_;
};

/// The receiver's side: what has come and was not consumed yet.
class ReceiveWindow {
  public:
    explicit ReceiveWindow(std::uint64_t size) : size_(size) {}
    /// False when the sender passed its window: it had nothing left and sent all the same.
    [[nodiscard]] bool receive(std::uint64_t bytes) {
        if (pending_ >= size_ && bytes > 0) return false;
        pending_ += bytes;
        return true;
    }
    void consume(std::uint64_t bytes) { pending_ -= bytes < pending_ ? bytes : pending_; }
    [[nodiscard]] std::uint64_t pending() const { return pending_; }

  private:
    std::uint64_t size_;
    std::uint64_t pending_ = 0;
};

}  // namespace headrace::link
