#include "main/commands/bench_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

using std::chrono::nanoseconds;
using telemetry::LatencyHistogram;

constexpr std::size_t kMostRows = 16;
constexpr std::size_t kBarWidth = 48;
constexpr std::array kShares{std::pair{"p50", 0.5}, std::pair{"p90", 0.9}, std::pair{"p99", 0.99},
                             std::pair{"p999", 0.999}};

/// Steps that divide a decade evenly, rounded for people; the finest first.
constexpr std::array kTenSteps{1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0};
constexpr std::array kFiveSteps{1.0, 1.6, 2.5, 4.0, 6.3};
constexpr std::array kThreeSteps{1.0, 2.0, 5.0};
constexpr std::array kOneStep{1.0};

/// Bounds from the last one not above `from` to the first one above `to`.
std::vector<nanoseconds> bounds(std::span<const double> steps, nanoseconds from, nanoseconds to) {
    std::vector<nanoseconds> found;
    for (double decade = 1; found.empty() || found.back() <= to; decade *= 10) {
        for (const double step : steps) {
            const nanoseconds at(static_cast<nanoseconds::rep>(std::llround(step * decade)));
            if (!found.empty() && at <= found.back()) continue;
            if (at <= from) found.clear();
            found.push_back(at);
            if (at > to) break;
        }
    }
    return found;
}

std::string mode_words(const BenchPlan& plan) {
    switch (plan.mode) {
        case BenchMode::durable:
            return "durable: until the job is on disk";
        case BenchMode::stream:
            return "streamed, to the end of the job";
        case BenchMode::wait:
            break;
    }
    return "interactive, to the result";
}

std::string_view mode_word(BenchMode mode) {
    if (mode == BenchMode::durable) return "durable";
    return mode == BenchMode::stream ? "stream" : "wait";
}

double per_second(std::uint64_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double milliseconds(nanoseconds time) {
    return static_cast<double>(time.count()) / 1e6;
}

std::string percentiles(const LatencyHistogram& histogram) {
    std::string out;
    for (const auto& [name, share] : kShares) {
        out += fmt::format("{} {}  ", name == std::string_view("p999") ? "p99.9" : name,
                           show_latency(histogram.at(share)));
    }
    return out + "slowest " + show_latency(histogram.largest());
}

json::object percentiles_json(const LatencyHistogram& histogram) {
    json::object out;
    for (const auto& [name, share] : kShares) out[name] = milliseconds(histogram.at(share));
    out["max"] = milliseconds(histogram.largest());
    return out;
}

std::string errors_text(const BenchResult& result) {
    if (result.failed == 0) return "none";
    std::string out = std::to_string(result.failed);
    for (const auto& [code, count] : result.errors) out += fmt::format("  {} {}", code, count);
    return out;
}

std::string rate_text(double rate) {
    return fmt::format("{:.{}f}", rate, rate < 100 ? 1 : 0);
}

}  // namespace

std::vector<LatencyRow> latency_rows(const LatencyHistogram& histogram, std::size_t most_rows) {
    if (histogram.count() == 0) return {};
    const std::array<std::span<const double>, 4> scales{kTenSteps, kFiveSteps, kThreeSteps,
                                                        kOneStep};
    std::vector<nanoseconds> ends;
    for (const auto& steps : scales) {
        ends = bounds(steps, histogram.at(0), histogram.largest());
        if (ends.size() <= most_rows + 1) break;
    }
    std::vector<LatencyRow> rows;
    for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
        // What is above the histogram's own end stands in its last row.
        const auto to = i + 2 == ends.size() ? nanoseconds::max() : ends[i + 1];
        const auto from = i == 0 ? nanoseconds(0) : ends[i];
        rows.push_back({ends[i], ends[i + 1], histogram.between(from, to)});
    }
    return rows;
}

std::string draw_rows(const std::vector<LatencyRow>& rows, std::size_t width) {
    static constexpr std::array kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    std::uint64_t most = 1;
    for (const auto& row : rows) most = std::max(most, row.count);
    std::string out;
    for (const auto& row : rows) {
        const double share = static_cast<double>(row.count) / static_cast<double>(most);
        auto eighths = static_cast<std::size_t>(share * static_cast<double>(width) * 8);
        if (row.count > 0) eighths = std::max<std::size_t>(eighths, 1);
        std::string bar;
        for (std::size_t i = 0; i < eighths / 8; ++i) bar += "█";
        bar += kEighths[eighths % 8];
        const auto from = show_latency(row.from);
        // µ takes two bytes and one column.
        const std::size_t wide = from.find("µ") != std::string::npos ? 10 : 9;
        out += fmt::format("{}{} {}{}\n", std::string(wide - std::min(wide, from.size()), ' '),
                           from, bar, row.count > 0 ? fmt::format(" {}", row.count) : "");
    }
    return out;
}

