#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace headrace::upstreams {

/// Cuts an event stream into whole events without taking them apart: what is passed on is passed on
/// as it came. Lines end with LF or CRLF. Linear in what is fed.
class EventScanner {
  public:
    struct Event {
        std::string_view text;  // as it came, with the blank line that ends it
        std::string_view data;  // its data lines, joined by LF; empty for comments
    };

    explicit EventScanner(std::size_t most_bytes = 8 << 20) : most_(most_bytes) {}

    /// More of the stream; views given before are no longer good.
    void feed(std::string piece);
    /// The next whole event; nullopt when more must be fed.
    std::optional<Event> next();
    /// An event has grown past the limit: nothing more will come.
    [[nodiscard]] bool too_large() const { return too_large_; }
    /// An event has begun and not ended.
    [[nodiscard]] bool pending() const { return begin_ < held_.size(); }

  private:
    void take_line(std::size_t end);

    std::size_t most_;
    std::string held_;
    std::size_t begin_ = 0;  // of the event
    std::size_t line_ = 0;   // of the line
    std::size_t scan_ = 0;   // what was looked at
    std::size_t data_ = 0;   // of its first data line, where there is one
    std::size_t data_size_ = 0;
    std::size_t data_lines_ = 0;
    std::string joined_;
    bool too_large_ = false;
};

}  // namespace headrace::upstreams
