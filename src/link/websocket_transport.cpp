#include <deque>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include "base/loop.hpp"
#include "base/task_group.hpp"
#include "base/turn_end.hpp"
#include "http/websocket.hpp"
#include "link/framing.hpp"
#include "link/protocol.hpp"
#include "link/transport.hpp"

namespace headrace::link {
namespace {

constexpr std::uint16_t kNormal = 1000;
constexpr std::uint16_t kPolicy = 1008;
constexpr std::size_t kMostReason = 120;  // RFC 6455: a control frame holds 125 bytes

/// Reads and writes on the socket's own loop; tells the sink on the channel's. Shared by both, so
/// that neither has to wait for the other's end. Where both are one loop a frame is handled, and
/// what it leads to is written, within the read: behind a hop it would wait for all other workers
/// whose frames came in the same moment.
class WebSocketLink final : public std::enable_shared_from_this<WebSocketLink> {
  public:
    WebSocketLink(Loop& home, std::unique_ptr<http::WebSocket> socket)
        : home_(home), socket_(std::move(socket)), tasks_(socket_->executor()) {}

    void start(TransportSink& sink) {
        sink_ = &sink;
        asio::post(socket_->executor(), [self = shared_from_this()] {
            self->tasks_.spawn("link read", self->read_all(self));
        });
    }

    void write(std::string batch) {
        asio::dispatch(
            socket_->executor(), [self = shared_from_this(), batch = std::move(batch)]() mutable {
                self->writing_ = true;
                self->tasks_.spawn("link write", self->write_batch(self, std::move(batch)));
            });
    }

    void close(std::string_view reason, bool fault) {
        sink_ = nullptr;
        asio::post(socket_->executor(), [self = shared_from_this(), reason = std::string(reason),
                                         fault]() mutable {
            if (self->closing_) return;  // the first reason counts
            self->closing_ = Closing{fault ? kPolicy : kNormal, reason.substr(0, kMostReason)};
            if (!self->writing_) self->tasks_.spawn("link close", self->shut(self));
        });
    }

  private:
    using Self = std::shared_ptr<WebSocketLink>;
    struct Closing {
        std::uint16_t code;
        std::string reason;
    };

    asio::awaitable<void> read_all(Self self) {
        while (true) {
            auto message = co_await socket_->read();
            if (!message) break;
            if (!message->binary) {
                tell_closed({CloseReason::Kind::refused, "a text message on the worker link"});
                closing_ = Closing{kPolicy, "binary messages only"};
                co_await shut(self);
                co_return;
            }
            deliver(std::move(message->data));
        }
        const auto code = socket_->close_code();
        const std::string why(socket_->close_reason());
        tell_closed({code == kNormal ? CloseReason::Kind::ended : CloseReason::Kind::broken,
                     why.empty() ? "closed with " + std::to_string(code) : why});
    }

    /// Messages that come faster than the channel's loop takes them share one hop.
    void deliver(std::string message) {
        {
            const std::lock_guard lock(mutex_);
            inbox_.push_back(std::move(message));
            if (inbox_.size() > 1) return;
        }
        home_.dispatch([self = shared_from_this()] { self->take(); });
    }

    void take() {
        std::vector<std::string> batch;
        {
            const std::lock_guard lock(mutex_);
            batch.swap(inbox_);
        }
        const TurnEnd turn;
        for (const auto& message : batch) {
            if (sink_ != nullptr) sink_->on_frame(message);
        }
        if (sink_ != nullptr) sink_->on_read_end();
    }

    asio::awaitable<void> write_batch(Self self, std::string batch) {
        std::string_view rest = batch;
        while (rest.size() >= kLengthBytes) {
            const std::size_t length = read_length(rest.data());
            const auto message = rest.substr(kLengthBytes, length);
            auto sent = co_await socket_->write(message, true);
            if (!sent) break;  // the reader tells why
            rest.remove_prefix(kLengthBytes + length);
        }
        writing_ = false;
        if (closing_) co_return co_await shut(self);
        if (!rest.empty()) co_return;
        home_.dispatch([self] {
            if (self->sink_ != nullptr) self->sink_->on_written();
        });
    }

    asio::awaitable<void> shut([[maybe_unused]] Self self) {
        if (std::exchange(shut_, true)) co_return;
        co_await socket_->close(closing_->code, closing_->reason);
        socket_->cancel();
    }

    void tell_closed(CloseReason reason) {
        home_.post([self = shared_from_this(), reason = std::move(reason)]() mutable {
            if (auto* sink = std::exchange(self->sink_, nullptr))
                sink->on_closed(std::move(reason));
        });
    }

    Loop& home_;
    std::unique_ptr<http::WebSocket> socket_;
    TaskGroup tasks_;                 // of the socket's loop
    bool writing_ = false;            // of the socket's loop
    bool shut_ = false;               // of the socket's loop
    std::optional<Closing> closing_;  // of the socket's loop
    TransportSink* sink_ = nullptr;   // of the channel's loop
    std::mutex mutex_;                // guards inbox_ only
    std::vector<std::string> inbox_;
};

class WebSocketTransport final : public Transport {
  public:
    WebSocketTransport(Loop& loop, std::unique_ptr<http::WebSocket> socket)
        : link_(std::make_shared<WebSocketLink>(loop, std::move(socket))) {}
    ~WebSocketTransport() override {
        if (!closed_) link_->close("", false);
    }
    void start(TransportSink& sink) override { link_->start(sink); }
    bool write(std::string batch) override {
        link_->write(std::move(batch));
        return false;
    }
    void close(std::string_view reason, bool fault) override {
        closed_ = true;
        link_->close(reason, fault);
    }

  private:
    std::shared_ptr<WebSocketLink> link_;
    bool closed_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_websocket_transport(Loop& loop,
                                                    std::unique_ptr<http::WebSocket> socket) {
    return std::make_unique<WebSocketTransport>(loop, std::move(socket));
}

}  // namespace headrace::link
