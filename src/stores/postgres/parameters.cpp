#include "stores/postgres/parameters.hpp"

#include <bit>
#include <cstring>

namespace headrace::stores {
namespace {

constexpr std::size_t kHeadBytes = 20;  // of an array of one dimension

template <class Number>
void append(std::string& out, Number value) {
    for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8)
        out += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xFF);
}

template <class Number>
Number number_in(std::string_view bytes) {
    std::uint64_t out = 0;
    for (const char byte : bytes) out = out << 8 | static_cast<unsigned char>(byte);
    return static_cast<Number>(out);
}

}  // namespace

PgArray::PgArray(PgType element) {
    append(out_, std::int32_t{1});
    append(out_, std::int32_t{0});
    append(out_, static_cast<std::int32_t>(element));
    append(out_, std::int32_t{0});
    append(out_, std::int32_t{1});
}

void PgArray::begin(std::size_t length) {
    ++size_;
    append(out_, static_cast<std::int32_t>(length));
}

void PgArray::add(std::string_view bytes) {
    begin(bytes.size());
    out_ += bytes;
}
void PgArray::add(const Uuid& id) {
    begin(id.bytes.size());
    out_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}
void PgArray::add_big(std::int64_t value) {
    begin(sizeof value);
    append(out_, value);
}
void PgArray::add_small(std::int16_t value) {
    begin(sizeof value);
    append(out_, value);
}
void PgArray::add_real(double value) {
    begin(sizeof value);
    append(out_, std::bit_cast<std::uint64_t>(value));
}
void PgArray::add_boolean(bool value) {
    begin(1);
    out_ += value ? '\1' : '\0';
}
void PgArray::add_null() {
    has_null_ = true;
    ++size_;
    append(out_, std::int32_t{-1});
}

std::string PgArray::take() {
    std::string head;
    append(head, std::int32_t{size_ == 0 ? 0 : 1});
    append(head, std::int32_t{has_null_ ? 1 : 0});
    out_.replace(0, head.size(), head);
    if (size_ == 0) {
        out_.resize(kHeadBytes - 8);  // no dimension at all
        return std::move(out_);
    }
    head.clear();
    append(head, size_);
    out_.replace(12, head.size(), head);
    return std::move(out_);
}

PgParameters& PgParameters::big(std::int64_t value) {
    append(values_.emplace_back(), value);
    return *this;
}
PgParameters& PgParameters::small(std::int16_t value) {
    append(values_.emplace_back(), value);
    return *this;
}
PgParameters& PgParameters::boolean(bool value) {
    values_.emplace_back(1, value ? '\1' : '\0');
    return *this;
}
PgParameters& PgParameters::bytes(std::string value) {
    values_.push_back(std::move(value));
    return *this;
}

std::int64_t pg_big(std::string_view bytes) {
    return number_in<std::int64_t>(bytes);
}
std::int16_t pg_small(std::string_view bytes) {
    return number_in<std::int16_t>(bytes);
}

}  // namespace headrace::stores
