#include "engines/host/frame_reader.hpp"

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>

#include "link/frame.pb.h"
#include "link/framing.hpp"

namespace headrace::engines::host {
namespace {

constexpr std::size_t kBuffer = 2 * link::kMaxFrame;
constexpr std::size_t kArenaBlock = 64 * 1024;

google::protobuf::ArenaOptions options_for(std::vector<char>& block) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block.data();
    options.initial_block_size = block.size();
    return options;
}

}  // namespace

FrameReader::FrameReader(int socket)
    : socket_(socket), buffer_(kBuffer), block_(kArenaBlock), arena_(options_for(block_)) {}

Result<wire::Frame*> FrameReader::next() {
    while (true) {
        const std::size_t there = end_ - begin_;
        if (there >= link::kLengthBytes) {
            const std::size_t length = link::read_length(buffer_.data() + begin_);
            if (length > link::kMaxFrame)
                return fail(ErrorCode::invalid_argument, "a frame passes 1 MiB");
            if (there - link::kLengthBytes >= length) {
                arena_.Reset();
                auto* frame = google::protobuf::Arena::CreateMessage<wire::Frame>(&arena_);
                const char* bytes = buffer_.data() + begin_ + link::kLengthBytes;
                begin_ += link::kLengthBytes + length;
                if (!frame->ParseFromArray(bytes, static_cast<int>(length))) {
                    return fail(ErrorCode::invalid_argument, "not a frame");
                }
                return frame;
            }
        }
        if (!fill()) return nullptr;
    }
}

bool FrameReader::has_frame() const {
    const std::size_t there = end_ - begin_;
    return there >= link::kLengthBytes &&
           there - link::kLengthBytes >= link::read_length(buffer_.data() + begin_);
}

bool FrameReader::fill() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (buffer_.size() - end_ < link::kLengthBytes + link::kMaxFrame && begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    while (true) {
        // Not asleep inside recv(): the parent's reading of what we have sent would wake us there,
        // for room that nobody waits for.
        pollfd readable{socket_, POLLIN, 0};
        (void)::poll(&readable, 1, -1);  // whatever wakes it, recv() tells what there is
        const ssize_t got = ::recv(socket_, buffer_.data() + end_, buffer_.size() - end_, 0);
        if (got > 0) {
            end_ += static_cast<std::size_t>(got);
            return true;
        }
        if (got == 0 || errno != EINTR) return false;
    }
}

}  // namespace headrace::engines::host
