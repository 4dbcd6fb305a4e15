#include "main/commands/bench_report.hpp"

#include <gtest/gtest.h>

#include "main/commands/bench_load.hpp"

namespace headrace::main {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(Bench, LatenciesHaveThreeDigitsAndAUnit) {
    EXPECT_EQ(show_latency(nanoseconds(830)), "830 ns");
    EXPECT_EQ(show_latency(nanoseconds(12'440)), "12.4 µs");
    EXPECT_EQ(show_latency(microseconds(1250)), "1.25 ms");
    EXPECT_EQ(show_latency(microseconds(999'600)), "1 s");
    EXPECT_EQ(show_latency(milliseconds(250)), "250 ms");
    EXPECT_EQ(show_latency(milliseconds(3200)), "3.2 s");
}

TEST(Bench, RowsHoldEveryCallBetweenRoundBounds) {
    telemetry::LatencyHistogram histogram;
    for (int i = 0; i < 1000; ++i) histogram.record(microseconds(1000 + i));
    const auto rows = latency_rows(histogram, 16);
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows.front().from, milliseconds(1));
    EXPECT_EQ(rows[1].from, microseconds(1250));
    EXPECT_EQ(rows.back().to, milliseconds(2));
    std::uint64_t all = 0;
    for (const auto& row : rows) all += row.count;
    EXPECT_EQ(all, 1000U);
}

TEST(Bench, WideSpreadsGetCoarserRows) {
    telemetry::LatencyHistogram histogram;
    histogram.record(microseconds(30));
    histogram.record(seconds(40));
    const auto rows = latency_rows(histogram, 16);
    EXPECT_LE(rows.size(), 16U);
    EXPECT_EQ(rows.front().count, 1U);
    EXPECT_EQ(rows.back().count, 1U);
    EXPECT_TRUE(latency_rows(telemetry::LatencyHistogram(), 16).empty());
}

TEST(Bench, BarsGrowWithTheCountAndNoneIsLost) {
    const std::vector<LatencyRow> rows{{milliseconds(1), milliseconds(2), 1000},
                                       {milliseconds(2), milliseconds(5), 500},
                                       {milliseconds(5), milliseconds(10), 1},
                                       {milliseconds(10), milliseconds(20), 0}};
    EXPECT_EQ(draw_rows(rows, 4),
              "     1 ms ████ 1000\n     2 ms ██ 500\n     5 ms ▏ 1\n    10 ms \n");
}

TEST(Bench, AnswersAreJudgedByWhatTheyMean) {
    EXPECT_EQ(judge_answer(BenchMode::durable, 202, "{}").error, "");
    EXPECT_EQ(judge_answer(BenchMode::wait, 200, R"({"state":"succeeded"})").error, "");
    EXPECT_EQ(judge_answer(BenchMode::wait, 202, R"({"state":"running"})").error, "promoted");
    EXPECT_EQ(judge_answer(BenchMode::wait, 200,
                           R"({"state":"failed","error":{"code":"engine_failed","message":"x"}})")
                  .error,
              "engine_failed");
    EXPECT_EQ(judge_answer(BenchMode::wait, 200, R"({"state":"expired"})").error, "expired");
    EXPECT_EQ(judge_answer(BenchMode::stream, 429,
                           R"({"code":"quota_exceeded","detail":"the queue is full"})")
                  .error,
              "quota_exceeded");
    EXPECT_EQ(judge_answer(BenchMode::wait, 502, "<html>").error, "unavailable");
}

TEST(Bench, ResultTellsErrorsByCode) {
    BenchPlan plan;
    plan.callers = 4;
    BenchResult result;
    result.good = 1;
    result.failed = 3;
    result.errors = {{"quota_exceeded", 2}, {"unavailable", 1}};
    result.seconds = 2;
    result.latency.record(milliseconds(5));
    const auto text = bench_text("echo", plan, result);
    EXPECT_NE(text.find("3  quota_exceeded 2  unavailable 1"), std::string::npos) << text;
    EXPECT_NE(text.find("0.5 good calls a second"), std::string::npos) << text;
    const auto json = bench_json("echo", plan, result);
    EXPECT_EQ(json.at("errors").at("unavailable").as_uint64(), 1U);
    EXPECT_EQ(json.at("histogram").as_array().size(), 1U);
}

}  // namespace
}  // namespace headrace::main
