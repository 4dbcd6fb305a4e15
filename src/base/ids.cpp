#include "base/ids.hpp"

#include <bit>

#include "base/digest.hpp"

namespace headrace {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_dash(std::size_t i) {
    return i == 8 || i == 13 || i == 18 || i == 23;
}

std::uint64_t split_mix(std::uint64_t& x) {
    std::uint64_t z = (x += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

}  // namespace

std::string Uuid::text() const {
    static constexpr char kHex[] = "0123456789abcdef";
    static constexpr std::uint8_t kPlaces[] = {0,  2,  4,  6,  9,  11, 14, 16,
                                               19, 21, 24, 26, 28, 30, 32, 34};
    std::string out(36, '-');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        out[kPlaces[i]] = kHex[bytes[i] >> 4];
        out[kPlaces[i] + 1U] = kHex[bytes[i] & 15];
    }
    return out;
}

std::string Uuid::raw() const {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid id;
    std::size_t nibble = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_dash(i)) {
            if (text[i] != '-') return std::nullopt;
            continue;
        }
        const int value = hex_value(text[i]);
        if (value < 0) return std::nullopt;
        auto& byte = id.bytes[nibble / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | value);
        ++nibble;
    }
    return id;
}

std::optional<Uuid> Uuid::from_raw(std::string_view raw) {
    Uuid id;
    if (raw.size() != id.bytes.size()) return std::nullopt;
    std::memcpy(id.bytes.data(), raw.data(), raw.size());
    return id;
}

IdSource::IdSource(const Clock& clock) : clock_(clock) {
    const std::string seed = random_bytes(sizeof state_);
    std::memcpy(state_.data(), seed.data(), seed.size());
}

IdSource::IdSource(const Clock& clock, std::uint64_t seed) : clock_(clock) {
    for (auto& word : state_) word = split_mix(seed);
}

std::uint64_t IdSource::random() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

Uuid IdSource::next() {
    auto ms = static_cast<std::uint64_t>(clock_.wall());
    if (ms > last_ms_) {
        last_ms_ = ms;
        counter_ = static_cast<std::uint32_t>(random() & 0x7FF);
    } else if (++counter_ > 0xFFF) {  // the counter is used up: borrow the next millisecond
        ++last_ms_;
        counter_ = 0;
    }
    ms = last_ms_;
    const std::uint64_t tail = random();
    Uuid id;
    for (int i = 0; i < 6; ++i) {
        id.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    }
    id.bytes[6] = static_cast<std::uint8_t>(0x70 | (counter_ >> 8));
    id.bytes[7] = static_cast<std::uint8_t>(counter_);
    std::memcpy(id.bytes.data() + 8, &tail, 8);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);
    return id;
}

}  // namespace headrace
