#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace headrace::jobs {

/// A W3C traceparent in 25 bytes instead of 55 characters on the heap: a million queued jobs carry
/// one.
class TraceContext {
  public:
    /// False when the text is not a version 00 traceparent in lower case; then it must be kept as
    /// it is.
    bool pack(std::string_view text);
    /// Empty when nothing was packed.
    [[nodiscard]] std::string text() const;
    /// text() into memory that is there.
    void write(std::string& text) const;
    [[nodiscard]] bool empty() const { return !set_; }

  private:
    std::array<std::uint8_t, 25> bytes_{};
    bool set_ = false;
};

}  // namespace headrace::jobs
