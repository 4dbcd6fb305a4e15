#pragma once
// Internal: bytes to the head and body of an answer.

#include <memory>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace headrace::http {

/// Parses one answer. Interim answers (1xx) are skipped by the caller making a new parser.
class ResponseParser {
  public:
    /// `no_body`: the answer to a HEAD.
    explicit ResponseParser(bool no_body, std::size_t head_bytes);
    ~ResponseParser();
    ResponseParser(ResponseParser&&) noexcept;
    ResponseParser& operator=(ResponseParser&&) noexcept;

    /// Takes what it can: the count consumed. Body bytes are appended to `body`.
    std::size_t feed(std::string_view input, std::string& body);
    /// The peer has ended the connection: ends a body that has no other end.
    void feed_end();

    [[nodiscard]] bool broken() const;
    [[nodiscard]] bool head_done() const;
    [[nodiscard]] bool done() const;
    [[nodiscard]] bool keep_alive() const;
    [[nodiscard]] int status() const;
    Headers take_headers();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::http
