// A stream of frames as either side may send it: cut into frames, parsed, held against the rules of
// the link, numbered and taken apart again. The first byte picks the speaker and how the bytes are
// cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "link/frame.pb.h"
#include "link/framing.hpp"
#include "link/protocol.hpp"
#include "link/replay.hpp"

namespace {

using namespace headrace;

void require(bool holds) {
    if (!holds) std::abort();
}

std::vector<std::string> frames_of(std::string_view stream, std::size_t step) {
    std::vector<std::string> frames;
    link::FrameSplitter splitter;
    for (std::size_t at = 0; at < stream.size(); at += step) {
        const bool sound =
            splitter.feed(stream.substr(at, step), [&frames](std::string_view frame) {
                frames.emplace_back(frame);
                return true;
            });
        if (!sound) break;
    }
    return frames;
}

/// Numbered frames, put back together, are the frames that went in.
void check_replay(const std::vector<wire::Frame>& frames) {
    std::string batch;
    for (const auto& frame : frames) {
        const std::string bytes = frame.SerializeAsString();
        std::string head(link::kLengthBytes, '\0');
        link::write_length(head.data(), bytes.size());
        batch += head + bytes;
    }
    link::Replay sender(64 * 1024);
    link::Replay receiver(64 * 1024);
    std::size_t count = 0;
    link::for_each_frame(sender.stamp(batch), [&](std::string_view bytes) {
        wire::Frame frame;
        require(frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
        require(frame.body_case() == frames[count++].body_case());
        const auto got =
            receiver.receive(frame.delivery().seq(), frame.delivery().ack(), bytes.size());
        require(got == link::Replay::Received::fresh);
    });
    require(count == frames.size());
    sender.acknowledged(receiver.received());
    require(sender.is_settled());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto speaker = (data[0] & 1) != 0 ? link::Speaker::worker : link::Speaker::server;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto whole = frames_of(stream, stream.size() + 1);
    require(whole == frames_of(stream, 1 + data[0] / 2));
    link::ProtocolCheck check(speaker);
    std::vector<wire::Frame> sound;
    for (const auto& bytes : whole) {
        wire::Frame frame;
        if (!frame.ParseFromString(bytes)) return 0;
        const bool greeted = check.greeted();
        if (!check.accept(frame)) return 0;
        const bool greeting = frame.has_hello() || frame.has_welcome();
        require(frame.body_case() == wire::Frame::BODY_NOT_SET || greeted != greeting);
        frame.clear_delivery();
        sound.push_back(std::move(frame));
    }
    check_replay(sound);
    return 0;
}
