#include "telemetry/otlp.hpp"

#include <bit>

namespace headrace::telemetry {
namespace {

/// Writes one protobuf message: enough of proto3 for the messages below.
class Message {
  public:
    void number(int field, std::uint64_t value) {
        if (value == 0) return;
        varint(static_cast<std::uint64_t>(field) << 3);
        varint(value);
    }
    /// A member of a oneof stands also when it is zero.
    void member(int field, std::uint64_t value) {
        varint(static_cast<std::uint64_t>(field) << 3);
        varint(value);
    }
    void fixed(int field, std::uint64_t value) {
        varint(static_cast<std::uint64_t>(field) << 3 | 1U);
        for (int shift = 0; shift < 64; shift += 8)
            out_ += static_cast<char>(value >> shift & 0xff);
    }
    void bytes(int field, std::string_view value) {
        varint(static_cast<std::uint64_t>(field) << 3 | 2U);
        varint(value.size());
        out_ += value;
    }
    void text(int field, std::string_view value) {
        if (!value.empty()) bytes(field, value);
    }
    void message(int field, const Message& inner) { bytes(field, inner.out_); }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    void varint(std::uint64_t value) {
        for (; value > 0x7f; value >>= 7) out_ += static_cast<char>(value | 0x80);
        out_ += static_cast<char>(value);
    }
    std::string out_;
};

template <std::size_t N>
std::string_view view(const std::array<std::uint8_t, N>& id) {
    return {reinterpret_cast<const char*>(id.data()), N};
}

struct WriteValue {
    Message& to;
    void operator()(const std::string& value) const { to.bytes(1, value); }
    void operator()(bool value) const { to.member(2, value ? 1 : 0); }
    void operator()(std::int64_t value) const { to.member(3, static_cast<std::uint64_t>(value)); }
    void operator()(double value) const { to.fixed(4, std::bit_cast<std::uint64_t>(value)); }
    void operator()(const std::vector<std::string>& values) const {
        Message array;  // ArrayValue
        for (const auto& value : values) {
            Message any;
            any.bytes(1, value);
            array.message(1, any);
        }
        to.message(5, array);
    }
};

void add_attributes(Message& to, int field, const Attributes& attributes) {
    for (const auto& [name, value] : attributes) {
        Message any;  // AnyValue
        std::visit(WriteValue{any}, value);
        Message pair;  // KeyValue
        pair.text(1, name);
        pair.message(2, any);
        to.message(field, pair);
    }
}

Message encode_span(const Span& span) {
    Message out;
    out.bytes(1, view(span.ids.trace));
    out.bytes(2, view(span.ids.span));
    if (span.ids.parent != decltype(span.ids.parent){}) out.bytes(4, view(span.ids.parent));
    out.text(5, span.name);
    out.number(6, static_cast<std::uint64_t>(span.kind));
    out.fixed(7, span.start);
    out.fixed(8, span.end);
    add_attributes(out, 9, span.attributes);
    if (span.status != SpanStatus::unset) {
        Message status;
        status.text(2, span.message);
        status.number(3, static_cast<std::uint64_t>(span.status));
        out.message(15, status);
    }
    return out;
}

}  // namespace

std::string encode_spans(const Attributes& resource, std::string_view scope_version,
                         std::span<const Span> spans) {
    Message scope;
    scope.text(1, "headrace");
    scope.text(2, scope_version);
    Message scope_spans;
    scope_spans.message(1, scope);
    for (const auto& span : spans) scope_spans.message(2, encode_span(span));
    Message who;
    add_attributes(who, 1, resource);
    Message resource_spans;
    resource_spans.message(1, who);
    resource_spans.message(2, scope_spans);
    Message request;
    request.message(1, resource_spans);
    return request.take();
}

}  // namespace headrace::telemetry
