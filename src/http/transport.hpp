#pragma once
// Internal: the one byte stream under everything: TCP or Unix socket, with or without TLS.

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "http/tls.hpp"

namespace headrace::http {

namespace asio = boost::asio;
using boost::system::error_code;

/// Owns a connected socket. One read and one write may be under way. Belongs to one loop.
/// Destroying it closes the socket; whatever is under way must have ended (cancel() and await it)
/// before.
class Transport {
  public:
    using Socket = asio::generic::stream_protocol::socket;
    using IoHandler = UniqueFunction<void(error_code, std::size_t)>;
    struct Io {
        error_code error;
        std::size_t bytes = 0;
    };

    explicit Transport(Socket socket);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    asio::awaitable<error_code> tls_accept(TlsContext context);
    /// Checks the certificate against `name` (a host name or IP address) when `verify`.
    asio::awaitable<error_code> tls_connect(TlsContext context, std::string name, bool verify);
    /// What it found wrong with the certificate, as OpenSSL's number; 0 = nothing.
    [[nodiscard]] long tls_verdict() const;

    /// Some bytes, at least one unless there is an error; asio::error::eof at the end.
    asio::awaitable<Io> read_some(asio::mutable_buffer buffer);
    /// All bytes of up to four buffers; a short answer needs no suspension.
    asio::awaitable<error_code> write(std::span<const asio::const_buffer> buffers);
    asio::awaitable<error_code> write(asio::const_buffer buffer);
    /// What the kernel takes of them at once, without TLS; with TLS nothing.
    Io write_now(std::span<const asio::const_buffer> buffers);
    /// Bytes of a file, by sendfile where there is no TLS.
    asio::awaitable<error_code> write_file(int file, std::uint64_t offset, std::uint64_t length);
    /// Ends when there is something to read, without holding a buffer meanwhile.
    asio::awaitable<error_code> wait_readable();
    /// Nothing has come that was not read: no bytes, no end. With TLS a message of its own counts.
    [[nodiscard]] bool is_quiet();
    /// Says that we write no more: close_notify where TLS is on, then FIN.
    asio::awaitable<void> finish_writing();

    // Callback forms, for Beast's stream; the handler never runs inside the call.
    void start_read(asio::mutable_buffer buffer, asio::cancellation_slot slot, IoHandler handler);
    void start_write(std::span<const asio::const_buffer> buffers, asio::cancellation_slot slot,
                     IoHandler handler);

    /// Ends operations under way with operation_aborted; the stream stays usable without TLS.
    void cancel();
    void shutdown_send();
    void close();
    [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
    [[nodiscard]] Socket::executor_type executor() { return socket_.get_executor(); }

  private:
    struct Tls;
    asio::awaitable<error_code> send_file_plain(int file, off_t offset, std::uint64_t length);

    Socket socket_;
    std::unique_ptr<Tls> tls_;
};

}  // namespace headrace::http
