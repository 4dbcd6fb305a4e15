#pragma once
// Internal, and the entry of the fuzz targets: bytes to RequestHead and body, strictly.

#include <cstdint>
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
    /// `head` ends with its blank line and must live as long as `out` is used.
    std::optional<Refusal> parse_head(std::string_view head, RequestHead& out);

    // Of the head that was parsed:
    [[nodiscard]] bool http_1_0() const { return version_ == 10; }
    [[nodiscard]] bool keep_alive() const {
        return !says_close_ && (says_keep_alive_ || !http_1_0());
    }
    /// Connection names Upgrade.
    [[nodiscard]] bool upgrade() const { return says_upgrade_; }
    [[nodiscard]] bool chunked() const { return codings_ > 0; }
    [[nodiscard]] bool expects_continue() const { return expectations_ > 0 && version_ == 11; }
    [[nodiscard]] std::optional<std::uint64_t> content_length() const {
        return lengths_ > 0 ? std::optional(length_) : std::nullopt;
    }

    /// The next piece of a chunked body.
    ChunkDecoder::Piece parse_chunked(std::string_view input) { return chunks_.next(input); }

  private:
    std::optional<Refusal> take_request_line(std::string_view line, RequestHead& out);
    std::optional<Refusal> take_fields(std::string_view lines, RequestHead& out);
    std::optional<Refusal> look_at(std::string_view name, std::string_view value);
    bool take_connection(std::string_view value);
    bool take_length(std::string_view value);
    [[nodiscard]] std::optional<Refusal> check_framing() const;

    std::string_view method_;
    int version_ = 11;
    std::size_t hosts_ = 0;
    std::size_t lengths_ = 0;
    std::size_t codings_ = 0;
    std::size_t expectations_ = 0;
    std::uint64_t length_ = 0;
    std::string_view coding_;
    std::string_view expectation_;
    bool listed_length_ = false;
    bool says_close_ = false;
    bool says_keep_alive_ = false;
    bool says_upgrade_ = false;
    ChunkDecoder chunks_;
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
