#include "main/llm_metrics.hpp"

#include <array>
#include <chrono>

#include "catalog/version.hpp"
#include "jobs/tokens.hpp"

namespace headrace::main {
namespace {

/// Of one token: finer where models are, and nothing above seconds.
constexpr std::array kTokenSeconds{0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05,
                                   0.075, 0.1,    0.15,  0.2,    0.3,  0.5,   1.0,  2.5};

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

bool is_llm(const jobs::VersionPtr& version) {
    if (!version || !version->validator) return false;
    const auto& profile = version->interface().profile;
    return profile == catalog::Profile::chat || profile == catalog::Profile::embed;
}

LlmMetrics::LlmMetrics(telemetry::Registry& registry)
    : first_(registry.histogram("headrace_llm_time_to_first_token_seconds",
                                "From acceptance to the first part of a streamed answer.",
                                {"capability", "model"})),
      each_(registry.histogram("headrace_llm_time_per_output_token_seconds",
                               "Time of each token of a streamed answer after its first part.",
                               {"capability", "model"}, kTokenSeconds)),
      tokens_(
          registry.counter("headrace_llm_tokens_total",
                           "Tokens that engines metered; cached ones are also among the prompt's.",
                           {"capability", "model", "direction"})) {}

LlmMetrics::Cells& LlmMetrics::cells_of(const jobs::JobRecord& job,
                                        const jobs::VersionPtr& version) {
    const std::uint32_t number = version->id.value;
    if (number == 0) return find_cells(job.capability, version->model);
    if (number >= by_number_.size()) by_number_.resize(number + 1);
    Cells*& known = by_number_[number];
    if (!known) known = &find_cells(job.capability, version->model);
    return *known;
}

LlmMetrics::Cells& LlmMetrics::find_cells(const std::string& capability, const std::string& model) {
    // Most are known under their own names; the rest is counted as "other".
    const auto known = cells_.find(NamePairView(capability, model));
    if (known != cells_.end()) return known->second;
    NamePair names(capabilities_(capability), models_(model));
    const auto [at, made] = cells_.try_emplace(names);
    if (made) {
        const auto& [name, of] = names;
        at->second = {&tokens_.cell({name, of, "prompt"}), &tokens_.cell({name, of, "completion"}),
                      &tokens_.cell({name, of, "cached"}), &first_.cell({name, of}),
                      &each_.cell({name, of})};
    }
    return at->second;
}

void LlmMetrics::count(const jobs::JobRecord& job, const jobs::EndFacts& facts) {
    auto& cells = cells_of(job, facts.version);
    const auto prompt = jobs::meter_of(job.usage, "prompt_tokens", "input_tokens");
    const auto completion = jobs::meter_of(job.usage, "completion_tokens", "output_tokens");
    cells.prompt->add(prompt);
    cells.completion->add(completion);
    cells.cached->add(jobs::meter_of(job.usage, "cached_tokens", "cached_tokens"));
    if (!facts.first_output) return;
    cells.first->observe(seconds(*facts.first_output));
    // Meters are of all attempts, times of the last one.
    if (job.attempt == 1 && completion > 1) {
        cells.each->observe(seconds(facts.after_first) / static_cast<double>(completion - 1));
    }
}

}  // namespace headrace::main
