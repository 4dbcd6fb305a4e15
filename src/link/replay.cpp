#include "link/replay.hpp"

#include "link/frame.pb.h"
#include "link/framing.hpp"

namespace headrace::link {
namespace {

/// Field number and wire type 2, as the first byte of a frame has it.
constexpr char tag_of(int field) {
    return static_cast<char>(field << 3 | 2);
}

}  // namespace

bool is_unnumbered(std::string_view frame) {
    if (frame.empty()) return true;
    const char tag = frame.front();
    return tag == tag_of(wire::Frame::kHelloFieldNumber) ||
           tag == tag_of(wire::Frame::kWelcomeFieldNumber) ||
           tag == tag_of(wire::Frame::kPingFieldNumber);
}

std::string Replay::stamp(std::string_view batch) {
    owed_bytes_ = 0;
    std::string out;
    out.reserve(batch.size() + 64);
    for_each_frame(batch, [this, &out](std::string_view frame) {
        const bool numbered = !is_unnumbered(frame);
        wire::Frame mark;  // appended fields merge into the frame that stands before them
        mark.mutable_delivery()->set_ack(received_);
        if (numbered) mark.mutable_delivery()->set_seq(next_);
        const std::string suffix = mark.SerializeAsString();
        const std::size_t at = out.size();
        out.resize(at + kLengthBytes);
        write_length(out.data() + at, frame.size() + suffix.size());
        out.append(frame).append(suffix);
        if (!numbered) return;
        kept_.push_back({next_++, out.substr(at)});
        kept_bytes_ += kept_.back().frame.size();
    });
    if (kept_bytes_ > most_bytes_) overflowed_ = true;
    while (kept_bytes_ > most_bytes_) {
        kept_bytes_ -= kept_.front().frame.size();
        kept_.pop_front();
    }
    return out;
}

std::string Replay::unacknowledged() const {
    std::string all;
    for (const auto& kept : kept_) all.append(kept.frame);
    return all;
}

Replay::Received Replay::receive(std::uint64_t seq, std::uint64_t ack, std::size_t bytes) {
    acknowledged(ack);
    if (seq == 0) return Received::fresh;
    owed_bytes_ += bytes + 1024;  // many small frames are worth an acknowledgement, too
    if (seq <= received_) return Received::again;
    if (seq != received_ + 1) return Received::gap;
    received_ = seq;
    return Received::fresh;
}

void Replay::acknowledged(std::uint64_t ack) {
    while (!kept_.empty() && kept_.front().seq <= ack) {
        kept_bytes_ -= kept_.front().frame.size();
        kept_.pop_front();
    }
    // What overflowed was dropped from the front: once the rest is acknowledged, nothing is
    // missing.
    if (kept_.empty()) overflowed_ = false;
}

}  // namespace headrace::link
