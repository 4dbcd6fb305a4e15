#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "link/protocol.hpp"

/// Frames behind their length (four bytes, little-endian), as a Unix socket carries them.
namespace headrace::link {

inline constexpr std::size_t kLengthBytes = 4;

inline std::uint32_t read_length(const char* at) {
    std::uint8_t b[kLengthBytes];
    std::memcpy(b, at, kLengthBytes);
    return static_cast<std::uint32_t>(b[0]) | static_cast<std::uint32_t>(b[1]) << 8 |
           static_cast<std::uint32_t>(b[2]) << 16 | static_cast<std::uint32_t>(b[3]) << 24;
}

inline void write_length(char* at, std::size_t length) {
    for (std::size_t i = 0; i < kLengthBytes; ++i)
        at[i] = static_cast<char>(length >> (8 * i) & 0xff);
}

/// Calls `visit(frame)` for each frame of a batch that is known to be whole.
template <class Visit>
void for_each_frame(std::string_view batch, Visit visit) {
    while (batch.size() >= kLengthBytes) {
        const std::size_t length = read_length(batch.data());
        visit(batch.substr(kLengthBytes, length));
        batch.remove_prefix(kLengthBytes + length);
    }
}

/// Cuts a stream of bytes into frames and keeps what has not come whole.
class FrameSplitter {
  public:
    /// Calls `visit(frame)` for each whole frame; it returns false to stop. False when a length
    /// passes kMaxFrame: the stream is then of no more use.
    template <class Visit>
    [[nodiscard]] bool feed(std::string_view bytes, Visit visit) {
        if (!partial_.empty()) {
            partial_.append(bytes);
            std::string whole;
            whole.swap(partial_);
            return cut(whole, visit);
        }
        return cut(bytes, visit);
    }

  private:
    template <class Visit>
    bool cut(std::string_view bytes, Visit& visit) {
        while (bytes.size() >= kLengthBytes) {
            const std::size_t length = read_length(bytes.data());
            if (length > kMaxFrame) return false;
            if (bytes.size() - kLengthBytes < length) break;
            if (!visit(bytes.substr(kLengthBytes, length))) return true;
            bytes.remove_prefix(kLengthBytes + length);
        }
        partial_.assign(bytes);
        return true;
    }

    std::string partial_;
};

}  // namespace headrace::link
