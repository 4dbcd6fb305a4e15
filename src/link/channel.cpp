#include "link/channel.hpp"

#include <vector>

#include <google/protobuf/arena.h>
#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "link/frame.pb.h"
#include "link/framing.hpp"
#include "link/protocol.hpp"
#include "link/replay.hpp"

namespace headrace::link {
namespace {

constexpr std::size_t kSegment = 64 * 1024;
constexpr std::size_t kArenaBlock = 32 * 1024;
constexpr std::chrono::microseconds kCloseTogether{100};

/// The first block of every frame's arena: frames are handled one at a time on a thread.
std::vector<char>& arena_block() {
    thread_local std::vector<char> block(kArenaBlock);
    return block;
}

google::protobuf::ArenaOptions arena_options() {
    google::protobuf::ArenaOptions options;
    options.initial_block = arena_block().data();
    options.initial_block_size = arena_block().size();
    return options;
}

}  // namespace

Channel::Channel(Loop& loop, std::unique_ptr<Transport> transport)
    : loop_(loop), transport_(std::move(transport)), self_(std::make_shared<Channel*>(this)) {}

Channel::~Channel() {
    *self_ = nullptr;
    if (open_) transport_->close("", false);
}

void Channel::start(ChannelReceiver& receiver) {
    receiver_ = &receiver;
    if (!std::exchange(started_, true)) transport_->start(*this);
}

void Channel::send(const wire::Frame& frame) {
    if (!open_) return;
    const std::size_t size = frame.ByteSizeLong();
    if (size > kMaxFrame) {
        // Our own doing: a frame is built within the bounds, so this is a broken invariant.
        log::error("a frame is too large to be sent kind={} bytes={}", kind_of(frame), size);
        return;
    }
    std::string& out = room_for(size, is_urgent(frame));
    const std::size_t at = out.size();
    out.resize(at + kLengthBytes + size);
    write_length(out.data() + at, size);
    frame.SerializeWithCachedSizesToArray(
        reinterpret_cast<std::uint8_t*>(out.data() + at + kLengthBytes));
    queued_ += kLengthBytes + size;
    flush_soon();
}

void Channel::send(std::string_view frame, bool urgent) {
    if (!open_) return;
    append(frame, urgent);
    flush_soon();
}

void Channel::append(std::string_view frame, bool urgent) {
    std::string& out = room_for(frame.size(), urgent);
    const std::size_t at = out.size();
    out.resize(at + kLengthBytes);
    write_length(out.data() + at, frame.size());
    out.append(frame);
    queued_ += kLengthBytes + frame.size();
}

std::string& Channel::room_for(std::size_t bytes, bool urgent) {
    if (urgent) return urgent_;
    if (bulk_.empty() || bulk_.back().size() + bytes > kSegment) bulk_.emplace_back();
    return bulk_.back();
}

void Channel::resume_with(Replay& replay) {
    // The greeting, and then what the other side has missed, goes as it is and before anything new.
    while (!urgent_.empty() || !bulk_.empty()) ready_ += take_queued();
    replay_ = &replay;
    ready_ += replay.unacknowledged();
    queued_ = ready_.size();
    if (queued_ > 0) flush_soon();
}

void Channel::flush_soon() {
    ++waiting_frames_;
    if (writing_ || reading_ || flush_posted_) return;
    // Where frames come one at a time nothing follows that could share the write, and the post
    // would cost a turn of the loop.
    if (sparse_ && started_ && std::chrono::steady_clock::now() - flushed_at_ > kCloseTogether) {
        return flush();
    }
    flush_posted_ = true;
    asio::post(loop_.io(), [self = self_] {
        if (*self == nullptr) return;
        (*self)->flush_posted_ = false;
        (*self)->flush();
    });
}

void Channel::flush() {
    if (waiting_frames_ > 0) {
        sparse_ = waiting_frames_ == 1;
        waiting_frames_ = 0;
        flushed_at_ = std::chrono::steady_clock::now();
    }
    while (open_ && started_ && !writing_ && queued_ > 0) {
        writing_ = true;
        if (!transport_->write(take_batch())) return;
        writing_ = false;
    }
}

std::string Channel::take_batch() {
    if (!ready_.empty()) {
        queued_ -= ready_.size();
        return std::exchange(ready_, {});
    }
    std::string batch = take_queued();
    return replay_ != nullptr ? replay_->stamp(batch) : batch;
}

std::string Channel::take_queued() {
    std::string batch;
    batch.swap(urgent_);
    if (!bulk_.empty()) {
        if (batch.empty())
            batch = std::move(bulk_.front());
        else
            batch.append(bulk_.front());
        bulk_.pop_front();
    }
    queued_ -= batch.size();
    return batch;
}

void Channel::close(std::string_view reason) {
    if (!open_) return;
    flush();
    open_ = false;
    transport_->close(reason, false);
}

void Channel::refuse(std::string_view reason) {
    if (!open_) return;
    flush();
    open_ = false;
    transport_->close(reason, true);
}

void Channel::on_frame(std::string_view bytes) {
    if (!open_) return;
    reading_ = true;
    google::protobuf::Arena arena(arena_options());
    auto* frame = google::protobuf::Arena::CreateMessage<wire::Frame>(&arena);
    if (bytes.size() > kMaxFrame ||
        !frame->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return broken("not a frame");
    }
    if (replay_ != nullptr && frame->has_delivery()) {
        const auto got =
            replay_->receive(frame->delivery().seq(), frame->delivery().ack(), bytes.size());
        if (got == Replay::Received::gap) return broken("frames are missing");
        if (got == Replay::Received::again) return;
    }
    receiver_->on_frame(*frame, bytes);
}

void Channel::on_read_end() {
    reading_ = false;
    if (open_ && replay_ != nullptr && queued_ == 0 && replay_->owes_ack()) append("", true);
    flush();
}

void Channel::on_written() {
    writing_ = false;
    flush();
}

void Channel::on_closed(CloseReason reason) {
    if (!open_) return;
    open_ = false;
    receiver_->on_closed(reason);
}

void Channel::broken(std::string text) {
    if (!open_) return;
    open_ = false;
    transport_->close(text, true);
    receiver_->on_closed({CloseReason::Kind::refused, std::move(text)});
}

}  // namespace headrace::link
