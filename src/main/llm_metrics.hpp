#pragma once

#include <string>
#include <vector>

#include "jobs/observer.hpp"
#include "main/name_pair.hpp"
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
    using Table = NamePairTable<Cells>;  // by capability and model
    Cells& cells_of(const jobs::JobRecord& job, const jobs::VersionPtr& version);
    Cells& find_cells(const std::string& capability, const std::string& model);

    telemetry::Family<telemetry::Histogram>& first_;
    telemetry::Family<telemetry::Histogram>& each_;
    telemetry::Family<telemetry::Counter>& tokens_;
    telemetry::LabelCap capabilities_{kMostNames};
    telemetry::LabelCap models_{kMostNames};
    Table cells_;
    std::vector<Cells*> by_number_;  // of a version, whose model never changes; null: not seen yet
};

}  // namespace headrace::main
