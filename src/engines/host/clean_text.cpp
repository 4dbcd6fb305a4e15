#include "engines/host/clean_text.hpp"

#include <cstdint>

namespace headrace::engines::host {
namespace {

/// Length of the sound UTF-8 sequence at the front; 0 when there is none.
std::size_t sequence_at(std::string_view text) {
    const auto byte = [&text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    std::size_t length = 0;
    std::uint32_t point = 0;
    if (first >= 0xC2 && first <= 0xDF)
        length = 2, point = first & 0x1FU;
    else if (first >= 0xE0 && first <= 0xEF)
        length = 3, point = first & 0x0FU;
    else if (first >= 0xF0 && first <= 0xF4)
        length = 4, point = first & 0x07U;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
        point = point << 6 | (byte(i) & 0x3FU);
    }
    const bool too_long = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return too_long || surrogate || point > 0x10FFFF ? 0 : length;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t most) {
    std::string out;
    out.reserve(text.size() < most ? text.size() : most);
    while (!text.empty()) {
        const std::size_t length = sequence_at(text);
        const std::size_t taken = length == 0 ? 1 : length;
        if (out.size() + taken > most) break;
        if (length == 0)
            out += '?';
        else
            out.append(text.substr(0, length));
        text.remove_prefix(taken);
    }
    return out;
}

}  // namespace headrace::engines::host
