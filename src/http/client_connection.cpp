#include "http/client_connection.hpp"

#include <algorithm>
#include <array>

namespace headrace::http {
namespace {

constexpr std::size_t kFirstRead = 4 * 1024;  // kept by an idle connection too
constexpr std::size_t kLeastRoom = 2 * 1024;
constexpr std::size_t kRead = 16 * 1024;      // once an answer has filled the first

}  // namespace

ClientConnection::ClientConnection(std::unique_ptr<Transport> transport, ClientSettings settings,
                                   std::string origin)
    : transport_(std::move(transport)),
      settings_(std::move(settings)),
      origin_(std::move(origin)),
      deadline_(transport_->executor()) {}

void ClientConnection::guard(SteadyTime until) {
    due_ = until;
    guarded_ = true;
    if (!armed_ || due_ < armed_for_) arm_guard();
}

void ClientConnection::arm_guard() {
    armed_ = true;
    armed_for_ = due_;
    deadline_.arm(due_, [this] {
        armed_ = false;
        if (!guarded_) return;
        if (std::chrono::steady_clock::now() < due_) return arm_guard();
        too_late_ = true;
        transport_->cancel();
    });
}

void ClientConnection::stop_guard() {
    guarded_ = armed_ = false;
    deadline_.disarm();
}

void ClientConnection::cancel() {
    stop_guard();
    cancelled_ = true;
    transport_->close();
}

bool ClientConnection::reusable() const {
    return parser_ && parser_->done() && parser_->keep_alive() && in_.empty() && !ended_ &&
           !cancelled_;
}

bool ClientConnection::quiet() const {
    return transport_->is_quiet();
}

tl::unexpected<Error> ClientConnection::failed(error_code error) {
    ended_ = true;
    stop_guard();
    if (cancelled_) return fail(ErrorCode::cancelled, "the request was dropped");
    if (too_late_) {
        return fail(ErrorCode::deadline_exceeded, "the server was silent for too long");
    }
    return fail(ErrorCode::unavailable, "the connection broke: " + error.message());
}

asio::awaitable<Result<void>> ClientConnection::exchange(const Outgoing& request) {
    parser_.emplace(request.wants_no_body, settings_.head_bytes);
    heard_ = false;
    read_size_ = kFirstRead;
    const std::array<asio::const_buffer, 2> buffers{
        asio::buffer(request.head), asio::const_buffer(request.body.data(), request.body.size())};
    const auto first = transport_->write_now(buffers);
    auto error = first.error;
    if (!error && (first.bytes < asio::buffer_size(buffers) || request.file)) {
        error = co_await write_rest(request, first.bytes);
    }
    // A server that refuses early closes while we write; its answer is still to be read.
    if (error && (too_late_ || cancelled_)) co_return failed(error);
    const bool whole = request.head_time.count() > 0;  // else each piece has its time
    SteadyTime end = std::chrono::steady_clock::now();
    end += whole ? request.head_time : settings_.silence_time;
    for (;;) {
        auto there = take_head(request.wants_no_body);
        if (!there) co_return fail(std::move(there).error());
        if (*there) co_return Result<void>{};
        guard(end);
        const auto io = co_await transport_->read_some(space());
        unguard();
        came(io.bytes);
        if (io.error) co_return failed(io.error);
        if (!whole) end = std::chrono::steady_clock::now() + settings_.silence_time;
    }
}

asio::awaitable<error_code> ClientConnection::write_rest(const Outgoing& request,
                                                         std::size_t sent) {
    std::array<asio::const_buffer, 2> rest{
        asio::buffer(request.head), asio::const_buffer(request.body.data(), request.body.size())};
    for (auto& buffer : rest) {
        const auto cut = std::min(sent, buffer.size());
        buffer += cut;
        sent -= cut;
    }
    // A long upload is no silence: its time grows with its size, from 64 kB a second on.
    const auto bytes = request.file ? request.file->length : request.body.size();
    guard(std::chrono::steady_clock::now() + settings_.silence_time +
          std::chrono::milliseconds(bytes / 64));
    error_code error;
    if (asio::buffer_size(rest) > 0) error = co_await transport_->write(std::span(rest));
    if (!error && request.file) {
        error = co_await transport_->write_file(request.file->file.get(), request.file->offset,
                                                request.file->length);
    }
    unguard();
    co_return error;
}

asio::mutable_buffer ClientConnection::space() {
    in_.make_room(in_.empty() ? read_size_ : kLeastRoom);
    return asio::buffer(in_.tail(), in_.tail_room());
}

void ClientConnection::came(std::size_t bytes) {
    if (bytes >= kFirstRead) read_size_ = kRead;
    in_.commit(bytes);
    heard_ |= bytes > 0;
}

Result<bool> ClientConnection::take_head(bool head_request) {
    std::string body;
    for (;;) {
        in_.consume(parser_->feed(in_.view(), body));
        if (parser_->broken()) return fail(ErrorCode::unavailable, "the answer is not HTTP");
        if (!parser_->head_done()) break;
        if (parser_->status() / 100 != 1) return true;
        parser_.emplace(head_request, settings_.head_bytes);  // interim: the real one follows
    }
    if (in_.size() <= settings_.head_bytes) return false;
    return fail(ErrorCode::too_large, "the head of the answer is too large");
}

std::optional<Result<std::optional<std::string>>> ClientConnection::read_now() {
    using Piece = Result<std::optional<std::string>>;
    std::string body;
    if (!in_.empty()) in_.consume(parser_->feed(in_.view(), body));
    if (parser_->broken()) {
        ended_ = true;
        return Piece(fail(ErrorCode::unavailable, "the answer is broken"));
    }
    if (!body.empty()) return Piece(std::optional<std::string>(std::move(body)));
    if (!parser_->done()) return std::nullopt;
    // It may be idle for long.
    if (in_.empty() && in_.capacity() > kFirstRead) in_.release();
    if (settings_.lives_with_loop)
        unguard();
    else
        stop_guard();
    return Piece(std::optional<std::string>());
}

asio::awaitable<Result<std::optional<std::string>>> ClientConnection::read_some() {
    for (;;) {
        if (auto now = read_now()) co_return std::move(*now);
        guard(std::chrono::steady_clock::now() + settings_.silence_time);
        const auto io = co_await transport_->read_some(space());
        unguard();
        came(io.bytes);
        if (!io.error) continue;
        if (io.error != asio::error::eof || cancelled_) co_return failed(io.error);
        ended_ = true;
        parser_->feed_end();
        if (parser_->broken()) {
            co_return fail(ErrorCode::unavailable, "the answer was cut short");
        }
    }
}

}  // namespace headrace::http
