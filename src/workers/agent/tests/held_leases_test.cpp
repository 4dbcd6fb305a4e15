#include "workers/agent/held_leases.hpp"

#include <gtest/gtest.h>

#include "link/frame.pb.h"
#include "link/protocol.hpp"

namespace headrace::workers::agent {
namespace {

wire::JobRef ref(char job) {
    wire::JobRef made;
    made.set_job(std::string(16, job));
    made.set_counter(static_cast<std::uint64_t>(job));
    return made;
}

wire::Frame lease(char job) {
    wire::Frame frame;
    *frame.mutable_lease()->add_batches()->add_jobs()->mutable_ref() = ref(job);
    return frame;
}

wire::Frame result(char job) {
    wire::Frame frame;
    *frame.mutable_result()->add_results()->mutable_ref() = ref(job);
    return frame;
}

int named(const HeldLeases& held) {
    wire::Hello hello;
    held.write(hello);
    return hello.held_size();
}

TEST(HeldLeases, AResultStaysNamedUntilItIsAcknowledged) {
    HeldLeases held;
    held.from_server(lease('a'));
    held.from_server(lease('b'));
    EXPECT_EQ(held.size(), 2U);
    held.from_host(result('a'));
    EXPECT_EQ(held.size(), 1U);
    EXPECT_EQ(named(held), 2);
    held.settled();
    EXPECT_EQ(named(held), 1);
}

TEST(HeldLeases, FailuresRefusalsAndDropsEndThem) {
    HeldLeases held;
    for (const char job : {'a', 'b', 'c'}) held.from_server(lease(job));
    wire::Frame failure;
    *failure.mutable_failure()->add_failures()->mutable_ref() = ref('a');
    held.from_host(failure);
    wire::Frame refused;
    *refused.mutable_refused()->mutable_ref() = ref('b');
    held.from_server(refused);
    held.drop(ref('c'));
    EXPECT_EQ(held.size(), 0U);
    EXPECT_EQ(named(held), 1);  // the failure may have to be sent again
}

TEST(HeldLeases, ItsSizeInAHelloIsBounded) {
    HeldLeases held;
    wire::Frame many;
    for (std::uint64_t i = 0; i < 2 * link::kMaxHeld; ++i) {
        auto* one = many.mutable_lease()->mutable_batches()->Add()->add_jobs()->mutable_ref();
        one->set_job(std::string(16, 'x'));
        one->set_counter(i);
    }
    held.from_server(many);
    EXPECT_EQ(named(held), static_cast<int>(link::kMaxHeld));
}

}  // namespace
}  // namespace headrace::workers::agent
