#include "main/settings.hpp"

#include <gtest/gtest.h>

#include "main/reload.hpp"

namespace headrace::main {
namespace {

config::Config config_of(std::vector<config::Override> overrides = {}) {
    config::Sources sources;
    sources.overrides = std::move(overrides);
    auto config = config::load(config::declared(), sources);
    if (!config) throw std::runtime_error(config.error().message);
    return std::move(*config);
}

TEST(Settings, DefaultsAreThoseOfTheRooms) {
    const auto settings = server_settings(config_of());
    ASSERT_TRUE(settings) << settings.error().message;
    const jobs::Settings jobs;
    EXPECT_EQ(settings->jobs.max_queued_per_capability, jobs.max_queued_per_capability);
    EXPECT_EQ(settings->jobs.max_attempts, jobs.max_attempts);
    EXPECT_EQ(settings->jobs.retry_base, jobs.retry_base);
    EXPECT_EQ(settings->jobs.retry_max, jobs.retry_max);
    EXPECT_EQ(settings->jobs.lease, jobs.lease);
    EXPECT_EQ(settings->jobs.cancel_grace, jobs.cancel_grace);
    EXPECT_EQ(settings->jobs.keep_ended, jobs.keep_ended);
    EXPECT_EQ(settings->jobs.max_ended_bytes, jobs.max_ended_bytes);
    EXPECT_EQ(settings->jobs.max_events_per_job, jobs.max_events_per_job);
    EXPECT_EQ(settings->jobs.max_event_bytes_per_job, jobs.max_event_bytes_per_job);
    EXPECT_EQ(settings->jobs.session_window, jobs.session_window);
    EXPECT_EQ(settings->jobs.resident_input_bytes, jobs.resident_input_bytes);
    EXPECT_EQ(settings->jobs.idempotency_keep, jobs.idempotency_keep);
    const http::DoorLimits limits;
    EXPECT_EQ(settings->client.limits.head_bytes, limits.head_bytes);
    EXPECT_EQ(settings->client.limits.body_bytes, limits.body_bytes);
    EXPECT_EQ(settings->client.limits.idle_time, limits.idle_time);
    EXPECT_EQ(settings->client.limits.connections, limits.connections);
    EXPECT_EQ(settings->native.max_file_bytes, protocols::native::Settings{}.max_file_bytes);
    EXPECT_EQ(settings->native.file_keep_ms, protocols::native::Settings{}.file_keep_ms);
    EXPECT_EQ(settings->job_log.retention.jobs, stores::Retention{}.jobs);
    EXPECT_EQ(settings->job_log.retention.results, stores::Retention{}.results);
    EXPECT_EQ(settings->job_log.retention.usage, stores::Retention{}.usage);
    EXPECT_EQ(settings->job_log.low_water.free_bytes, LowWater{}.free_bytes);
    EXPECT_EQ(settings->engines.stop_grace, engines::Settings{}.stop_grace);
    EXPECT_EQ(settings->client.listen, "127.0.0.1:8600");
    EXPECT_EQ(settings->control.listen, "127.0.0.1:8601");
    EXPECT_EQ(settings->admin_key_file, "headrace-data/admin.key");
}

TEST(Settings, WhatOnlyTheRoomsCanJudgeIsNamedToo) {
    const auto settings =
        server_settings(config_of({{"client.trusted_proxies", "10.0.0.0/8,cats", "--set", {}},
                                   {"control.tls_key", "k.pem", "--set", {}},
                                   {"engines.paths", "", "--engine", {"/no/such"}},
                                   {"engines.cgroup", "/proc", "--set", {}},
                                   {"fetch.allow", "intranet,10.0.0.0/99", "--set", {}}}));
    ASSERT_FALSE(settings);
    std::vector<std::string> sentences;
    for (const auto& problem : settings.error().violations) sentences.push_back(problem.rule);
    EXPECT_EQ(sentences, (std::vector<std::string>{
                             "--set: client.trusted_proxies holds cats, which is no network",
                             "default: control.tls_certificate is missing: a door has both "
                             "certificate and key, or neither",
                             "--set: fetch.allow holds 10.0.0.0/99, which is no network",
                             "--engine: engines.paths holds /no/such, which is no folder",
                             "--set: engines.cgroup is refused: /proc is no cgroup v2"}));
}

TEST(Reload, OnePartThatRefusesKeepsEveryPart) {
    Reload reload({}, config_of());
    int applied = 0;
    bool refuse = true;
    reload.add({.prepare = {}, .apply = [&](const config::Config&) { ++applied; }});
    reload.add({.prepare = [&](const config::Config&) -> Result<void> {
                    if (refuse)
                        return fail(ErrorCode::invalid_argument, "client.tls_key: unreadable");
                    return {};
                },
                .apply = [&](const config::Config&) { ++applied; }});
    const auto refused = reload.run();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "client.tls_key: unreadable");
    EXPECT_EQ(applied, 0);
    refuse = false;
    EXPECT_TRUE(reload.run());
    EXPECT_EQ(applied, 2);
}

TEST(Reload, AWrongFileChangesNothing) {
    config::Sources sources;
    sources.file = testing::TempDir() + "gone.toml";
    Reload reload(sources, config_of());
    int applied = 0;
    reload.add({.prepare = {}, .apply = [&](const config::Config&) { ++applied; }});
    EXPECT_FALSE(reload.run());
    EXPECT_EQ(applied, 0);
}

}  // namespace
}  // namespace headrace::main
