#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "base/unique_function.hpp"
#include "http/message.hpp"
#include "http/websocket.hpp"

namespace headrace::http {

namespace asio = boost::asio;

class Connection;
class Exchange;
struct Route;

/// Writes a streamed answer piece by piece, each piece in one system call.
class StreamWriter {
  public:
    /// Ends when the piece is with the kernel. Error cancelled once the client is gone or has read
    /// nothing for the door's write time; every later call gives it too.
    asio::awaitable<Result<void>> write(std::string_view piece);
    /// Ends the answer in good order, behind a last piece where there is one. A writer dropped
    /// without it breaks the connection, so that the client can tell a cut stream from a finished
    /// one.
    asio::awaitable<Result<void>> finish(std::string_view last = {});

  private:
    friend class Exchange;
    explicit StreamWriter(Connection& connection) : connection_(&connection) {}
    Connection* connection_;
};

/// One request and its one answer. Lives on one loop, from the gate to the end of the handler; a
/// handler answers exactly once, and one that returns without an answer makes a 500.
class Exchange {
  public:
    explicit Exchange(Connection& connection) : connection_(connection) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    [[nodiscard]] const RequestHead& head() const;
    /// Decoded value of a `{name}` of the pattern; empty where the pattern has none.
    [[nodiscard]] std::string_view param(std::string_view name) const;
    [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
    [[nodiscard]] const Route& route() const;
    /// Null where no route matched, which only an observer meets.
    [[nodiscard]] const Route* matched() const;
    /// Content-Length where the client sent one.
    [[nodiscard]] std::optional<std::uint64_t> content_length() const;
    [[nodiscard]] asio::any_io_executor executor() const;

    /// The whole body. Error too_large past `limit` bytes (0: the route's limit), cancelled when
    /// the client left, deadline_exceeded when it was too slow, invalid_argument on broken framing.
    asio::awaitable<Result<std::string>> read_body(std::size_t limit = 0);
    /// What read_body() would give, where it needs no wait and is no error: nothing is taken else.
    std::optional<std::string> body_at_hand(std::size_t limit = 0);
    /// The next piece of the body, nullopt at its end. Errors as read_body, with the route's limit.
    asio::awaitable<Result<std::optional<std::string>>> read_some();

    /// Error cancelled when the client is gone; there is nothing left to do then.
    asio::awaitable<Result<void>> respond(Response response);
    /// Answers with the mount's own shape of an error.
    asio::awaitable<Result<void>> respond_error(Error error, int status);
    /// Sends the head of a streamed answer at once, or `held` with its first piece; an empty piece
    /// sends it alone.
    asio::awaitable<Result<StreamWriter>> start_stream(Response head, bool held = false);
    /// Sends `length` bytes of a file from `offset` as the body.
    asio::awaitable<Result<void>> send_file(UniqueFd file, std::uint64_t offset,
                                            std::uint64_t length, Response head);
    /// Error invalid_argument when the request is no sound WebSocket handshake: answer it then. The
    /// WebSocket may outlive the exchange. `protocol` is the subprotocol to confirm, if any.
    asio::awaitable<Result<std::unique_ptr<WebSocket>>> accept_websocket(WebSocketLimits limits,
                                                                         std::string protocol = {});

    /// Runs `task` when this exchange has ended, in the door's care: it is cut with the door, and
    /// counts as a connection. For what goes on over a WebSocket, which then needs neither the
    /// connection's memory nor the handler's.
    void go_on_with(asio::awaitable<void> task);

    /// Calls `gone` once, on the loop, when the client closes while the handler waits for something
    /// else; never after the handler has ended. Arm it after the body was read. A client that sends
    /// more than a buffer of pipelined requests meanwhile is watched no longer.
    void on_hangup(UniqueFunction<void()> gone);

    /// Status sent, 0 before the answer.
    [[nodiscard]] int status() const;

    /// What the gate learnt, such as who is calling; http never looks inside.
    std::shared_ptr<const void> context;
    template <class T>
    [[nodiscard]] const T& context_as() const {
        return *static_cast<const T*>(context.get());
    }

  private:
    Connection& connection_;
};

}  // namespace headrace::http
