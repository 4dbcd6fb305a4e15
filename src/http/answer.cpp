// How an answer is put on the wire: a head built by hand, one write where it fits.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/log.hpp"
#include "http/connection.hpp"

namespace headrace::http {
namespace {

constexpr std::size_t kJoinUpTo = 16 * 1024;  // bodies above go out beside the head, not copied
constexpr std::size_t kDiscardable = 64 * 1024;
constexpr std::string_view kLine = "\r\n";

void append_number(std::string& out, std::uint64_t number, int base = 10) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
    out.append(digits.data(), end.ptr);
}

/// Field values cannot begin a new line, wherever they came from.
void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    const auto start = out.size();
    out.append(value);
    for (auto i = start; i < out.size(); ++i) {
        if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
    }
    out.append("\r\n");
}

bool has_body(int status) {
    return status != 204 && status != 304 && status / 100 != 1;
}

}  // namespace

tl::unexpected<Error> Connection::lost() {
    lost_ = true;
    keep_ = false;
    return fail(ErrorCode::cancelled, "the client is gone");
}

Result<void> Connection::begin_answer(int status) {
    if (lost_ || !transport_) return lost();
    if (status_ != 0) {
        log::error("second answer to one request door={} first={} second={}",
                   shard_->core().settings.name, status_, status);
        return fail(ErrorCode::internal, "this request is answered already");
    }
    status_ = status;
    // Decided here, so that the head can say it.
    const bool rest_is_small = body_is_over() || (body_ == BodyKind::length &&
                                                  body_left_ <= kDiscardable && !continue_owed_);
    if (shard_->core().draining || !rest_is_small) keep_ = false;
    if (!rest_is_small) unread_input_ = true;
    return {};
}

void Connection::append_cors() {
    const auto& origins = shard_->core().settings.cors_origins;
    if (origins.empty()) return;
    const auto origin = head_.headers.find("origin");
    if (!origin) return;
    const bool any = std::find(origins.begin(), origins.end(), "*") != origins.end();
    if (!any && std::find(origins.begin(), origins.end(), *origin) == origins.end()) return;
    append_field(out_, "Access-Control-Allow-Origin", any ? "*" : *origin);
    append_field(out_, "Access-Control-Expose-Headers",
                 "Location, ETag, Retry-After, Idempotent-Replay, Content-Range");
    if (!any) append_field(out_, "Vary", "Origin");
}

void Connection::build_head(const Response& response, Framing framing, std::uint64_t length) {
    out_.clear();
    out_.append("HTTP/1.1 ");
    append_number(out_, static_cast<std::uint64_t>(response.status));
    out_.append(" ").append(reason_phrase(response.status)).append("\r\nDate: ");
    out_.append(shard_->date()).append("\r\n");
    if (!response.content_type.empty()) append_field(out_, "Content-Type", response.content_type);
    if (framing == Framing::length) {
        out_.append("Content-Length: ");
        append_number(out_, length);
        out_.append("\r\n");
    } else if (framing == Framing::chunked) {
        out_.append("Transfer-Encoding: chunked\r\n");
    }
    if (!keep_)
        out_.append("Connection: close\r\n");
    else if (parser_.http_1_0())
        out_.append("Connection: keep-alive\r\n");
    for (const auto& field : response.headers.fields()) append_field(out_, field.name, field.value);
    append_cors();
    out_.append("\r\n");
}

/// Writes out_ and up to two pieces behind it, in one call to the kernel, which nearly always takes
/// all: no coroutine, no deadline. nullopt: write_rest() goes on, with the same pieces.
std::optional<Result<void>> Connection::write_now(std::string_view second, std::string_view third) {
    const std::array<asio::const_buffer, 3> buffers{asio::buffer(out_), asio::buffer(second),
                                                    asio::buffer(third)};
    const auto io = transport_->write_now(buffers);
    if (io.error) return Result<void>(lost());
    written_ = io.bytes;
    if (written_ < out_.size() + second.size() + third.size()) return std::nullopt;
    return Result<void>{};
}

