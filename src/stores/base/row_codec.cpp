#include "stores/base/row_codec.hpp"

#include <bit>
#include <cstring>

namespace headrace::stores {

void RowWriter::number(std::uint64_t value) {
    while (value >= 0x80) {
        out_ += static_cast<char>(value | 0x80);
        value >>= 7;
    }
    out_ += static_cast<char>(value);
}

void RowWriter::signed_number(std::int64_t value) {
    number(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

void RowWriter::real(double value) {
    char bytes[8];
    std::memcpy(bytes, &value, sizeof bytes);
    static_assert(std::endian::native == std::endian::little);
    out_.append(bytes, sizeof bytes);
}

void RowWriter::text(std::string_view value) {
    number(value.size());
    out_ += value;
}

std::uint64_t RowReader::number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (rest_.empty()) break;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    good_ = false;
    rest_ = {};
    return 0;
}

std::int64_t RowReader::signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

double RowReader::real() {
    const std::string_view bytes = fixed(8);
    double value = 0;
    if (bytes.size() == 8) std::memcpy(&value, bytes.data(), 8);
    return value;
}

std::string RowReader::text() {
    const std::uint64_t size = number();
    return size > rest_.size() ? (good_ = false, std::string()) : std::string(fixed(size));
}

std::string_view RowReader::fixed(std::size_t count) {
    if (count > rest_.size()) {
        good_ = false;
        rest_ = {};
        return {};
    }
    const std::string_view out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
}

RowSum& RowSum::add(std::string_view part) {
    add(static_cast<std::int64_t>(part.size()));
    parts_ += part;
    return *this;
}

RowSum& RowSum::add(std::int64_t part) {
    char bytes[8];
    std::memcpy(bytes, &part, sizeof bytes);
    parts_.append(bytes, sizeof bytes);
    return *this;
}

std::int64_t RowSum::value() const {
    const Sha256 digest = sha256(parts_);
    std::int64_t out = 0;
    std::memcpy(&out, digest.data(), sizeof out);
    return out;
}

}  // namespace headrace::stores
