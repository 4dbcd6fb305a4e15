#include <algorithm>

#include "http/connection.hpp"

namespace headrace::http {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kChunkBuffer = 16 * 1024;
constexpr std::size_t kDiscard = 64 * 1024;  // an unread rest up to this keeps the connection

}  // namespace

std::size_t Connection::body_limit() const {
    return route_ && route_->body_limit > 0 ? route_->body_limit
                                            : shard_->core().settings.limits.body_bytes;
}

bool Connection::body_is_over() const {
    return body_ == BodyKind::none || (body_ == BodyKind::length && body_left_ == 0);
}

std::optional<std::uint64_t> Connection::content_length() const {
    return parser_.content_length();
}

asio::awaitable<Result<void>> Connection::begin_body() {
    if (!continue_owed_) co_return Result<void>{};
    continue_owed_ = false;
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    // The client sends nothing before this; where it has, it does not need it.
    if (!in_.empty() || chunk_at_ < chunk_in_.size()) co_return Result<void>{};
    set_deadline(shard_->core().settings.limits.write_time);
    const auto error = co_await transport_->write(asio::buffer(kContinue));
    clear_deadline();
    if (error) co_return lost();
    co_return Result<void>{};
}

/// Reads under the minimal rate: only time spent waiting for the client counts.
asio::awaitable<Transport::Io> Connection::read_body_bytes(char* into, std::size_t room) {
    const auto& limits = shard_->core().settings.limits;
    const auto earned = std::chrono::milliseconds(body_received_ * 1000 /
                                                  std::max<std::size_t>(limits.body_rate, 1));
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(body_waited_);
    const auto started = std::chrono::steady_clock::now();
    set_deadline(std::max(limits.body_grace + earned - waited, std::chrono::milliseconds(0)));
    auto io = co_await transport_->read_some(asio::buffer(into, room));
    clear_deadline();
    body_waited_ += std::chrono::steady_clock::now() - started;
    body_received_ += io.bytes;
    co_return io;
}

tl::unexpected<Error> Connection::body_failed(error_code) {
    keep_ = false;
    unread_input_ = true;
    if (timed_out_) {
        timed_out_ = false;
        return fail(ErrorCode::deadline_exceeded, "the request body came too slowly");
    }
    return lost();
}

/// The body that came with its head, as nearly every small one does.
std::optional<std::string> Connection::body_at_hand(std::size_t limit) {
    if (limit == 0) limit = body_limit();
    if (body_is_over()) return std::string();
    if (body_ != BodyKind::length || continue_owed_) return std::nullopt;
    if (body_left_ > limit || in_.size() < body_left_) return std::nullopt;
    std::string body(in_.view().substr(0, static_cast<std::size_t>(body_left_)));
    in_.consume(body.size());
    body_received_ += body.size();
    body_left_ = 0;
    return body;
}

asio::awaitable<Result<std::string>> Connection::read_body(std::size_t limit) {
    if (limit == 0) limit = body_limit();
    if (auto body = body_at_hand(limit)) co_return std::move(*body);
    if (body_ == BodyKind::length && body_left_ > limit) {
        co_return fail(ErrorCode::too_large,
                       "the body is larger than " + std::to_string(limit) + " bytes");
    }
    if (continue_owed_) {
        auto begun = co_await begin_body();
        if (!begun) co_return fail(std::move(begun).error());
    }
    if (body_ == BodyKind::chunked) co_return co_await read_chunked_body(limit);
    co_return co_await read_sized_body();
}

asio::awaitable<Result<std::string>> Connection::read_sized_body() {
    std::string body;
    const auto total = static_cast<std::size_t>(body_left_);
    const auto buffered = std::min(in_.size(), total);
    body.assign(in_.view().substr(0, buffered));
    in_.consume(buffered);
    body_received_ += buffered;
    auto filled = buffered;
    while (filled < total) {
        // Grows as bytes come, so that a promise alone holds no memory.
        if (filled == body.size()) {
            body.resize(std::min(total, std::max(filled * 2, kPiece)));
        }
        const auto io = co_await read_body_bytes(body.data() + filled, body.size() - filled);
        filled += io.bytes;
        if (io.error) co_return body_failed(io.error);
    }
    body_left_ = 0;
    co_return body;
}

asio::awaitable<Result<std::string>> Connection::read_chunked_body(std::size_t limit) {
    std::string body;
    for (;;) {
        auto piece = co_await next_chunk_piece();
        if (!piece) co_return fail(std::move(piece).error());
        if (!*piece) co_return body;
        if (body.size() + (*piece)->size() > limit) {
            keep_ = false;
            unread_input_ = true;
            co_return fail(ErrorCode::too_large,
                           "the body is larger than " + std::to_string(limit) + " bytes");
        }
        body.append(**piece);
    }
}

asio::awaitable<Result<std::optional<std::string_view>>> Connection::next_chunk_piece() {
    using Piece = std::optional<std::string_view>;
    for (;;) {
        if (chunk_at_ < chunk_in_.size()) {
            const auto piece = parser_.parse_chunked(std::string_view(chunk_in_).substr(chunk_at_));
            chunk_at_ += piece.consumed;
            if (piece.broken) {
                keep_ = false;
                unread_input_ = true;
                co_return fail(ErrorCode::invalid_argument, "broken chunk in the request body");
            }
            if (piece.done) {
                body_ = BodyKind::none;
                co_return Piece{};
            }
            if (!piece.data.empty()) co_return Piece(piece.data);
        }
        chunk_at_ = 0;
        chunk_in_.resize(kChunkBuffer);
        const auto io = co_await read_body_bytes(chunk_in_.data(), kChunkBuffer);
        chunk_in_.resize(io.bytes);
        if (io.error) co_return body_failed(io.error);
    }
}

asio::awaitable<Result<std::optional<std::string>>> Connection::read_some() {
    using Piece = std::optional<std::string>;
    if (body_is_over()) co_return Piece{};
    auto begun = co_await begin_body();
    if (!begun) co_return fail(std::move(begun).error());
    if (body_ == BodyKind::chunked) {
        auto piece = co_await next_chunk_piece();
        if (!piece) co_return fail(std::move(piece).error());
        if (!*piece) co_return Piece{};
        body_taken_ += (*piece)->size();
        if (body_taken_ > body_limit()) {
            keep_ = false;
            unread_input_ = true;
            co_return fail(ErrorCode::too_large,
                           "the body is larger than " + std::to_string(body_limit()) + " bytes");
        }
        co_return Piece(std::string(**piece));
    }
    std::string piece;
    if (!in_.empty()) {
        const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(in_.size(), body_left_));
        piece.assign(in_.view().substr(0, take));
        in_.consume(take);
        body_received_ += take;
    } else {
        piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, body_left_)));
        const auto io = co_await read_body_bytes(piece.data(), piece.size());
        if (io.error) co_return body_failed(io.error);
        piece.resize(io.bytes);
    }
    body_left_ -= piece.size();
    co_return Piece(std::move(piece));
}

/// True when the connection stands at the start of the next request.
asio::awaitable<bool> Connection::discard_body() {
    if (body_is_over()) co_return true;
    // A client that waits for 100-continue may send its body after all, or not: nobody can tell.
    if (!keep_ || continue_owed_ || unread_input_) co_return false;
    if (body_ == BodyKind::length && body_left_ > kDiscard) co_return false;
    std::size_t discarded = 0;
    while (discarded <= kDiscard) {
        auto piece = co_await read_some();
        if (!piece) co_return false;
        if (!*piece) co_return true;
        discarded += (*piece)->size();
    }
    co_return false;
}

}  // namespace headrace::http
