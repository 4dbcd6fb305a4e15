#include "jobs/trace_context.hpp"

namespace headrace::jobs {
namespace {

constexpr std::size_t kLength = 55;  // "00-" 32 "-" 16 "-" 2
constexpr std::string_view kDigits = "0123456789abcdef";

constexpr bool is_dash(std::size_t at) {
    return at == 2 || at == 35 || at == 52;
}

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

}  // namespace

bool TraceContext::pack(std::string_view text) {
    if (text.size() != kLength || !text.starts_with("00-")) return false;
    std::array<std::uint8_t, 25> bytes{};
    std::size_t nibble = 0;
    for (std::size_t at = 3; at < kLength; ++at) {
        if (is_dash(at)) {
            if (text[at] != '-') return false;
            continue;
        }
        const int value = digit(text[at]);
        if (value < 0) return false;
        auto& byte = bytes[nibble / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | value);
        ++nibble;
    }
    bytes_ = bytes;
    set_ = true;
    return true;
}

std::string TraceContext::text() const {
    std::string out;
    write(out);
    return out;
}

void TraceContext::write(std::string& text) const {
    if (!set_) return text.clear();
    text.assign(kLength, '-');
    char* at = text.data();
    *at++ = '0';
    *at++ = '0';
    ++at;
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
        if (i == 16 || i == 24) ++at;  // the dashes after the trace and after the parent
        *at++ = kDigits[bytes_[i] >> 4];
        *at++ = kDigits[bytes_[i] & 15];
    }
}

}  // namespace headrace::jobs
