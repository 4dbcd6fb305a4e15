#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Traces in the form of OTLP/HTTP: a request body of opentelemetry.proto.collector.trace.v1,
/// written field by field (opentelemetry-proto 1.x; the few messages that spans need have not
/// changed since 1.0). Pure.
namespace headrace::telemetry {

using AttributeValue =
    std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

enum class SpanKind : std::uint8_t {
    internal = 1,
    server = 2,
    client = 3,
    producer = 4,
    consumer = 5
};
enum class SpanStatus : std::uint8_t { unset = 0, ok = 1, error = 2 };

struct SpanIds {
    std::array<std::uint8_t, 16> trace{};
    std::array<std::uint8_t, 8> span{};
    std::array<std::uint8_t, 8> parent{};  // all zero: a root
};

/// Times in nanoseconds since 1970.
struct Span {
    SpanIds ids;
    std::string name;
    SpanKind kind = SpanKind::internal;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    Attributes attributes;
    SpanStatus status = SpanStatus::unset;
    std::string message;  // of an error
};

/// The bytes of one ExportTraceServiceRequest. `resource`: who sends (service.name, …).
std::string encode_spans(const Attributes& resource, std::string_view scope_version,
                         std::span<const Span> spans);

}  // namespace headrace::telemetry
