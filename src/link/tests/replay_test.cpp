#include "link/replay.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "link/frame.pb.h"
#include "link/framing.hpp"

namespace headrace::link {
namespace {

std::string batch_of(const std::vector<wire::Frame>& frames) {
    std::string out;
    for (const auto& frame : frames) {
        const std::string bytes = frame.SerializeAsString();
        std::string head(kLengthBytes, '\0');
        write_length(head.data(), bytes.size());
        out += head + bytes;
    }
    return out;
}

std::vector<wire::Frame> frames_of(const std::string& batch) {
    std::vector<wire::Frame> out;
    for_each_frame(batch, [&](std::string_view bytes) {
        EXPECT_TRUE(
            out.emplace_back().ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    });
    return out;
}

wire::Frame log_line(std::string text) {
    wire::Frame frame;
    frame.mutable_log()->set_line(std::move(text));
    return frame;
}

wire::Frame ping() {
    wire::Frame frame;
    frame.mutable_ping()->set_nonce(7);
    return frame;
}

TEST(Replay, NumbersFramesAndLeavesPingsAlone) {
    Replay replay(1 << 20);
    const auto out = frames_of(replay.stamp(batch_of({log_line("a"), ping(), log_line("b")})));
    ASSERT_EQ(out.size(), 3U);
    EXPECT_EQ(out[0].log().line(), "a");
    EXPECT_EQ(out[0].delivery().seq(), 1U);
    EXPECT_EQ(out[1].ping().nonce(), 7U);
    EXPECT_EQ(out[1].delivery().seq(), 0U);
    EXPECT_EQ(out[2].delivery().seq(), 2U);
}

TEST(Replay, SendsAgainOnlyWhatWasNotAcknowledged) {
    Replay sender(1 << 20);
    Replay receiver(1 << 20);
    for (const auto& frame : frames_of(sender.stamp(batch_of({log_line("a"), log_line("b")})))) {
        EXPECT_EQ(receiver.receive(frame.delivery().seq(), 0, 10), Replay::Received::fresh);
    }
    sender.stamp(batch_of({log_line("lost")}));
    sender.acknowledged(1);
    std::vector<std::string> lines;
    for (const auto& frame : frames_of(sender.unacknowledged())) {
        if (receiver.receive(frame.delivery().seq(), 0, 10) == Replay::Received::fresh) {
            lines.push_back(frame.log().line());
        }
    }
    EXPECT_EQ(lines, std::vector<std::string>{"lost"});
    EXPECT_EQ(receiver.received(), 3U);
}

TEST(Replay, NoticesAGap) {
    Replay replay(1 << 20);
    EXPECT_EQ(replay.receive(2, 0, 1), Replay::Received::gap);
}

TEST(Replay, TellsWhenItCannotBeResumedAnyMore) {
    Replay replay(100);
    replay.stamp(batch_of({log_line(std::string(80, 'x'))}));
    EXPECT_FALSE(replay.overflowed());
    replay.stamp(batch_of({log_line(std::string(80, 'x'))}));
    EXPECT_TRUE(replay.overflowed());
    replay.acknowledged(2);
    EXPECT_FALSE(replay.overflowed());
}

TEST(Replay, OwesAnAcknowledgementAfterMuchHasCome) {
    Replay replay(1 << 20);
    replay.receive(1, 0, 64 * 1024);
    EXPECT_FALSE(replay.owes_ack());
    replay.receive(2, 0, 64 * 1024);
    EXPECT_TRUE(replay.owes_ack());
    replay.stamp(batch_of({log_line("x")}));
    EXPECT_FALSE(replay.owes_ack());
}

}  // namespace
}  // namespace headrace::link
