#include "http/client_connection.hpp"

#include <algorithm>
#include <array>

namespace headrace::http {
namespace {

constexpr std::size_t kRead = 16 * 1024;

std::string_view body_of(const ClientRequest& request) {
    return request.lent_body.empty() ? std::string_view(request.body) : request.lent_body;
}

bool is_field(const Headers::Field& field) {
    const auto in_name = [](char c) { return c != '\r' && c != '\n' && c != ':' && c != ' '; };
    const auto in_value = [](char c) { return c != '\r' && c != '\n' && c != '\0'; };
    return std::all_of(field.name.begin(), field.name.end(), in_name) &&
           std::all_of(field.value.begin(), field.value.end(), in_value);
}

void append_fields(std::string& head, const Headers& headers) {
    for (const auto& field : headers.fields()) {
        if (!is_field(field)) continue;
        head.append(field.name).append(": ").append(field.value).append("\r\n");
    }
}

std::string head_of(const ClientRequest& request) {
    std::string head;
    head.reserve(256 + request.lent_fields.size());
    head.append(request.method).append(" ").append(request.url.target);
    head.append(" HTTP/1.1\r\nHost: ").append(request.url.authority()).append("\r\n");
    head.append(request.lent_fields);
    append_fields(head, request.headers);
    const auto length = request.file ? request.file->length : body_of(request).size();
    if (length > 0 || (request.method != "GET" && request.method != "HEAD")) {
        head.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
    }
    return head.append("\r\n");
}

}  // namespace

std::string field_lines(const Headers& headers) {
    std::string lines;
    append_fields(lines, headers);
    return lines;
}

ClientConnection::ClientConnection(std::unique_ptr<Transport> transport, ClientSettings settings,
                                   std::string origin)
    : transport_(std::move(transport)),
      settings_(std::move(settings)),
      origin_(std::move(origin)),
      deadline_(transport_->executor()) {}

void ClientConnection::guard(std::chrono::milliseconds within) {
    due_ = std::chrono::steady_clock::now() + within;
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

asio::awaitable<Result<void>> ClientConnection::send(ClientRequest& request) {
    parser_.emplace(request.method == "HEAD", settings_.head_bytes);
    head_request_ = request.method == "HEAD";
    heard_ = false;
    const std::string head = head_of(request);
    const auto body = body_of(request);
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(head),
                                                    asio::const_buffer(body.data(), body.size())};
    const std::size_t count = request.file ? 1 : 2;
    // A long upload is no silence: its time grows with its size, from 64 kB a second on.
    const auto bytes = request.file ? request.file->length : body.size();
    guard(settings_.silence_time + std::chrono::milliseconds(bytes / 64));
    auto error = co_await transport_->write(std::span(buffers.data(), count));
    if (!error && request.file) {
        error = co_await transport_->write_file(request.file->file.get(), request.file->offset,
                                                request.file->length);
    }
    unguard();
    // A server that refuses early closes while we write; its answer is still to be read.
    if (error && (too_late_ || cancelled_)) co_return failed(error);
    co_return Result<void>{};
}

asio::awaitable<error_code> ClientConnection::fill(std::chrono::milliseconds within) {
    if (!buffer_) buffer_.reset(new char[kRead]);
    guard(within);
    const auto io = co_await transport_->read_some(asio::buffer(buffer_.get(), kRead));
    unguard();
    in_.append(buffer_.get(), io.bytes);
    heard_ |= io.bytes > 0;
    co_return io.error;
}

asio::awaitable<Result<void>> ClientConnection::read_head(std::chrono::milliseconds within) {
    const bool whole = within.count() > 0;  // else each piece has its time
    if (!whole) within = settings_.silence_time;
    const SteadyTime end = std::chrono::steady_clock::now() + within;
    std::string body;
    for (;;) {
        in_.erase(0, parser_->feed(in_, body));
        if (parser_->broken()) co_return fail(ErrorCode::unavailable, "the answer is not HTTP");
        if (parser_->head_done()) {
            if (parser_->status() / 100 != 1) co_return Result<void>{};
            parser_.emplace(head_request_, settings_.head_bytes);  // interim: the real one follows
            continue;
        }
        if (in_.size() > settings_.head_bytes) {
            co_return fail(ErrorCode::too_large, "the head of the answer is too large");
        }
        if (whole) {
            within = std::chrono::ceil<std::chrono::milliseconds>(
                std::max(end - std::chrono::steady_clock::now(), SteadyTime::duration(0)));
        }
        const auto error = co_await fill(within);
        if (error) co_return failed(error);
    }
}

asio::awaitable<Result<std::optional<std::string>>> ClientConnection::read_some() {
    std::string body;
    for (;;) {
        if (!in_.empty()) in_.erase(0, parser_->feed(in_, body));
        if (parser_->broken()) {
            ended_ = true;
            co_return fail(ErrorCode::unavailable, "the answer is broken");
        }
        if (!body.empty()) co_return std::optional<std::string>(std::move(body));
        if (parser_->done()) {
            buffer_.reset();  // it may be idle for long
            stop_guard();
            co_return std::optional<std::string>();
        }
        const auto error = co_await fill(settings_.silence_time);
        if (!error) continue;
        if (error != asio::error::eof || cancelled_) co_return failed(error);
        ended_ = true;
        parser_->feed_end();
        if (parser_->broken()) {
            co_return fail(ErrorCode::unavailable, "the answer was cut short");
        }
    }
}

}  // namespace headrace::http
