#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "jobs/job.hpp"

namespace headrace::protocols::native {

/// What usage is added up by.
enum class UsageBy : std::uint8_t { key, app, model, day, hour };
inline constexpr std::size_t kUsageBys = 5;

/// "key,day" and the like; invalid_argument otherwise. The order is that of the columns.
Result<std::vector<UsageBy>> usage_by(std::string_view text);

/// Whose a record is, beside what it says itself.
struct UsageNames {
    std::string key_name;
    std::string app;
    std::string model;
};

/// Usage records added up in groups. Pure.
class UsageSummary {
  public:
    /// Beyond this many groups the rest is left out (complete() tells).
    static constexpr std::size_t kMaxRows = 10'000;

    explicit UsageSummary(std::vector<UsageBy> by) : by_(std::move(by)) {}
    void add(const jobs::UsageRecord& record, const UsageNames& names);
    void cut_short() { complete_ = false; }
    [[nodiscard]] std::uint64_t records() const { return records_; }
    /// {"rows":[…],"records":N,"complete":true}, rows in order of their group.
    [[nodiscard]] std::string json() const;

  private:
    using Group = std::array<std::string, kUsageBys>;  // by UsageBy; empty where not asked for
    struct Row {
        std::string key_name;
        std::uint64_t jobs = 0;
        std::uint64_t succeeded = 0;
        std::uint64_t failed = 0;  // or expired
        std::uint64_t attempts = 0;
        double queued_s = 0;
        double run_s = 0;
        double engine_s = 0;
        std::uint64_t bytes_in = 0;
        std::uint64_t bytes_out = 0;
        std::map<std::string, double> meters;
    };
    void append(std::string& out, const Group& group, const Row& row) const;

    std::vector<UsageBy> by_;
    std::map<Group, Row> rows_;
    std::uint64_t records_ = 0;
    bool complete_ = true;
};

}  // namespace headrace::protocols::native
