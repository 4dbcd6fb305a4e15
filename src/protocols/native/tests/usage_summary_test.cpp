#include "protocols/native/usage_summary.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace headrace::protocols::native {
namespace {

jobs::UsageRecord record(const char* caller, const char* capability, WallMs finished, double prompt,
                         double completion, jobs::JobState state = jobs::JobState::succeeded) {
    jobs::UsageRecord made;
    made.caller = caller;
    made.capability = capability;
    made.state = state;
    made.attempts = 1;
    made.run_ms = 1500;
    made.finished_at = finished;
    made.usage.meters = {{"prompt_tokens", prompt}, {"completion_tokens", completion}};
    made.usage.engine_us = 250'000;
    return made;
}

constexpr WallMs kDay = 86'400'000;
constexpr WallMs kMonday = 1'790'035'200'000;

TEST(UsageBy, TakesEachNameOnce) {
    const auto all = usage_by("day,key,model,app,hour");
    ASSERT_TRUE(all);
    EXPECT_EQ(all->front(), UsageBy::day);
    EXPECT_EQ(all->size(), 5U);
    for (const char* bad : {"days", "key,key", "key,,app", "key app"}) {
        EXPECT_FALSE(usage_by(bad)) << bad;
    }
    EXPECT_TRUE(usage_by("")->empty());
}

TEST(UsageSummary, AddsUpByGroup) {
    UsageSummary summary(*usage_by("model,day"));
    summary.add(record("k1", "chat", kMonday, 10, 5), {"one", "shop", "m1"});
    summary.add(record("k2", "chat", kMonday + kDay - 1, 1, 2), {"two", "", "m1"});
    summary.add(record("k1", "chat", kMonday + kDay, 7, 7, jobs::JobState::failed),
                {"one", "shop", "m1"});
    summary.add(record("k1", "ocr", kMonday, 0, 0), {"one", "shop", "ocr"});
    const auto json = json::parse(summary.json()).as_object();
    EXPECT_EQ(json.at("records").as_int64(), 4);
    EXPECT_TRUE(json.at("complete").as_bool());
    const auto& rows = json.at("rows").as_array();
    ASSERT_EQ(rows.size(), 3U);
    const auto& first = rows[0].as_object();
    EXPECT_EQ(first.at("model").as_string(), "m1");
    EXPECT_EQ(first.at("day").as_string(), "2026-09-22");
    EXPECT_EQ(first.at("jobs").as_int64(), 2);
    EXPECT_EQ(first.at("meters").as_object().at("prompt_tokens").to_number<double>(), 11);
    EXPECT_EQ(first.at("meters").as_object().at("completion_tokens").to_number<double>(), 7);
    EXPECT_DOUBLE_EQ(first.at("run_s").to_number<double>(), 3.0);
    EXPECT_DOUBLE_EQ(first.at("engine_s").to_number<double>(), 0.5);
    EXPECT_FALSE(first.contains("key"));
    EXPECT_EQ(first.at("failed").as_int64(), 0);
    EXPECT_EQ(rows[1].as_object().at("succeeded").as_int64(), 0);
    EXPECT_EQ(rows[1].as_object().at("failed").as_int64(), 1);
}

TEST(UsageSummary, HoursAreOfUtcAndACancelledJobHasNotFailed) {
    UsageSummary summary(*usage_by("hour"));
    summary.add(record("k1", "chat", kMonday + 3'599'999, 1, 1), {});
    summary.add(record("k1", "chat", kMonday, 1, 1, jobs::JobState::cancelled), {});
    summary.add(record("k1", "chat", kMonday + 3'600'000, 1, 1, jobs::JobState::expired), {});
    const auto json = json::parse(summary.json());
    const auto& rows = json.as_object().at("rows").as_array();
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].as_object().at("hour").as_string(), "2026-09-22T00");
    EXPECT_EQ(rows[0].as_object().at("jobs").as_int64(), 2);
    EXPECT_EQ(rows[0].as_object().at("failed").as_int64(), 0);
    EXPECT_EQ(rows[1].as_object().at("hour").as_string(), "2026-09-22T01");
    EXPECT_EQ(rows[1].as_object().at("failed").as_int64(), 1);
}

TEST(UsageSummary, KeysBringTheirNames) {
    UsageSummary summary(*usage_by("key,app"));
    summary.add(record("k1", "chat", kMonday, 1, 1), {"one", "shop", "m"});
    const auto json = json::parse(summary.json());
    const auto& row = json.as_object().at("rows").as_array()[0].as_object();
    EXPECT_EQ(row.at("key").as_string(), "k1");
    EXPECT_EQ(row.at("key_name").as_string(), "one");
    EXPECT_EQ(row.at("app").as_string(), "shop");
}

TEST(UsageSummary, IsBounded) {
    UsageSummary summary(*usage_by("key"));
    for (std::size_t i = 0; i <= UsageSummary::kMaxRows; ++i) {
        summary.add(record(std::to_string(i).c_str(), "chat", kMonday, 1, 1), {});
    }
    const auto json = json::parse(summary.json()).as_object();
    EXPECT_EQ(json.at("rows").as_array().size(), UsageSummary::kMaxRows);
    EXPECT_FALSE(json.at("complete").as_bool());
}

}  // namespace
}  // namespace headrace::protocols::native
