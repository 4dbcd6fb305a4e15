#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "jobs/observer.hpp"
#include "telemetry/metrics.hpp"

namespace headrace::main {

/// Whether a capability's work is that of a language model: profile chat or embed.
bool is_llm(const jobs::VersionPtr& version);

/// Tokens and their times, by capability and model. Beyond a number of names the rest counts as
/// "other". On the core's loop.
class LlmMetrics {
  public:
    static constexpr std::size_t kMostNames = 1'000;

    explicit LlmMetrics(telemetry::Registry& registry);
    /// An ended job of a capability that is_llm().
    void count(const jobs::JobRecord& job, const jobs::EndFacts& facts);

  private:
    struct Cells {
        telemetry::Counter* prompt = nullptr;
        telemetry::Counter* completion = nullptr;
        telemetry::Counter* cached = nullptr;
        telemetry::Histogram* first = nullptr;
        telemetry::Histogram* each = nullptr;
    };
    using Names = std::pair<std::string, std::string>;  // capability, model
    using Seen = std::pair<std::string_view, std::string_view>;
    struct ByText {  // both the hash and the comparison
        using is_transparent = void;
        bool operator()(const Seen& a, const Seen& b) const { return a == b; }
        std::size_t operator()(const Seen& key) const {
            const std::hash<std::string_view> hash;
            return hash(key.first) * 31 + hash(key.second);
        }
    };
    using Table = std::unordered_map<Names, Cells, ByText, ByText>;
    Cells& cells_of(const std::string& capability, const std::string& model);

    telemetry::Family<telemetry::Histogram>& first_;
    telemetry::Family<telemetry::Histogram>& each_;
    telemetry::Family<telemetry::Counter>& tokens_;
    telemetry::LabelCap capabilities_{kMostNames};
    telemetry::LabelCap models_{kMostNames};
    Table cells_;
    Table::value_type* last_ = nullptr;
};

}  // namespace headrace::main
