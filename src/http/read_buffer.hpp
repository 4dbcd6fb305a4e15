#pragma once
// Internal: what has come in and was not yet taken.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace headrace::http {

/// Bytes between `begin` and `end` of one allocation. Only make_room() and release() move or free
/// memory, so views into it live until then.
class ReadBuffer {
  public:
    [[nodiscard]] std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }
    [[nodiscard]] char* tail() { return data_.get() + end_; }
    [[nodiscard]] std::size_t tail_room() const { return capacity_ - end_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    void commit(std::size_t count) { end_ += count; }
    void consume(std::size_t count) { begin_ += count; }

    /// At least `room` bytes behind the data; doubles when it must grow.
    void make_room(std::size_t room) {
        if (begin_ > 0 && (begin_ == end_ || tail_room() < room)) {
            std::memmove(data_.get(), data_.get() + begin_, size());
            end_ -= begin_;
            begin_ = 0;
        }
        if (tail_room() >= room) return;
        const auto capacity = std::max(std::max<std::size_t>(capacity_ * 2, 4096), end_ + room);
        // Not make_unique: the bytes need no zeroing.
        std::unique_ptr<char[]> bigger(new char[capacity]);
        if (end_ > 0) std::memcpy(bigger.get(), data_.get(), end_);
        data_ = std::move(bigger);
        capacity_ = capacity;
    }
    void append(std::string_view bytes) {
        if (bytes.empty()) return;
        make_room(bytes.size());
        std::memcpy(tail(), bytes.data(), bytes.size());
        commit(bytes.size());
    }
    /// Frees an empty buffer.
    void release() {
        data_.reset();
        capacity_ = begin_ = end_ = 0;
    }

  private:
    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace headrace::http
