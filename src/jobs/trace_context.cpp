#include "jobs/trace_context.hpp"

#include <cstring>

namespace headrace::jobs {
namespace {

constexpr std::size_t kLength = 55;  // "00-" 32 "-" 16 "-" 2

/// The two digits of every byte, one after the other: a job's context is written three times.
constexpr auto kHex = [] {
    std::array<char, 512> table{};
    for (std::size_t i = 0; i < 256; ++i) {
        table[2 * i] = "0123456789abcdef"[i >> 4];
        table[2 * i + 1] = "0123456789abcdef"[i & 15];
    }
    return table;
}();

/// The value of every lower-case digit; 0x80 for what is none.
constexpr auto kDigit = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(0x80);
    for (std::uint8_t i = 0; i < 16; ++i) {
        table[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
    }
    return table;
}();

/// Packs `count` bytes from twice as many digits. False when one of them is none.
bool pack_digits(const char* text, std::uint8_t* out, std::size_t count) {
    std::uint8_t seen = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto high = kDigit[static_cast<unsigned char>(text[2 * i])];
        const auto low = kDigit[static_cast<unsigned char>(text[2 * i + 1])];
        seen = static_cast<std::uint8_t>(seen | high | low);
        out[i] = static_cast<std::uint8_t>(high << 4 | (low & 15));
    }
    return seen < 0x80;
}

void write_digits(const std::uint8_t* bytes, char* out, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) std::memcpy(out + 2 * i, &kHex[2 * bytes[i]], 2);
}

}  // namespace

bool TraceContext::pack(std::string_view text) {
    if (text.size() != kLength || !text.starts_with("00-")) return false;
    if (text[35] != '-' || text[52] != '-') return false;
    std::array<std::uint8_t, 25> bytes{};
    if (!pack_digits(text.data() + 3, bytes.data(), 16) ||
        !pack_digits(text.data() + 36, bytes.data() + 16, 8) ||
        !pack_digits(text.data() + 53, bytes.data() + 24, 1)) {
        return false;
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
    text[0] = text[1] = '0';
    write_digits(bytes_.data(), text.data() + 3, 16);
    write_digits(bytes_.data() + 16, text.data() + 36, 8);
    write_digits(bytes_.data() + 24, text.data() + 53, 1);
}

}  // namespace headrace::jobs