std::string show_latency(nanoseconds time) {
    const auto amount = static_cast<double>(time.count());
    const auto three = [](double value, const char* unit) {
        const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
        auto text = fmt::format("{:.{}f}", value, digits);
        if (text.find('.') != std::string::npos) {
            text.erase(text.find_last_not_of('0') + 1);
            if (text.back() == '.') text.pop_back();
        }
        return text + " " + unit;
    };
    if (amount < 1e3) return fmt::format("{} ns", time.count());
    if (amount < 999.5e3) return three(amount / 1e3, "µs");
    if (amount < 999.5e6) return three(amount / 1e6, "ms");
    return three(amount / 1e9, "s");
}

std::string bench_text(const std::string& capability, const BenchPlan& plan,
                       const BenchResult& result) {
    const auto calls = result.good + result.failed;
    std::vector<std::pair<std::string, std::string>> pairs{
        {"capability", capability},
        {"how",
         fmt::format("{}; {} caller{}{}", mode_words(plan), plan.callers,
                     plan.callers == 1 ? "" : "s",
                     plan.rate > 0 ? fmt::format(", {:g} calls a second due", plan.rate) : "")},
        {"calls", fmt::format("{} in {:.1f} s{}", calls, result.seconds,
                              result.interrupted ? ", interrupted" : "")},
        {"rate", rate_text(per_second(result.good, result.seconds)) + " good calls a second"},
        {"errors", errors_text(result)}};
    if (result.good > 0) pairs.emplace_back("latency", percentiles(result.latency));
    if (result.first_output.count() > 0) {
        pairs.emplace_back("first output", percentiles(result.first_output));
        pairs.emplace_back("outputs",
                           fmt::format("{}, {} a second", result.outputs,
                                       rate_text(per_second(result.outputs, result.seconds))));
    }
    std::string out = pairs_text(pairs);
    if (result.good > 0)
        out += "\n" + draw_rows(latency_rows(result.latency, kMostRows), kBarWidth);
    return out;
}

json::object bench_json(const std::string& capability, const BenchPlan& plan,
                        const BenchResult& result) {
    json::object out;
    out["capability"] = capability;
    out["mode"] = mode_word(plan.mode);
    out["callers"] = plan.callers;
    if (plan.rate > 0) out["rate_due"] = plan.rate;
    out["seconds"] = result.seconds;
    out["interrupted"] = result.interrupted;
    out["good"] = result.good;
    out["failed"] = result.failed;
    out["rate"] = per_second(result.good, result.seconds);
    json::object errors;
    for (const auto& [code, count] : result.errors) errors[code] = count;
    out["errors"] = std::move(errors);
    out["latency_ms"] = percentiles_json(result.latency);
    if (plan.mode == BenchMode::stream) {
        out["first_output_ms"] = percentiles_json(result.first_output);
        out["outputs"] = result.outputs;
    }
    json::array rows;
    for (const auto& row : latency_rows(result.latency, kMostRows)) {
        json::object one;
        one["from_ms"] = milliseconds(row.from);
        one["to_ms"] = milliseconds(row.to);
        one["count"] = row.count;
        rows.push_back(std::move(one));
    }
    out["histogram"] = std::move(rows);
    return out;
}

std::string bench_progress(const BenchPlan& plan, const BenchResult& result) {
    const auto calls = result.good + result.failed;
    const auto far = plan.calls > 0
                         ? fmt::format("{} of {} calls", calls, plan.calls)
                         : fmt::format("{:.0f} s of {:g} s", result.seconds, plan.time.count());
    return fmt::format("{}  {}/s  p50 {}  p99 {}  {}", far,
                       rate_text(per_second(result.good, result.seconds)),
                       show_latency(result.latency.at(0.5)), show_latency(result.latency.at(0.99)),
                       result.failed == 0 ? "no errors" : errors_text(result) + " errors");
}

}  // namespace headrace::main
