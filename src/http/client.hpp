#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "http/message.hpp"
#include "http/tls_settings.hpp"
#include "http/url.hpp"

namespace headrace::http {

namespace asio = boost::asio;

struct ClientSettings {
    TlsClientSettings tls;
    std::chrono::milliseconds connect_time{10'000};  // resolve, connect and TLS handshake
    std::chrono::milliseconds silence_time{90'000};  // without a byte either way
    std::size_t head_bytes = 64 * 1024;
    /// The loop goes on for longer than the client: a timer may stay armed while nothing happens.
    bool lives_with_loop = false;
};

struct FileBody {
    UniqueFd file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

struct ClientRequest {
    std::string method = "GET";
    Url url;
    Headers headers;  // Host, Content-Length and Connection are ours
    std::string body;
    std::string_view lent_body;    // in place of body: the caller keeps it until the head is there
    std::optional<FileBody> file;  // in place of body
    /// IP address to connect to in place of resolving the host; name checks keep the URL's host.
    std::string connect_to;
    /// A POST or PATCH may go over the kept connection too: unavailable where that has just died,
    /// because such a request is never sent twice.
    bool over_kept = false;
    /// How long the head of the answer may take to come; 0 = silence_time, again for each piece.
    std::chrono::milliseconds head_time{0};
};

/// A request of many that differ little, for Client::open_again(). All is lent until its end.
struct NextRequest {
    std::string_view method;
    std::string_view path;  // two parts of the target
    std::string_view operation;
    std::string_view lines;  // of field_lines(), with Host
    std::string_view content_type;
    const Headers* headers = nullptr;
    std::string_view body;
    std::chrono::milliseconds head_time{0};
};

/// Header fields as they go out, for requests that share them; what cannot be one is left out.
std::string field_lines(const Headers& headers);

struct ClientResponse {
    int status = 0;
    Headers headers;
    std::string body;
};

class ClientConnection;

/// An answer read by pieces.
class ClientStream {
  public:
    ClientStream(ClientStream&&) noexcept;
    ClientStream& operator=(ClientStream&&) noexcept;
    ~ClientStream();

    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] const Headers& headers() const { return headers_; }
    /// The next bytes as they come, nullopt at the end; unavailable when the answer was cut short.
    asio::awaitable<Result<std::optional<std::string>>> read_some();
    /// The same where nothing need be waited for; nullopt where it must.
    std::optional<Result<std::optional<std::string>>> read_now();
    /// Drops the connection; a read under way ends with cancelled.
    void cancel();

  private:
    friend class Client;
    ClientStream();
    int status_ = 0;
    Headers headers_;
    std::shared_ptr<ClientConnection> connection_;
};

/// A small HTTP/1.1 client: one request at a time, one kept-alive connection to the last origin.
/// Follows no redirects and sends no header of its own beyond framing. Belongs to one loop.
class Client {
  public:
    Client(asio::any_io_executor executor, ClientSettings settings);
    ~Client();
    Client(Client&&) noexcept;
    /// Another client with the same settings; they share what TLS has loaded.
    [[nodiscard]] Client sibling() const;

    /// Sends and reads the whole answer; too_large past `max_bytes` of body. Other errors:
    /// unavailable (no connection, cut, broken answer), deadline_exceeded.
    asio::awaitable<Result<ClientResponse>> send(ClientRequest request,
                                                 std::size_t max_bytes = 64 * 1024 * 1024);
    /// Sends and returns once the head of the answer is there.
    asio::awaitable<Result<ClientStream>> open(ClientRequest request);
    /// The same over the kept connection, whatever it was opened for, a POST too: unavailable where
    /// that has just died, because such a request is never sent twice. Only while one is kept.
    asio::awaitable<Result<ClientStream>> open_again(const NextRequest& request);
    /// Keeps the connection of a stream that was read to its end, where it may carry another
    /// request.
    void give_back(ClientStream stream);
    /// Ends the send() or open() under way with cancelled, at once.
    void cancel();
    /// Whether a connection is kept that the server has not closed meanwhile.
    [[nodiscard]] bool has_kept() const;
    /// Whether one is kept, good or not.
    [[nodiscard]] bool keeps() const;
    /// Whether the last request had a connection to go over, whatever then became of it.
    [[nodiscard]] bool reached() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace headrace::http
