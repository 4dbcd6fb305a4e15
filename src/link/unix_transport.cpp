#include <cerrno>
#include <cstring>
#include <vector>

#include <sys/socket.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "base/loop.hpp"
#include "base/turn_end.hpp"
#include "link/framing.hpp"
#include "link/protocol.hpp"
#include "link/transport.hpp"

namespace headrace::link {
namespace {

using Socket = asio::local::stream_protocol::socket;

constexpr std::size_t kScratch = 256 * 1024;
constexpr int kReadsPerTurn = 4;  // then other links get their turn

/// Where all links of one thread read into, so that an idle link holds no buffer. Only a frame that
/// has not come whole is copied out of it.
std::vector<char>& scratch() {
    thread_local std::vector<char> buffer(kScratch);
    return buffer;
}

/// Pending operations share it, so that it outlives the transport that is destroyed while they
/// wait.
class UnixLink final : public std::enable_shared_from_this<UnixLink> {
  public:
    UnixLink(Loop& loop, UniqueFd fd) : socket_(loop.io()) {
        socket_.assign(asio::local::stream_protocol(), fd.release());
        socket_.non_blocking(true);
    }

    void start(TransportSink& sink) {
        sink_ = &sink;
        wait_readable();
    }

    bool write(std::string batch) {
        out_ = std::move(batch);
        written_ = 0;
        if (!try_write()) return false;
        out_.clear();
        return true;
    }

    void close() {
        sink_ = nullptr;
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

  private:
    void wait_readable() {
        socket_.async_wait(Socket::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& error) {
                               if (!error)
                                   self->read();
                               else
                                   self->end(CloseReason::Kind::broken, error.message());
                           });
    }

    void read() {
        auto& buffer = scratch();
        for (int turn = 0; turn < kReadsPerTurn; ++turn) {
            if (sink_ == nullptr) return;
            const ssize_t got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
            if (got == 0) return end(CloseReason::Kind::ended, "closed by the other side");
            if (got < 0) {
                if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) break;
                if (errno == ECONNRESET)
                    return end(CloseReason::Kind::ended, "closed by the other side");
                return end(CloseReason::Kind::broken, std::strerror(errno));
            }
            if (!take(std::string_view(buffer.data(), static_cast<std::size_t>(got)))) return;
            if (static_cast<std::size_t>(got) < buffer.size()) break;
        }
        if (sink_ != nullptr) wait_readable();
    }

    /// False when the link has ended meanwhile.
    bool take(std::string_view bytes) {
        const auto guard = shared_from_this();
        const TurnEnd turn;
        const bool sound = splitter_.feed(bytes, [this](std::string_view frame) {
            if (sink_ != nullptr) sink_->on_frame(frame);
            return sink_ != nullptr;
        });
        if (sink_ == nullptr) return false;
        if (!sound) {
            end(CloseReason::Kind::refused, "a frame passes 1 MiB");
            return false;
        }
        sink_->on_read_end();
        return sink_ != nullptr;
    }

    /// True when all of out_ is with the kernel.
    bool try_write() {
        while (written_ < out_.size()) {
            const ssize_t sent = ::send(socket_.native_handle(), out_.data() + written_,
                                        out_.size() - written_, MSG_NOSIGNAL);
            if (sent >= 0) {
                written_ += static_cast<std::size_t>(sent);
            } else if (errno != EINTR) {
                // A broken link shows itself to the reader, which still has frames to take.
                if (errno == EAGAIN || errno == EWOULDBLOCK) wait_writable();
                return false;
            }
        }
        return true;
    }

    void wait_writable() {
        socket_.async_wait(Socket::wait_write,
                           [self = shared_from_this()](const boost::system::error_code& error) {
                               if (error || self->sink_ == nullptr || !self->try_write()) return;
                               self->out_.clear();
                               self->sink_->on_written();
                           });
    }

    void end(CloseReason::Kind kind, std::string text) {
        boost::system::error_code ignored;
        socket_.close(ignored);
        if (auto* sink = std::exchange(sink_, nullptr)) sink->on_closed({kind, std::move(text)});
    }

    Socket socket_;
    TransportSink* sink_ = nullptr;
    FrameSplitter splitter_;
    std::string out_;
    std::size_t written_ = 0;
};

class UnixTransport final : public Transport {
  public:
    UnixTransport(Loop& loop, UniqueFd socket)
        : link_(std::make_shared<UnixLink>(loop, std::move(socket))) {}
    ~UnixTransport() override { link_->close(); }
    void start(TransportSink& sink) override { link_->start(sink); }
    bool write(std::string batch) override { return link_->write(std::move(batch)); }
    void close(std::string_view, bool) override { link_->close(); }

  private:
    std::shared_ptr<UnixLink> link_;
};

}  // namespace

std::unique_ptr<Transport> make_unix_transport(Loop& loop, UniqueFd socket) {
    return std::make_unique<UnixTransport>(loop, std::move(socket));
}

}  // namespace headrace::link
