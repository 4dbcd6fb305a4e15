#include "http/transport.hpp"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <tuple>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace headrace::http {
namespace {

constexpr std::size_t kMaxBuffers = 4;

/// The call-back form of UniqueFunction, copyable into Asio's handler requirements by move only.
struct Relay {
    Transport::IoHandler handler;
    void operator()(error_code error, std::size_t bytes) { handler(error, bytes); }
};

error_code last_error() {
    return {errno, boost::system::system_category()};
}
bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

}  // namespace

struct Transport::Tls {
    Tls(Socket& socket, TlsContext context_)
        : context(std::move(context_)), stream(socket, *context) {}
    TlsContext context;  // outlives the stream, also across a reload
    asio::ssl::stream<Socket&> stream;
};

Transport::Transport(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
}

Transport::~Transport() = default;

asio::awaitable<error_code> Transport::tls_accept(TlsContext context) {
    tls_ = std::make_unique<Tls>(socket_, std::move(context));
    error_code error;
    co_await tls_->stream.async_handshake(asio::ssl::stream_base::server,
                                          asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

asio::awaitable<error_code> Transport::tls_connect(TlsContext context, std::string name,
                                                   bool verify) {
    tls_ = std::make_unique<Tls>(socket_, std::move(context));
    error_code error;
    asio::ip::make_address(name, error);
    // RFC 6066 §3: an address is no server name.
    if (error) SSL_set_tlsext_host_name(tls_->stream.native_handle(), name.c_str());
    if (verify) {
        tls_->stream.set_verify_callback([check = asio::ssl::host_name_verification(name)](
                                             bool sound, asio::ssl::verify_context& context) {
            const bool good = check(sound, context);
            if (sound && !good) {
                X509_STORE_CTX_set_error(context.native_handle(), X509_V_ERR_HOSTNAME_MISMATCH);
            }
            return good;
        });
    }
    error = {};
    co_await tls_->stream.async_handshake(asio::ssl::stream_base::client,
                                          asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

long Transport::tls_verdict() const {
    return tls_ ? SSL_get_verify_result(tls_->stream.native_handle()) : X509_V_OK;
}

asio::awaitable<Transport::Io> Transport::read_some(asio::mutable_buffer buffer) {
    Io io;
    if (tls_) {
        io.bytes = co_await tls_->stream.async_read_some(
            buffer, asio::redirect_error(asio::use_awaitable, io.error));
    } else {
        // Deferred: use_awaitable would put a coroutine of its own around it.
        auto read = socket_.async_read_some(buffer, asio::as_tuple(asio::deferred));
        std::tie(io.error, io.bytes) = co_await std::move(read);
    }
    co_return io;
}

Transport::Io Transport::write_now(std::span<const asio::const_buffer> buffers) {
    if (tls_) return {};
    std::array<iovec, kMaxBuffers> vectors{};
    std::size_t count = 0;
    for (const auto& buffer : buffers) {
        vectors[count++] = {const_cast<void*>(buffer.data()), buffer.size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const auto sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return {{}, static_cast<std::size_t>(sent)};
    return {would_block() || errno == EINTR ? error_code{} : last_error(), 0};
}

asio::awaitable<error_code> Transport::write(asio::const_buffer buffer) {
    const std::array<asio::const_buffer, 1> one{buffer};
    co_return co_await write(std::span<const asio::const_buffer>(one));
}

asio::awaitable<error_code> Transport::write(std::span<const asio::const_buffer> buffers) {
    error_code error;
    // One buffer list in this frame: the caller's span may be a temporary.
    std::array<asio::const_buffer, kMaxBuffers> rest{};
    std::copy(buffers.begin(), buffers.end(), rest.begin());
    if (tls_) {
        // One record and one packet rather than one a buffer.
        std::string joined;
        asio::const_buffer whole = rest[0];
        if (buffers.size() > 1) {
            joined.reserve(asio::buffer_size(rest));
            for (const auto& b : rest) joined.append(static_cast<const char*>(b.data()), b.size());
            whole = asio::buffer(joined);
        }
        co_await asio::async_write(tls_->stream, whole,
                                   asio::redirect_error(asio::use_awaitable, error));
        co_return error;
    }
    const auto io = write_now(buffers);
    if (io.error) co_return io.error;
    auto sent = io.bytes;
    for (auto& buffer : rest) {
        const auto cut = std::min(sent, buffer.size());
        buffer += cut;
        sent -= cut;
    }
    if (asio::buffer_size(rest) == 0) co_return error_code{};
    co_await asio::async_write(socket_, rest, asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

asio::awaitable<error_code> Transport::send_file_plain(int file, off_t offset,
                                                       std::uint64_t length) {
    while (length > 0) {
        // Bounded, so that one download leaves the loop to others between pieces.
        const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(length, 512 * 1024));
        const auto sent = ::sendfile(socket_.native_handle(), file, &offset, piece);
        if (sent == 0) co_return error_code(asio::error::eof);  // the file is shorter than promised
        if (sent > 0) {
            length -= static_cast<std::uint64_t>(sent);
            if (length > 0) co_await asio::post(socket_.get_executor(), asio::use_awaitable);
            continue;
        }
        if (errno == EINTR) continue;
        if (!would_block()) co_return last_error();
        error_code error;
        co_await socket_.async_wait(Socket::wait_write,
                                    asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return error;
    }
    co_return error_code{};
}

asio::awaitable<error_code> Transport::write_file(int file, std::uint64_t offset,
                                                  std::uint64_t length) {
    if (!tls_) co_return co_await send_file_plain(file, static_cast<off_t>(offset), length);
    std::vector<char> piece(64 * 1024);
    while (length > 0) {
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(length, piece.size()));
        const auto got = ::pread(file, piece.data(), want, static_cast<off_t>(offset));
        if (got <= 0) co_return got == 0 ? error_code(asio::error::eof) : last_error();
        const auto bytes = static_cast<std::size_t>(got);
        const auto error = co_await write(asio::const_buffer(piece.data(), bytes));
        if (error) co_return error;
        offset += bytes;
        length -= bytes;
    }
    co_return error_code{};
}

asio::awaitable<error_code> Transport::wait_readable() {
    error_code error;
    co_await socket_.async_wait(Socket::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

bool Transport::is_quiet() {
    char one = 0;
    const auto got = ::recv(socket_.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && would_block();
}

asio::awaitable<void> Transport::finish_writing() {
    if (tls_) {
        // SSL_shutdown only sends ours here; the peer's comes, or not, with the bytes we discard.
        SSL_set_shutdown(tls_->stream.native_handle(), SSL_RECEIVED_SHUTDOWN);
        error_code ignored;
        co_await tls_->stream.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
    }
    shutdown_send();
}

void Transport::start_read(asio::mutable_buffer buffer, asio::cancellation_slot slot,
                           IoHandler handler) {
    auto relay = asio::bind_cancellation_slot(slot, Relay{std::move(handler)});
    if (tls_)
        tls_->stream.async_read_some(buffer, std::move(relay));
    else
        socket_.async_read_some(buffer, std::move(relay));
}

void Transport::start_write(std::span<const asio::const_buffer> buffers,
                            asio::cancellation_slot slot, IoHandler handler) {
    auto relay = asio::bind_cancellation_slot(slot, Relay{std::move(handler)});
    if (tls_) {
        tls_->stream.async_write_some(buffers.empty() ? asio::const_buffer() : buffers[0],
                                      std::move(relay));
        return;
    }
    std::array<asio::const_buffer, kMaxBuffers> list{};
    std::copy_n(buffers.begin(), std::min(buffers.size(), list.size()), list.begin());
    socket_.async_write_some(list, std::move(relay));
}

void Transport::cancel() {
    error_code ignored;
    socket_.cancel(ignored);
}

void Transport::shutdown_send() {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
}

void Transport::close() {
    error_code ignored;
    socket_.close(ignored);
}

}  // namespace headrace::http
