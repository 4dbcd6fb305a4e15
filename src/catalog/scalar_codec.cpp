#include "catalog/scalar_codec.hpp"

#include <bit>
#include <cstring>

#include "base/json.hpp"

namespace headrace::catalog {
namespace {

static_assert(std::endian::native == std::endian::little);

// Field number and wire type, as values.proto has them: each fits one byte.
constexpr char kFields = 0x0A;
constexpr char kName = 0x0A;
constexpr char kValue = 0x12;
constexpr char kText = 0x0A;
constexpr char kInteger = 0x10;
constexpr char kNumber = 0x19;
constexpr char kBoolean = 0x20;
constexpr char kNull = 0x28;
constexpr char kTime = 0x30;
constexpr char kJson = 0x3A;

std::uint64_t zigzag(std::int64_t number) {
    return (static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63);
}

std::int64_t unzigzag(std::uint64_t bits) {
    return static_cast<std::int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
}

std::size_t varint_size(std::uint64_t number) {
    return (static_cast<std::size_t>(std::bit_width(number | 1)) + 6) / 7;
}

// ---- writing: the size first, then bytes into memory that has it.

struct Size {
    static constexpr std::size_t kNone = 0;  // no scalar: every scalar has a size
    std::size_t text(std::size_t bytes) const { return 1 + varint_size(bytes) + bytes; }
    std::size_t operator()(const Null&) const { return 2; }
    std::size_t operator()(bool) const { return 2; }
    std::size_t operator()(double) const { return 9; }
    std::size_t operator()(std::int64_t number) const { return 1 + varint_size(zigzag(number)); }
    std::size_t operator()(const Time& time) const { return 1 + varint_size(zigzag(time.ms)); }
    std::size_t operator()(const std::string& value) const { return text(value.size()); }
    std::size_t operator()(const Json& value) const { return text(value.text.size()); }
    template <class Other>
    std::size_t operator()(const Other&) const {
        return kNone;
    }
};

struct Writer {
    char* at;

    void varint(std::uint64_t number) {
        for (; number >= 0x80; number >>= 7) *at++ = static_cast<char>(number | 0x80);
        *at++ = static_cast<char>(number);
    }
    void text(char tag, std::string_view bytes) {
        *at++ = tag;
        varint(bytes.size());
        std::memcpy(at, bytes.data(), bytes.size());
        at += bytes.size();
    }
    void number(char tag, std::uint64_t value) {
        *at++ = tag;
        varint(value);
    }
    void operator()(const Null&) { number(kNull, 1); }
    void operator()(bool value) { number(kBoolean, value ? 1 : 0); }
    void operator()(std::int64_t value) { number(kInteger, zigzag(value)); }
    void operator()(const Time& value) { number(kTime, zigzag(value.ms)); }
    void operator()(const std::string& value) { text(kText, value); }
    void operator()(const Json& value) { text(kJson, value.text); }
    void operator()(double value) {
        *at++ = kNumber;
        std::memcpy(at, &value, sizeof value);
        at += sizeof value;
    }
    template <class Other>
    void operator()(const Other&) {}  // Size has refused it
};

std::size_t field_size(const Field& field, std::size_t value) {
    return Size().text(field.name.size()) + 1 + varint_size(value) + value;
}

// ---- reading

struct Reader {
    std::string_view rest;
    bool good = true;

