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
    asio::awaitable<Result<void>> read_head();
    asio::awaitable<Result<std::optional<std::string>>> read_some();
    void cancel();

    [[nodiscard]] int status() const { return parser_->status(); }
    Headers take_headers() { return parser_->take_headers(); }
    /// The answer is whole and the connection may carry another request.
    [[nodiscard]] bool reusable() const;
    [[nodiscard]] const std::string& origin() const { return origin_; }
    /// Nothing of the answer has come: on a kept connection the request may be sent again.
    [[nodiscard]] bool silent() const { return !heard_; }

  private:
    asio::awaitable<error_code> fill();
    tl::unexpected<Error> failed(error_code error);
    void guard();

    std::unique_ptr<Transport> transport_;
    ClientSettings settings_;
    std::string origin_;
    Deadline deadline_;
    std::optional<ResponseParser> parser_;
    std::string in_;
    bool head_request_ = false;
    bool heard_ = false;
    bool cancelled_ = false;
    bool ended_ = false;  // the server has closed its side
};

}  // namespace headrace::http
