#pragma once
// Internal: one connection of the client and the request on it.

#include <memory>
#include <optional>
#include <string>

#include "http/client.hpp"
#include "http/deadline.hpp"
#include "http/response_parser.hpp"
#include "http/transport.hpp"

namespace headrace::http {

class ClientConnection {
  public:
    ClientConnection(std::unique_ptr<Transport> transport, ClientSettings settings,
                     std::string origin);

    /// Writes the whole request; a server that answers before it has all is heard by read_head().
    asio::awaitable<Result<void>> send(ClientRequest& request);
    /// `within`: how long it may be silent until the head is there; 0 = silence_time.
    asio::awaitable<Result<void>> read_head(std::chrono::milliseconds within);
    asio::awaitable<Result<std::optional<std::string>>> read_some();
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
    asio::awaitable<error_code> fill(std::chrono::milliseconds within);
    tl::unexpected<Error> failed(error_code error);
    void guard(std::chrono::milliseconds within);
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
    std::string in_;                  // read and not parsed yet
    std::unique_ptr<char[]> buffer_;  // of the read under way
    bool head_request_ = false;
    bool heard_ = false;
    bool cancelled_ = false;
    bool ended_ = false;  // the server has closed its side
};

}  // namespace headrace::http
