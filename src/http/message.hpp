#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace headrace::http {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options };

/// "GET", "DELETE", ...
std::string_view to_string(Method method);
/// nullopt for a method this server does not implement (501). Methods are case-sensitive.
std::optional<Method> parse_method(std::string_view word);

/// Compares ASCII letters without case, as header names and media types want it.
bool equal_without_case(std::string_view a, std::string_view b);

/// Header fields with storage of their own: answers and everything the client sends or gets.
class Headers {
  public:
    struct Field {
        std::string name;
        std::string value;
    };
    Headers() = default;
    Headers(std::initializer_list<Field> fields) : fields_(fields) {}

    void add(std::string name, std::string value);
    /// Replaces every field of that name.
    void set(std::string name, std::string value);
    /// First value of a field, without regard to case.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

  private:
    std::vector<Field> fields_;
};

/// Header fields of a request, in place in the connection's read buffer.
class HeaderView {
  public:
    struct Field {
        std::string_view name;
        std::string_view value;
    };
    void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
    void clear() { fields_.clear(); }
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

  private:
    std::vector<Field> fields_;
};

/// W3C trace context of one request: taken from `traceparent` when it is well formed, else made
/// new.
struct TraceIds {
    std::array<char, 32> trace{};   // lower-case hex; also the request id
    std::array<char, 16> parent{};  // span that called us; all '0' where we began the trace
    bool sampled = true;
    [[nodiscard]] std::string_view trace_id() const { return {trace.data(), trace.size()}; }
    [[nodiscard]] std::string_view parent_id() const { return {parent.data(), parent.size()}; }
    /// Header value for the next hop, with `span` (16 hex characters) as its parent.
    [[nodiscard]] std::string traceparent(std::string_view span) const;
};

/// What a request says before its body. Every view lives as long as the exchange it came with.
struct RequestHead {
    Method method = Method::get;  // HEAD stays `head` though a GET route answers it
    std::string_view target;      // as sent
    std::string_view path;        // percent-decoded once
    std::string_view query;       // raw, without '?'; its percent escapes are known to be sound
    std::string_view host;        // name without port, as sent
    HeaderView headers;
    std::string_view peer;  // client address: behind a trusted proxy the one it reports; "" on unix
    bool peer_is_local = false;  // loopback address or Unix socket, and no proxy in between
    bool tls = false;            // also when a trusted proxy says so
    TraceIds trace;
};

/// A whole answer, or the head of a streamed one (body empty).
///
/// It has constructors, and so is no aggregate, because g++ 12 destroys aggregate temporaries of a
/// co_await expression twice. Give respond() a named Response all the same.
struct Response {
    Response() = default;
    explicit Response(int status_, std::string content_type_ = {}, std::string body_ = {},
                      Headers headers_ = {})
        : status(status_),
          content_type(std::move(content_type_)),
          body(std::move(body_)),
          headers(std::move(headers_)) {}

    int status = 200;
    std::string content_type;  // empty: no Content-Type
    std::string body;
    Headers headers;  // more fields; framing fields (Content-Length, Connection, Date) are ours
};

/// Standard reason phrase; "Unknown" for codes without one.
std::string_view reason_phrase(int status);

/// Decodes %XX once; nullopt on a broken escape. '+' stays '+'.
std::optional<std::string> percent_decode(std::string_view text);
/// Encodes all but unreserved characters (RFC 3986 §2.3).
std::string percent_encode(std::string_view text);

/// First value of `name` in a query or form string; '+' reads as space. nullopt where absent.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
/// All pairs in order; nullopt on a broken escape.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

/// True when an Accept header names `type` itself ("text/event-stream"), not by a wildcard, and
/// not with q=0.
bool accepts_exactly(std::string_view accept, std::string_view type);
/// Value of a Prefer (RFC 7240) preference: "wait=5, respond-async" with "wait" gives "5"; a token
/// without value gives "".
std::optional<std::string> preference(std::string_view prefer, std::string_view name);
/// Media type without parameters, lower case: "application/json; charset=x" -> "application/json".
std::string media_type(std::string_view content_type);
/// A parameter of a header value such as boundary or filename, unquoted.
std::optional<std::string> header_parameter(std::string_view value, std::string_view name);

}  // namespace headrace::http
