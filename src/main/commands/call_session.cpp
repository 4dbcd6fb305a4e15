#include "main/commands/call_session.hpp"

#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fmt/format.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/task_group.hpp"
#include "http/message.hpp"
#include "http/url.hpp"
#include "http/websocket.hpp"
#include "main/commands/call_flags.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

constexpr std::size_t kFrameBytes = 16 * 1024;

std::uint32_t little_endian(std::string_view text, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value |= static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
    }
    return value;
}

Result<std::string> read_all(const std::string& file) {
    std::stringstream content;
    if (file == "-") {
        content << std::cin.rdbuf();
        return std::move(content).str();
    }
    std::ifstream in(file, std::ios::binary);
    if (!in || !(content << in.rdbuf())) {
        return fail(ErrorCode::invalid_argument, fmt::format("{} cannot be read", file));
    }
    return std::move(content).str();
}

/// One session: a coroutine that feeds while another one prints.
class Session {
  public:
    Session(const SessionCall& call, bool as_json, std::string media)
        : call_(call), as_json_(as_json), media_(std::move(media)), tasks_(io_.get_executor()) {}

    int run(const Api& api) {
        auto url = http::Url::parse(api.websocket_url(
            "/capabilities/" + http::percent_encode(call_.capability) + "/session"));
        if (!url) return report(url.error());
        http::Headers headers;
        if (!api.key().empty())
            headers.add("Authorization", "Bearer " + std::string(api.key().reveal()));
        tls_.ca_file = api.ca_file();
        tasks_.spawn("session", talk(std::move(*url), std::move(headers)));
        io_.run();
        return error_ ? report(*error_) : static_cast<int>(job_failed_ ? kFailed : kOk);
    }

  private:
    asio::awaitable<void> talk(http::Url url, http::Headers headers) {
        http::WebSocketLimits limits;
        limits.max_message_bytes = 64 * 1024 * 1024;
        auto socket = co_await http::connect_websocket(std::move(url), std::move(headers), tls_,
                                                       std::chrono::seconds(10), limits);
        if (!socket) {
            error_ = std::move(socket.error());
            co_return;
        }
        socket_ = std::move(*socket);
        tasks_.spawn("feed", feed());
        while (true) {
            auto message = co_await socket_->read();
            if (!message) break;
            take(*message);
        }
        if (socket_->close_code() != 1000 && !error_ && !job_failed_) {
            const std::string reason(socket_->close_reason());
            error_ = Error{ErrorCode::unavailable,
                           fmt::format("the session was closed with {}{}{}", socket_->close_code(),
                                       reason.empty() ? "" : ": ", reason),
                           {},
                           0};
        }
        socket_->cancel();
    }

    asio::awaitable<void> feed() {
        json::object first;
        first["input"] = call_.parameters;
        first["seq"] = 0;
        const std::string opening = json::serialize(first);
        auto sent = co_await socket_->write(opening, false);
        for (std::size_t at = 0; sent && at < media_.size(); at += kFrameBytes) {
            sent = co_await socket_->write(std::string_view(media_).substr(at, kFrameBytes), true);
        }
        std::string line = call_.text_value;
        std::uint64_t seq = 0;
        while (sent && call_.text != nullptr && (!line.empty() || std::getline(std::cin, line))) {
            json::object values;
            values[call_.text->name] = std::exchange(line, {});
            json::object step;
            step["input"] = std::move(values);
            step["seq"] = ++seq;
            const std::string text = json::serialize(step);
            sent = co_await socket_->write(text, false);
            if (!call_.text_value.empty()) break;
        }
        if (!sent) co_return;
        sent = co_await socket_->write(R"({"last":true})", false);
    }

    void take(const http::WebSocketMessage& message) {
        if (message.binary) {
            if (call_.save_to.empty()) return;
            if (!saved_.is_open()) saved_.open(call_.save_to, std::ios::binary | std::ios::trunc);
            saved_.write(message.data.data(), static_cast<std::streamsize>(message.data.size()));
            return;
        }
        const auto frame = parse_json(message.data, {.max_depth = 512});
        if (!frame) return;
        if (const auto* error = member(*frame, "error")) {
            job_failed_ = true;
            print_error(
                fmt::format("headrace: {}: {}", show(*error, "code"), show(*error, "message")));
        }
        if (as_json_) {
            print(message.data + "\n");
            return;
        }
        const auto* output = member(*frame, "output");
        if (!output || !output->is_object()) return;
        for (const auto& item : output->get_object()) {
            print(fmt::format("{}: {}\n", std::string_view(item.key()), show(&item.value())));
        }
    }

    const SessionCall& call_;
    bool as_json_;
    std::string media_;
    asio::io_context io_{1};
    TaskGroup tasks_;
    http::TlsClientSettings tls_;
    std::unique_ptr<http::WebSocket> socket_;
    std::ofstream saved_;
    std::optional<Error> error_;
    bool job_failed_ = false;
};

}  // namespace

std::string_view wav_samples(std::string_view file) {
    if (file.size() < 12 || !file.starts_with("RIFF") || file.substr(8, 4) != "WAVE") return file;
    std::size_t at = 12;
    while (at + 8 <= file.size()) {
        const std::size_t size = little_endian(file, at + 4);
        if (file.substr(at, 4) == "data") return file.substr(at + 8, size);
        at += 8 + size + size % 2;  // chunks are padded to even sizes
    }
    return file;
}

int run_session(const Api& api, const SessionCall& call, bool as_json) {
    std::string media;
    if (call.media != nullptr && !call.media_file.empty()) {
        auto content = read_all(call.media_file);
        if (!content) return report_misuse(content.error());
        media = call.media->kind == catalog::Kind::audio ? std::string(wav_samples(*content))
                                                         : std::move(*content);
    }
    return Session(call, as_json, std::move(media)).run(api);
}

}  // namespace headrace::main
