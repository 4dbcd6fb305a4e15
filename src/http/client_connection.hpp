#pragma once
// Internal: one connection of the client and the request on it.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.hpp"
#include "http/deadline.hpp"
#include "http/read_buffer.hpp"
#include "http/response_parser.hpp"
#include "http/transport.hpp"

namespace headrace::http {

/// A request as it goes out. The head is whole; all but it is lent.
struct Outgoing {
    std::string head;
    std::string_view body;
    const FileBody* file = nullptr;  // in place of body
    bool wants_no_body = false;      // HEAD
    /// How long the server may be silent until the head is there; 0 = silence_time, for each piece.
    std::chrono::milliseconds head_time{0};
};

class ClientConnection {
  public:
    ClientConnection(std::unique_ptr<Transport> transport, ClientSettings settings,
                     std::string origin);

    /// Writes the whole request and reads the head of its answer; that of a server which answers
    /// before it has all is heard too.
    asio::awaitable<Result<void>> exchange(const Outgoing& request);
    asio::awaitable<Result<std::optional<std::string>>> read_some();
    /// The same where nothing need be waited for; nullopt where it must.
    std::optional<Result<std::optional<std::string>>> read_now();
    void cancel();

    [[nodiscard]] int status() const { return parser_->status(); }
    Headers take_headers() { return parser_->take_headers(); }
    /// The answer is whole and the connection may carry another request.
    [[nodiscard]] bool reusable() const;
    /// Idle as it should be: the server has neither closed it nor sent anything.
    [[nodiscard]] bool quiet() const;
    [[nodiscard]] const std::string& origin() const { return origin_; }
    /// Nothing of the answer has come: on a kept connection the request may be sent again.
    [[nodiscard]] bool silent() const { return !heard_; }

  private:
    asio::awaitable<error_code> write_rest(const Outgoing& request, std::size_t sent);
    /// Whether the head is there, in as far as what has come tells.
    Result<bool> take_head(bool head_request);
    asio::mutable_buffer space();
    /// Takes over what was read into space().
    void came(std::size_t bytes);
    tl::unexpected<Error> failed(error_code error);
    void guard(SteadyTime until);
    void arm_guard();
    void unguard() { guarded_ = false; }
    /// Nothing is waited for until the next request: a timer would keep the loop alive.
    void stop_guard();

    std::unique_ptr<Transport> transport_;
    ClientSettings settings_;
    std::string origin_;
    // One timer for all waits: each only says until when, so that a read costs no timer of its own.
    Deadline deadline_;
    SteadyTime due_{};
    SteadyTime armed_for_{};
    bool armed_ = false;
    bool guarded_ = false;   // something is being waited for
    bool too_late_ = false;  // and it took too long
    std::optional<ResponseParser> parser_;
    ReadBuffer in_;  // read and not parsed yet
    std::size_t read_size_ = 0;
    bool heard_ = false;
    bool cancelled_ = false;
    bool ended_ = false;  // the server has closed its side
};

}  // namespace headrace::http
