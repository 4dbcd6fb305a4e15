#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "link/transport.hpp"

namespace headrace {
class Loop;
}
namespace headrace::wire {
class Frame;
}

namespace headrace::link {

class Replay;

/// What a channel tells its owner, on the channel's loop.
class ChannelReceiver {
  public:
    virtual ~ChannelReceiver() = default;
    /// `frame` lives until the call returns and may be moved from; `bytes` is its serialized form.
    virtual void on_frame(wire::Frame& frame, std::string_view bytes) = 0;
    /// Once, unless the owner closed the channel itself.
    virtual void on_closed(const CloseReason& reason) = 0;
};

/// One link: frames in both directions over a transport. What is sent while a write is under way,
/// or while frames of one read are handled, is gathered into one write; control frames go first.
///
/// Belongs to one loop. Must not be destroyed inside its own callbacks: post that.
class Channel final : private TransportSink {
  public:
    Channel(Loop& loop, std::unique_ptr<Transport> transport);
    ~Channel() override;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Starts reading. May be called again with another receiver, inside a callback too: frames
    /// that follow go there.
    void start(ChannelReceiver& receiver);

    void send(const wire::Frame& frame);
    /// A serialized frame, as it came from elsewhere.
    void send(std::string_view frame, bool urgent);

    /// From now on frames are numbered and kept in `replay` until the other side has acknowledged
    /// them; what it has kept already is sent again first. `replay` must outlive the channel.
    void resume_with(Replay& replay);

    /// Writes what is queued as far as the transport takes it at once, then ends the link.
    /// on_closed() is not called.
    void close(std::string_view reason);
    /// The same, for what the other side sent.
    void refuse(std::string_view reason);
    [[nodiscard]] bool is_open() const { return open_; }
    /// Nothing waits to be written, and no write is under way.
    [[nodiscard]] bool is_idle() const { return queued_ == 0 && !writing_; }
    /// Bytes that wait to be written.
    [[nodiscard]] std::size_t queued() const { return queued_; }

  private:
    void on_frame(std::string_view bytes) override;
    void on_read_end() override;
    void on_written() override;
    void on_closed(CloseReason reason) override;

    void append(std::string_view frame, bool urgent);
    std::string& room_for(std::size_t bytes, bool urgent);
    void flush_soon();
    void flush();
    std::string take_batch();
    std::string take_queued();
    void broken(std::string text);

    Loop& loop_;
    std::unique_ptr<Transport> transport_;
    ChannelReceiver* receiver_ = nullptr;
    Replay* replay_ = nullptr;
    std::string ready_;  // goes first and as it is: what a resumed link sends again
    std::string urgent_;
    std::deque<std::string> bulk_;  // segments, so that a control frame waits behind one at most
    std::size_t queued_ = 0;
    bool started_ = false;
    bool open_ = true;
    bool writing_ = false;
    bool reading_ = false;  // frames of one read are being handled
    bool flush_posted_ = false;
    bool sparse_ = true;              // the last write had one frame
    std::size_t waiting_frames_ = 0;  // of ours, since the last write
    std::chrono::steady_clock::time_point flushed_at_{};
    std::shared_ptr<Channel*> self_;  // null inside once the channel is gone
};

}  // namespace headrace::link
