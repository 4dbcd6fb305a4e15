// What operators see of queues by looking: each tenant's part, and the events that are kept.
#include "jobs/tests/rig.hpp"

namespace headrace::jobs {
namespace {

const TenantLoad* find(const std::vector<TenantLoad>& loads, const std::string& tenant) {
    for (const TenantLoad& load : loads) {
        if (load.tenant.name == tenant) return &load;
    }
    return nullptr;
}

TEST(Load, EachTenantHasItsOwnPart) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId running = rig.submit(rig.durable(echo, "acme"));
    const WallMs first = rig.time.wall();
    rig.submit(rig.durable(echo, "acme"));
    rig.advance(milliseconds(50));
    rig.submit(rig.interactive(echo, "other"));
    auto loads = rig.core->load();
    ASSERT_EQ(loads.size(), 2U);
    EXPECT_EQ(find(loads, "acme")->capability, "echo");
    EXPECT_EQ(find(loads, "acme")->queued, 1U);
    EXPECT_EQ(find(loads, "acme")->running, 1U);
    EXPECT_EQ(find(loads, "acme")->oldest_queued_at, first);
    EXPECT_EQ(find(loads, "other")->queued, 1U);
    EXPECT_EQ(find(loads, "other")->running, 0U);
    rig.fail(*worker, running, true);  // pauses before its next attempt: queued again
    loads = rig.core->load();
    EXPECT_EQ(find(loads, "acme")->queued, 2U);
    EXPECT_EQ(find(loads, "acme")->running, 0U);
}

TEST(Load, EventsOfAJobAreThoseThatAreKept) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    rig.core->log(worker->id, id, worker->grants[0].fence, {"stderr", "hot", 7});
    Scope scope;
    scope.tenant = TenantId("acme");
    ASSERT_EQ(rig.core->events(scope, id).size(), 3U);
    rig.complete(*worker, id);
    rig.settle();
    const auto events = rig.core->events(scope, id);
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(std::get<LogEvent>(events[2]->what).line, "hot");
    scope.tenant = TenantId("other");
    EXPECT_TRUE(rig.core->events(scope, id).empty());
    scope.tenant = TenantId("acme");
    rig.advance(std::chrono::minutes(2));
    EXPECT_TRUE(rig.core->events(scope, id).empty()) << "only the log knows it now";
}

}  // namespace
}  // namespace headrace::jobs
