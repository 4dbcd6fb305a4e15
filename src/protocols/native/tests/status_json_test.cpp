#include "protocols/native/status_json.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "catalog/version.hpp"

namespace headrace::protocols::native {
namespace {

access::Principal viewer(const std::string& tenant, bool system = false) {
    access::Principal who;
    who.tenant = TenantId(tenant);
    who.role = system ? access::Role::admin : access::Role::viewer;
    who.system = system;
    return who;
}

StatusView view() {
    auto version = std::make_shared<catalog::Version>();
    version->tenant = TenantId("system");
    version->name = "echo";
    version->semver = *catalog::SemVer::parse("1.0.0");
    StatusView out;
    jobs::QueueView queue;
    queue.version = version;
    queue.queued = 10;
    queue.running = 4;
    queue.oldest_queued_at = 1'000;
    out.queues.push_back(queue);
    out.load = {{TenantId("acme"), "echo", "1.0.0", 2, 1, 3'000},
                {TenantId("globex"), "echo", "1.0.0", 8, 3, 1'000}};
    jobs::WorkerView worker;
    worker.profile.tenant = TenantId("globex");
    worker.profile.name = "gpu-of-globex";
    worker.state = "ready";
    out.workers.push_back(worker);
    return out;
}

std::uint64_t number(const json::value& value) {
    return value.to_number<std::uint64_t>();
}

TEST(Status, ATenantSeesItsOwnPartOfASharedQueue) {
    ServerFacts server;
    server.memory_bytes = 5;
    server.warnings.push_back({"low_disk", "nearly full"});
    const auto text = status_text(view(), server, viewer("acme"), 5'000);
    EXPECT_EQ(text.find("globex"), std::string::npos) << text;
    EXPECT_EQ(text.find("low_disk"), std::string::npos) << text;
    const auto status = parse_json_object(text).value();
    const auto& queue = status.at("queues").at(0);
    EXPECT_EQ(number(queue.at("queued")), 2U);
    EXPECT_EQ(number(queue.at("running")), 1U);
    EXPECT_EQ(number(queue.at("oldest_s")), 2U);
    EXPECT_TRUE(queue.at("p99_ms").is_null());
    EXPECT_EQ(number(status.at("totals").at("queued")), 2U);
    EXPECT_TRUE(status.at("server").at("memory_bytes").is_null());
    ASSERT_EQ(status.at("warnings").as_array().size(), 1U);
    EXPECT_EQ(status.at("warnings").at(0).at("code"), "no_worker");
}

TEST(Status, TheSystemAdminSeesAll) {
    ServerFacts server;
    server.memory_bytes = 5;
    server.warnings.push_back({"low_disk", "nearly full"});
    const auto status =
        parse_json_object(status_text(view(), server, viewer("default", true), 5'000)).value();
    EXPECT_EQ(number(status.at("queues").at(0).at("queued")), 10U);
    EXPECT_EQ(number(status.at("queues").at(0).at("oldest_s")), 4U);
    EXPECT_EQ(status.at("workers").as_array().size(), 1U);
    EXPECT_EQ(number(status.at("server").at("memory_bytes")), 5U);
    EXPECT_EQ(status.at("warnings").as_array().size(), 2U);
}

TEST(Status, AKeyForSomeCapabilitiesSeesThose) {
    auto who = viewer("acme");
    who.capabilities = {"ocr"};
    const auto status = parse_json_object(status_text(view(), {}, who, 5'000)).value();
    EXPECT_TRUE(status.at("queues").as_array().empty());
}

TEST(Series, EveryRowHasTheSameLength) {
    jobs::Sample sample;
    sample.accepted = 1.5;
    sample.run_p50 = 0.25;
    sample.process.memory_bytes = 1 << 20;
    const std::vector samples{jobs::Sample{}, sample};
    const auto rows = parse_json_object(series_text(samples, true, 1'000)).value();
    EXPECT_EQ(number(rows.at("step_s")), 5U);
    EXPECT_EQ(rows.size(), 13U);
    for (const auto& row : rows) {
        if (!row.value().is_array()) continue;
        EXPECT_EQ(row.value().as_array().size(), 2U) << row.key();
    }
    EXPECT_DOUBLE_EQ(rows.at("accepted").at(1).as_double(), 1.5);
    EXPECT_TRUE(rows.at("run_p50_ms").at(0).is_null());
    EXPECT_DOUBLE_EQ(rows.at("run_p50_ms").at(1).as_double(), 0.25);
    EXPECT_EQ(number(rows.at("memory_bytes").at(1)), 1U << 20);
    const auto others = parse_json_object(series_text(samples, false, 1'000)).value();
    EXPECT_TRUE(others.at("memory_bytes").at(1).is_null());
    const auto none = parse_json_object(sample_text({}, true, "{}", 1'000)).value();
    EXPECT_TRUE(none.at("accepted").is_null());
}

}  // namespace
}  // namespace headrace::protocols::native
