#include "protocols/native/usage_summary.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "protocols/native/errors.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::array<std::string_view, kUsageBys> kWords{"key", "app", "model", "day", "hour"};
constexpr std::size_t kDayLength = 10;   // of "2026-11-24"
constexpr std::size_t kHourLength = 13;  // of "2026-11-24T09"

}  // namespace

Result<std::vector<UsageBy>> usage_by(std::string_view text) {
    std::vector<UsageBy> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(','), text.size());
        const auto found = std::find(kWords.begin(), kWords.end(), text.substr(0, end));
        const auto by = static_cast<UsageBy>(found - kWords.begin());
        if (found == kWords.end() || std::find(out.begin(), out.end(), by) != out.end()) {
            return fail(invalid("query.by", "enum", "key app model day hour",
                                "by takes key, app, model, day and hour, each once"));
        }
        out.push_back(by);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

void UsageSummary::add(const jobs::UsageRecord& record, const UsageNames& names) {
    ++records_;
    Group group;
    for (const auto by : by_) {
        std::string& value = group.at(static_cast<std::size_t>(by));
        if (by == UsageBy::key) value = record.caller;
        if (by == UsageBy::app) value = names.app;
        if (by == UsageBy::model) value = names.model;
        if (by == UsageBy::day) value = to_rfc3339(record.finished_at).substr(0, kDayLength);
        if (by == UsageBy::hour) value = to_rfc3339(record.finished_at).substr(0, kHourLength);
    }
    auto found = rows_.find(group);
    if (found == rows_.end()) {
        if (rows_.size() >= kMaxRows) {
            complete_ = false;
            return;
        }
        found = rows_.emplace(std::move(group), Row{}).first;
    }
    Row& row = found->second;
    row.key_name = names.key_name;
    row.jobs += 1;
    row.succeeded += record.state == jobs::JobState::succeeded ? 1 : 0;
    row.failed += record.state == jobs::JobState::failed || record.state == jobs::JobState::expired;
    row.attempts += record.attempts;
    row.queued_s += static_cast<double>(record.queued_ms) / 1000;
    row.run_s += static_cast<double>(record.run_ms) / 1000;
    row.engine_s += static_cast<double>(record.usage.engine_us) / 1e6;
    row.bytes_in += record.usage.bytes_in;
    row.bytes_out += record.usage.bytes_out;
    for (const auto& meter : record.usage.meters) {
        if (std::isfinite(meter.value)) row.meters[meter.name] += meter.value;
    }
}

void UsageSummary::append(std::string& out, const Group& group, const Row& row) const {
    out += '{';
    for (const auto by : by_) {
        const auto i = static_cast<std::size_t>(by);
        if (out.back() != '{') out += ',';
        out += '"';
        out += kWords.at(i);
        out += "\":";
        append_json_string(out, group.at(i));
        if (by == UsageBy::key) {
            out += ",\"key_name\":";
            append_json_string(out, row.key_name);
        }
    }
    if (out.back() != '{') out += ',';
    out += fmt::format(
        "\"jobs\":{},\"succeeded\":{},\"failed\":{},\"attempts\":{},\"queued_s\":{:.3f},\"run_s\":{"
        ":.3f},"
        "\"engine_s\":{:.6f},\"bytes_in\":{},\"bytes_out\":{},\"meters\":{{",
        row.jobs, row.succeeded, row.failed, row.attempts, row.queued_s, row.run_s, row.engine_s,
        row.bytes_in, row.bytes_out);
    for (const auto& [name, value] : row.meters) {
        if (out.back() != '{') out += ',';
        append_json_string(out, name);
        out += fmt::format(":{}", value);
    }
    out += "}}";
}

std::string UsageSummary::json() const {
    std::string out = "{\"rows\":[";
    for (const auto& [group, row] : rows_) {
        if (out.back() != '[') out += ',';
        append(out, group, row);
    }
    out += fmt::format("],\"records\":{},\"complete\":{}}}", records_, complete_);
    return out;
}

}  // namespace headrace::protocols::native
