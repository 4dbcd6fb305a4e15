#include "link/channel.hpp"

#include <array>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/loop.hpp"
#include "link/frame.pb.h"
#include "link/framing.hpp"
#include "link/replay.hpp"

namespace headrace::link {
namespace {

class Recorder final : public ChannelReceiver {
  public:
    void on_frame(wire::Frame& frame, std::string_view) override {
        frames.push_back(frame);
        if (then) then();
    }
    void on_closed(const CloseReason& reason) override {
        closed = reason;
        if (then) then();
    }
    std::vector<wire::Frame> frames;
    std::optional<CloseReason> closed;
    std::function<void()> then;
};

class ChannelTest : public ::testing::Test {
  protected:
    ChannelTest() {
        int pair[2] = {};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        near = std::make_unique<Channel>(loop, make_unix_transport(loop, UniqueFd(pair[0])));
        far_fd = UniqueFd(pair[1]);
    }
    void open_far() {
        far = std::make_unique<Channel>(loop, make_unix_transport(loop, std::move(far_fd)));
        far->start(at_far);
    }
    /// Runs the loop until the condition holds; every turn is caused by an event.
    void run_until(const std::function<bool()>& done) {
        for (int i = 0; i < 10'000 && !done(); ++i) loop.io().run_one_for(std::chrono::seconds(5));
        ASSERT_TRUE(done());
    }
    static wire::Frame cancel() {
        wire::Frame frame;
        frame.mutable_cancel()->set_reason("cancelled");
        return frame;
    }
    static wire::Frame chunk(std::size_t bytes) {
        wire::Frame frame;
        frame.mutable_input()->mutable_chunk()->set_data(std::string(bytes, 'c'));
        return frame;
    }

    Loop loop{"test"};
    UniqueFd far_fd;
    std::unique_ptr<Channel> near;
    std::unique_ptr<Channel> far;
    Recorder at_near;
    Recorder at_far;
};

TEST_F(ChannelTest, CarriesFramesBothWays) {
    near->start(at_near);
    open_far();
    near->send(cancel());
    far->send(chunk(10));
    run_until([&] { return at_near.frames.size() == 1 && at_far.frames.size() == 1; });
    EXPECT_EQ(at_far.frames[0].cancel().reason(), "cancelled");
    EXPECT_EQ(at_near.frames[0].input().chunk().data().size(), 10U);
}

TEST_F(ChannelTest, AFrameThatComesAloneLeavesAtOnce) {
    near->start(at_near);
    near->send(cancel());  // no turn of the loop between this and the look into the socket
    std::array<char, 256> bytes;
    const auto got = ::recv(far_fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    ASSERT_GT(got, static_cast<ssize_t>(kLengthBytes));
    EXPECT_EQ(read_length(bytes.data()) + kLengthBytes, static_cast<std::size_t>(got));
    EXPECT_TRUE(near->is_idle());
}

TEST_F(ChannelTest, WhatIsSentWhileFramesAreReadGoesTogetherAfterwards) {
    near->start(at_near);
    open_far();
    bool kept = false;
    at_near.then = [&] {
        at_near.then = nullptr;
        for (int i = 0; i < 3; ++i) near->send(cancel());
        kept = !near->is_idle();
    };
    far->send(cancel());
    run_until([&] { return at_far.frames.size() == 3; });
    EXPECT_TRUE(kept);
}

TEST_F(ChannelTest, ControlGoesAheadOfQueuedBulkAndAllOfItArrives) {
    near->start(at_near);
    // Far more than the socket holds, so that the first write stays in flight.
    for (int i = 0; i < 100; ++i) near->send(chunk(kMaxChunk));
    run_until([&] { return near->queued() > 0 && near->queued() < 100 * kMaxChunk; });
    near->send(cancel());
    open_far();
    run_until([&] { return at_far.frames.size() == 101; });
    std::size_t place = 0;
    while (!at_far.frames[place].has_cancel()) ++place;
    EXPECT_LT(place, 50U);
}

TEST_F(ChannelTest, TellsOnceThatTheOtherSideIsGone) {
    near->start(at_near);
    far_fd.reset();
    run_until([&] { return at_near.closed.has_value(); });
    EXPECT_EQ(at_near.closed->kind, CloseReason::Kind::ended);
    EXPECT_FALSE(near->is_open());
    near->send(cancel());  // goes nowhere, harms nobody
}

TEST_F(ChannelTest, WhatCameBeforeTheEndIsDelivered) {
    std::string bytes = cancel().SerializeAsString();
    std::string head(kLengthBytes, '\0');
    write_length(head.data(), bytes.size());
    bytes = head + bytes;
    ASSERT_EQ(::send(far_fd.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    far_fd.reset();
    near->start(at_near);
    run_until([&] { return at_near.closed.has_value(); });
    EXPECT_EQ(at_near.frames.size(), 1U);
}

TEST_F(ChannelTest, ClosesOnGarbageAndOnAHugeFrame) {
    near->start(at_near);
    const std::string garbage("\x03\x00\x00\x00\xff\xff\xff", 7);
    ASSERT_EQ(::send(far_fd.get(), garbage.data(), garbage.size(), 0), 7);
    run_until([&] { return at_near.closed.has_value(); });
    EXPECT_EQ(at_near.closed->kind, CloseReason::Kind::refused);

    int pair[2] = {};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    UniqueFd other(pair[1]);
    Recorder second;
    Channel huge(loop, make_unix_transport(loop, UniqueFd(pair[0])));
    huge.start(second);
    ASSERT_EQ(::send(other.get(), "\xff\xff\xff\x7f", 4, 0), 4);
    run_until([&] { return second.closed.has_value(); });
    EXPECT_EQ(second.closed->kind, CloseReason::Kind::refused);
}

TEST_F(ChannelTest, MayBeDestroyedWhileAFlushIsPosted) {
    near->start(at_near);
    near->send(cancel());
    near.reset();
    loop.io().poll();
}

TEST_F(ChannelTest, CloseWritesWhatIsQueued) {
    near->start(at_near);
    wire::Frame refusal;
    refusal.mutable_welcome()->set_error("no");
    near->send(refusal);
    near->close("no");
    open_far();
    run_until([&] { return at_far.closed.has_value(); });
    ASSERT_EQ(at_far.frames.size(), 1U);
    EXPECT_EQ(at_far.frames[0].welcome().error(), "no");
}

TEST_F(ChannelTest, AResumedLinkSendsAgainWhatWasLost) {
    Replay near_replay(1 << 20);
    near->start(at_near);
    near->resume_with(near_replay);
    near->send(chunk(10));
    run_until([&] { return near->queued() == 0; });
    near.reset();  // the frame lies in the socket, unread: lost with the connection
    far_fd.reset();

    int pair[2] = {};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    near = std::make_unique<Channel>(loop, make_unix_transport(loop, UniqueFd(pair[0])));
    far_fd = UniqueFd(pair[1]);
    open_far();
    Replay far_replay(1 << 20);
    wire::Frame welcome;
    welcome.mutable_welcome()->set_protocol(1);
    near->start(at_near);
    near->send(welcome);
    near->resume_with(near_replay);
    near->send(cancel());
    run_until([&] { return at_far.frames.size() == 3; });
    EXPECT_TRUE(at_far.frames[0].has_welcome());
    EXPECT_EQ(at_far.frames[1].delivery().seq(), 1U);
    EXPECT_TRUE(at_far.frames[1].has_input());
    EXPECT_EQ(at_far.frames[2].delivery().seq(), 2U);
}

}  // namespace
}  // namespace headrace::link
