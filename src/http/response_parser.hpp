#pragma once
// Internal, and the entry of a fuzz target: bytes to the head and body of an answer.

#include <cstdint>
#include <string>
#include <string_view>

#include "http/chunk_decoder.hpp"
#include "http/message.hpp"

namespace headrace::http {

/// Parses one answer. Interim answers (1xx) are skipped by the caller making a new parser.
///
/// Strict about where an answer ends: CRLF everywhere, no Content-Length beside a
/// Transfer-Encoding, none that is said twice with two meanings. A line that continues the one
/// before, which RFC 9112 §5.2 wants read, is joined to it by a blank.
class ResponseParser {
  public:
    /// `no_body`: the answer to a HEAD.
    ResponseParser(bool no_body, std::size_t head_bytes)
        : no_body_(no_body), head_bytes_(head_bytes) {}

    /// Takes what it can: the count consumed, and a head only as a whole. Body bytes are appended
    /// to `body`; with the end of the head it returns, for the caller looks at that first.
    std::size_t feed(std::string_view input, std::string& body);
    /// The peer has ended the connection: ends a body that has no other end.
    void feed_end();

    [[nodiscard]] bool broken() const { return step_ == Step::broken; }
    [[nodiscard]] bool head_done() const { return head_done_; }
    [[nodiscard]] bool done() const { return step_ == Step::done; }
    [[nodiscard]] bool keep_alive() const;
    [[nodiscard]] int status() const { return status_; }
    Headers take_headers() { return std::move(headers_); }

  private:
    enum class Step : std::uint8_t { head, sized, chunked, until_end, done, broken };

    std::size_t feed_head(std::string_view input);
    bool take_head(std::string_view head);
    bool take_status_line(std::string_view line);
    bool take_fields(std::string_view lines);
    bool look_at(std::string_view name, std::string_view value);
    bool take_length(std::string_view value);
    void take_connection(std::string_view value);
    [[nodiscard]] Step step_of_body() const;

    bool no_body_;
    bool head_done_ = false;
    bool http_1_0_ = false;
    bool says_close_ = false;
    bool says_keep_alive_ = false;
    bool has_length_ = false;
    bool has_coding_ = false;
    bool last_is_chunked_ = false;  // of the codings
    bool needs_end_ = false;        // only the end of the connection ends the body
    Step step_ = Step::head;
    int status_ = 0;
    std::size_t head_bytes_;
    std::size_t scanned_ = 0;  // of a head that is not whole yet
    std::uint64_t left_ = 0;   // of a sized body
    Headers headers_;
    ChunkDecoder chunks_;
};

}  // namespace headrace::http