    bool tag(char wanted) {
        good = good && !rest.empty() && rest.front() == wanted;
        if (good) rest.remove_prefix(1);
        return good;
    }
    std::uint64_t varint() {
        std::uint64_t number = 0;
        for (unsigned shift = 0; shift < 63; shift += 7) {
            if (rest.empty()) break;
            const auto byte = static_cast<unsigned char>(rest.front());
            rest.remove_prefix(1);
            number |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if (byte < 0x80) return number;
        }
        good = false;  // cut short, or so long that the generated code must judge it
        return 0;
    }
    std::string_view bytes() {
        const std::uint64_t size = varint();
        good = good && size <= rest.size();
        if (!good) return {};
        const auto out = rest.substr(0, static_cast<std::size_t>(size));
        rest.remove_prefix(out.size());
        return out;
    }
    std::string_view text() {
        const auto out = bytes();
        good = good && is_utf8(out);
        return out;
    }
    void value(Value& to) {
        good = good && !rest.empty();
        if (!good) return;
        const char kind = rest.front();
        rest.remove_prefix(1);
        switch (kind) {
            case kText:
                to.kind.emplace<std::string>(text());
                break;
            case kInteger:
                to.kind.emplace<std::int64_t>(unzigzag(varint()));
                break;
            case kNumber: {
                double number = 0;
                good = rest.size() >= sizeof number;
                if (!good) return;
                std::memcpy(&number, rest.data(), sizeof number);
                rest.remove_prefix(sizeof number);
                to.kind.emplace<double>(number);
                break;
            }
            case kBoolean:
                to.kind.emplace<bool>(varint() != 0);
                break;
            case kNull:
                (void)varint();
                to.kind.emplace<Null>();
                break;
            case kTime:
                to.kind.emplace<Time>(Time{unzigzag(varint())});
                break;
            case kJson:
                to.kind.emplace<Json>(Json{std::string(text())});
                break;
            default:
                good = false;
        }
        good = good && rest.empty();  // a second kind would replace the first
    }
};

}  // namespace

std::optional<std::string> encode_scalars(const Values& values) {
    std::size_t total = 0;
    for (const auto& field : values.fields) {
        const std::size_t value = std::visit(Size(), field.value.kind);
        if (value == Size::kNone || field.name.empty()) return std::nullopt;
        const std::size_t whole = field_size(field, value);
        total += 1 + varint_size(whole) + whole;
    }
    std::string out(total, '\0');
    Writer writer{out.data()};
    for (const auto& field : values.fields) {
        const std::size_t value = std::visit(Size(), field.value.kind);
        writer.number(kFields, field_size(field, value));
        writer.text(kName, field.name);
        writer.number(kValue, value);
        std::visit([&writer](const auto& kind) { writer(kind); }, field.value.kind);
    }
    return out;
}

std::optional<Values> decode_scalars(std::string_view bytes) {
    Values values;
    values.fields.reserve(4);  // most have fewer, and growing one by one moves them
    Reader all{bytes};
    while (!all.rest.empty()) {
        if (!all.tag(kFields)) return std::nullopt;
        Reader entry{all.bytes()};
        if (!all.good || !entry.tag(kName)) return std::nullopt;
        Field& field = values.fields.emplace_back();
        field.name = entry.text();
        if (!entry.tag(kValue)) return std::nullopt;
        Reader value{entry.bytes()};
        if (!entry.good || !entry.rest.empty()) return std::nullopt;
        value.value(field.value);
        if (!value.good) return std::nullopt;
    }
    return values;
}

std::string encode_text(std::string_view name, std::string_view text) {
    const std::size_t value = Size().text(text.size());
    const std::size_t field = Size().text(name.size()) + 1 + varint_size(value) + value;
    std::string out(1 + varint_size(field) + field, '\0');
    Writer writer{out.data()};
    writer.number(kFields, field);
    writer.text(kName, name);
    writer.number(kValue, value);
    writer.text(kText, text);
    return out;
}

std::optional<std::string_view> only_text(std::string_view bytes, std::string_view name) {
    Reader all{bytes};
    if (!all.tag(kFields)) return std::nullopt;
    Reader field{all.bytes()};
    if (!all.good || !all.rest.empty() || !field.tag(kName)) return std::nullopt;
    if (field.bytes() != name || !field.tag(kValue)) return std::nullopt;
    Reader value{field.bytes()};
    if (!field.good || !field.rest.empty() || !value.tag(kText)) return std::nullopt;
    const auto text = value.text();
    return value.good && value.rest.empty() ? std::optional(text) : std::nullopt;
}

}  // namespace headrace::catalog
