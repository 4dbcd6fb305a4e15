#include "link/protocol.hpp"

#include <string>

#include <gtest/gtest.h>

#include "link/frame.pb.h"

namespace headrace::link {
namespace {

wire::Frame hello() {
    wire::Frame frame;
    auto* offer = frame.mutable_hello()->add_offers();
    frame.mutable_hello()->set_protocol(kProtocol);
    offer->set_capability("echo");
    offer->set_version("1.0.0");
    return frame;
}

wire::Frame result_for(std::string job) {
    wire::Frame frame;
    frame.mutable_result()->add_results()->mutable_ref()->set_job(std::move(job));
    return frame;
}

const std::string kId(16, 'i');

TEST(ProtocolCheck, AWorkerGreetsFirstAndOnce) {
    ProtocolCheck check(Speaker::worker);
    EXPECT_FALSE(ProtocolCheck(Speaker::worker).accept(result_for(kId)));
    EXPECT_TRUE(check.accept(hello()));
    EXPECT_TRUE(check.accept(result_for(kId)));
    EXPECT_FALSE(check.accept(hello()));
}

TEST(ProtocolCheck, RefusesAnotherProtocolAndEmptyOffers) {
    auto other = hello();
    other.mutable_hello()->set_protocol(2);
    EXPECT_FALSE(ProtocolCheck(Speaker::worker).accept(other));
    auto nothing = hello();
    nothing.mutable_hello()->clear_offers();
    EXPECT_FALSE(ProtocolCheck(Speaker::worker).accept(nothing));
    auto nameless = hello();
    nameless.mutable_hello()->mutable_offers(0)->clear_version();
    EXPECT_FALSE(ProtocolCheck(Speaker::worker).accept(nameless));
}

TEST(ProtocolCheck, EachSideSendsItsOwnKinds) {
    ProtocolCheck worker(Speaker::worker);
    ASSERT_TRUE(worker.accept(hello()));
    wire::Frame lease;
    lease.mutable_lease();
    EXPECT_FALSE(worker.accept(lease));
    wire::Frame start;
    start.mutable_start();
    EXPECT_FALSE(worker.accept(start));

    ProtocolCheck server(Speaker::server);
    wire::Frame welcome;
    welcome.mutable_welcome();
    EXPECT_FALSE(server.accept(lease));
    ProtocolCheck fresh(Speaker::server);
    ASSERT_TRUE(fresh.accept(welcome));
    EXPECT_TRUE(fresh.accept(lease));
    EXPECT_FALSE(fresh.accept(result_for(kId)));
    EXPECT_FALSE(fresh.accept(welcome));
}

TEST(ProtocolCheck, HoldsTheBounds) {
    ProtocolCheck check(Speaker::worker);
    ASSERT_TRUE(check.accept(hello()));
    EXPECT_FALSE(check.accept(result_for("short")));

    wire::Frame chunk;
    chunk.mutable_output()->mutable_ref()->set_job(kId);
    EXPECT_FALSE(check.accept(chunk));  // neither chunk nor step
    chunk.mutable_output()->mutable_chunk()->set_data(std::string(kMaxChunk, 'x'));
    EXPECT_TRUE(check.accept(chunk));
    chunk.mutable_output()->mutable_chunk()->mutable_data()->push_back('x');
    EXPECT_FALSE(check.accept(chunk));

    wire::Frame many;
    for (std::size_t i = 0; i <= kMaxJobsPerFrame; ++i) {
        many.mutable_failure()->add_failures()->mutable_ref()->set_job(kId);
    }
    EXPECT_FALSE(check.accept(many));
    many.mutable_failure()->mutable_failures()->RemoveLast();
    EXPECT_TRUE(check.accept(many));
}

TEST(ProtocolCheck, ToleratesWhatItDoesNotKnow) {
    // A body of a later minor version: field 999, length-delimited, empty.
    const std::string unknown("\xba\x3e\x00", 3);
    wire::Frame frame;
    ASSERT_TRUE(frame.ParseFromString(unknown));
    EXPECT_TRUE(ProtocolCheck(Speaker::worker).accept(frame));
}

TEST(Urgency, ControlOvertakesBulkButALeaseKeepsItsPlaceBeforeItsCancel) {
    wire::Frame frame;
    frame.mutable_cancel();
    EXPECT_TRUE(is_urgent(frame));
    frame.mutable_lease();
    EXPECT_TRUE(is_urgent(frame));
    frame.mutable_window();
    EXPECT_TRUE(is_urgent(frame));
    frame.mutable_output();
    EXPECT_FALSE(is_urgent(frame));
    frame.mutable_result();  // must not overtake its own output
    EXPECT_FALSE(is_urgent(frame));
}

}  // namespace
}  // namespace headrace::link