asio::awaitable<Result<void>> Connection::write_rest(std::string_view second,
                                                     std::string_view third) {
    std::array<asio::const_buffer, 3> rest{asio::buffer(out_), asio::buffer(second),
                                           asio::buffer(third)};
    for (auto& buffer : rest) {
        const auto cut = std::min(written_, buffer.size());
        buffer += cut;
        written_ -= cut;
    }
    const auto& limits = shard_->core().settings.limits;
    set_deadline(limits.write_time + milliseconds(asio::buffer_size(rest) * 1000 /
                                                  std::max<std::size_t>(limits.body_rate, 1)));
    const auto error = co_await transport_->write(std::span<const asio::const_buffer>(rest));
    clear_deadline();
    if (error) co_return lost();
    co_return Result<void>{};
}

asio::awaitable<Result<void>> Connection::answer(Response response) {
    auto begun = begin_answer(response.status);
    if (!begun) co_return begun;
    const bool with_body = has_body(response.status);
    build_head(response, with_body ? Framing::length : Framing::none, response.body.size());
    std::string_view body;
    if (with_body && head_.method != Method::head) body = response.body;
    if (body.size() <= kJoinUpTo) {
        out_.append(body);
        body = {};
    }
    if (auto done = write_now(body)) co_return std::move(*done);
    co_return co_await write_rest(body);
}

asio::awaitable<Result<StreamWriter>> Connection::start_stream(Response head, bool held,
                                                               StreamWriter writer) {
    // Without chunks only the end of the connection tells the end of the answer.
    const bool chunks = !parser_.http_1_0();
    if (!chunks) keep_ = false;
    auto begun = begin_answer(head.status);
    if (!begun) co_return fail(std::move(begun).error());
    streaming_ = true;
    stream_chunked_ = chunks;
    discard_stream_ = head_.method == Method::head;
    build_head(head, chunks ? Framing::chunked : Framing::until_close, 0);
    head_held_ = held;
    if (held) co_return writer;
    Result<void> written;
    if (auto done = write_now({}))
        written = std::move(*done);
    else
        written = co_await write_rest({});
    if (!written) co_return fail(std::move(written).error());
    co_return writer;
}

asio::awaitable<Result<void>> Connection::write_piece(std::string_view piece) {
    if (lost_) co_return lost();
    if (!streaming_) co_return fail(ErrorCode::internal, "no streamed answer is open");
    if (discard_stream_) piece = {};
    // An empty chunk would end the answer.
    if (piece.empty() && !head_held_) co_return Result<void>{};
    if (!std::exchange(head_held_, false)) out_.clear();
    std::string_view end;
    if (stream_chunked_ && !piece.empty()) {
        append_number(out_, piece.size(), 16);
        out_.append(kLine);
        end = kLine;
    }
    if (auto done = write_now(piece, end)) co_return std::move(*done);
    co_return co_await write_rest(piece, end);
}

asio::awaitable<Result<void>> Connection::finish_stream(std::string_view last) {
    if (lost_) co_return lost();
    if (!streaming_) co_return fail(ErrorCode::internal, "no streamed answer is open");
    streaming_ = false;
    if (!std::exchange(head_held_, false)) out_.clear();
    if (discard_stream_) last = {};
    std::string_view end;
    if (stream_chunked_ && !discard_stream_) {
        end = last.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n";
        if (!last.empty()) append_number(out_, last.size(), 16);
        if (!last.empty()) out_.append("\r\n");
    }
    if (out_.empty() && last.empty() && end.empty()) co_return Result<void>{};
    if (auto done = write_now(last, end)) co_return std::move(*done);
    co_return co_await write_rest(last, end);
}

asio::awaitable<Result<void>> Connection::send_file(UniqueFd file, std::uint64_t offset,
                                                    std::uint64_t length, Response head) {
    auto begun = begin_answer(head.status);
    if (!begun) co_return begun;
    build_head(head, Framing::length, length);
    Result<void> written;
    if (auto done = write_now({}))
        written = std::move(*done);
    else
        written = co_await write_rest({});
    if (!written || head_.method == Method::head) co_return written;
    const auto& limits = shard_->core().settings.limits;
    set_deadline(limits.write_time +
                 milliseconds(length * 1000 / std::max<std::size_t>(limits.body_rate, 1)));
    const auto error = co_await transport_->write_file(file.get(), offset, length);
    clear_deadline();
    if (error) co_return lost();
    co_return Result<void>{};
}

}  // namespace headrace::http
