#pragma once
// Internal, and the entry of the fuzz targets: bytes to RequestHead and body, strictly.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/chunk_decoder.hpp"
#include "http/message.hpp"

namespace headrace::http {

/// Why a request cannot be served, with the status that says so.
struct Refusal {
    Refusal(int status_, std::string message_) : status(status_), message(std::move(message_)) {}
    int status;
    std::string message;
};

/// Finds the end of a head in `bytes`: the offset behind its blank line. `scanned` remembers how
/// far earlier calls have looked.
std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t& scanned);

/// Parses one request: its head in one piece, then, when it is chunked, its body by pieces.
///
/// Strict where leniency lets two parsers disagree about where a request ends: bare CR or LF,
/// obs-fold, Content-Length together with Transfer-Encoding, a repeated or listed Content-Length,
/// any coding but a lone "chunked", more than one Host, none in HTTP/1.1, chunk extensions and
/// trailers past a cap: all are refused, and the connection ends.
class RequestParser {
  public:
    RequestParser();
    ~RequestParser();
    RequestParser(RequestParser&&) noexcept;
    RequestParser& operator=(RequestParser&&) noexcept;

    /// `head` ends with its blank line and must live as long as `out` is used.
    std::optional<Refusal> parse_head(std::string_view head, RequestHead& out);

    // Of the head that was parsed:
    [[nodiscard]] bool http_1_0() const;
    [[nodiscard]] bool keep_alive() const;
    [[nodiscard]] bool upgrade() const;
    [[nodiscard]] bool chunked() const;
    [[nodiscard]] bool expects_continue() const;
    [[nodiscard]] std::optional<std::uint64_t> content_length() const;

    /// The next piece of a chunked body.
    ChunkDecoder::Piece parse_chunked(std::string_view input);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Splits a Host header or authority: name (v6 in brackets kept out) and port. nullopt when it has
/// characters a host cannot have.
struct HostPort {
    std::string_view host;
    std::string_view port;
};
std::optional<HostPort> split_host(std::string_view authority);

/// Fills `ids` from a traceparent header, or makes new ones.
void take_trace(std::optional<std::string_view> traceparent, TraceIds& ids);

}  // namespace headrace::http
