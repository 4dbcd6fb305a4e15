#include "telemetry/metrics.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "telemetry/process.hpp"

namespace headrace::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, CellsOfOneSeriesAreSummed) {
    Registry registry;
    auto& jobs = registry.counter("headrace_jobs_total", "Jobs.", {"state"});
    auto& first = jobs.cell({"failed"});
    auto& second = jobs.cell({"failed"});
    jobs.cell({"expired"}).add();
    first.add(2);
    second.add(3);
    const auto text = registry.render();
    EXPECT_THAT(text, HasSubstr("# TYPE headrace_jobs_total counter\n"));
    EXPECT_THAT(text, HasSubstr("headrace_jobs_total{state=\"failed\"} 5\n"));
    EXPECT_THAT(text, HasSubstr("headrace_jobs_total{state=\"expired\"} 1\n"));
}

TEST(Metrics, HistogramsAreCumulativeAndEndWithInfinity) {
    Registry registry;
    auto& waits = registry.histogram("headrace_wait_seconds", "Wait.").cell();
    for (const double value : {0.0005, 0.001, 0.0185, 601.0}) waits.observe(value);
    const auto text = registry.render();
    EXPECT_THAT(text, HasSubstr("headrace_wait_seconds_bucket{le=\"0.001\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("headrace_wait_seconds_bucket{le=\"0.025\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("headrace_wait_seconds_bucket{le=\"600\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("headrace_wait_seconds_bucket{le=\"+Inf\"} 4\n"));
    EXPECT_THAT(text, HasSubstr("headrace_wait_seconds_count 4\n"));
    EXPECT_THAT(text, HasSubstr("headrace_wait_seconds_sum 601.02\n"));
}

TEST(Metrics, ReplacedGaugesForgetWhatIsGone) {
    Registry registry;
    auto& depth = registry.gauge("headrace_queue_jobs", "Queued.", {"capability"});
    depth.replace({{{"a"}, 1}, {{"b"}, 2}});
    depth.replace({{{"b"}, 7}, {{"b"}, 1}});
    EXPECT_THAT(registry.render(), HasSubstr("headrace_queue_jobs{capability=\"b\"} 8\n"));
    EXPECT_THAT(registry.render(), Not(HasSubstr("\"a\"")));
}

TEST(Metrics, WrongNumberOfLabelsIsABug) {
    Registry registry;
    EXPECT_THROW(registry.counter("headrace_x_total", "X.", {"a"}).cell(), std::logic_error);
}

TEST(Metrics, WritersAndScrapesRunBesideEachOther) {
    Registry registry;
    auto& family = registry.counter("headrace_n_total", "N.");
    std::vector<std::thread> writers;
    for (int i = 0; i < 4; ++i) {
        writers.emplace_back([&family] {
            auto& cell = family.cell();
            for (int n = 0; n < 10'000; ++n) cell.add();
        });
    }
    for (int i = 0; i < 20; ++i) (void)registry.render();
    for (auto& writer : writers) writer.join();
    EXPECT_THAT(registry.render(), HasSubstr("headrace_n_total 40000\n"));
}

TEST(Metrics, LabelCapKeepsTheFirstNames) {
    LabelCap cap(2);
    EXPECT_EQ(cap("a"), "a");
    EXPECT_EQ(cap("b"), "b");
    EXPECT_EQ(cap("c"), "other");
    EXPECT_EQ(cap("a"), "a");
}

TEST(Metrics, ProcessMetricsAreReadAtTheScrape) {
    Registry registry;
    add_process_metrics(registry, "1.2.3");
    const auto text = registry.render();
    EXPECT_THAT(text, HasSubstr("headrace_build_info{version=\"1.2.3\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total "));
    EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
    EXPECT_THAT(text, Not(HasSubstr("process_open_fds 0\n")));
}

TEST(Metrics, PromtoolTakesTheText) {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "no promtool";
    Registry registry;
    add_process_metrics(registry, "1.2.3");
    registry.counter("headrace_jobs_ended_total", "Jobs.", {"state"}).cell({"fail\"ed\n"}).add();
    registry.histogram("headrace_job_run_seconds", "Run time.").cell().observe(0.2);
    const auto path = testing::TempDir() + "metrics-" + std::to_string(::getpid()) + ".txt";
    std::ofstream(path) << registry.render();
    EXPECT_EQ(std::system(("promtool check metrics < " + path).c_str()), 0);
    std::remove(path.c_str());
}

}  // namespace
}  // namespace headrace::telemetry
