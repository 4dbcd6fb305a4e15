#include "main/gen_ai.hpp"

#include "catalog/values.hpp"
#include "catalog/version.hpp"
#include "http/url.hpp"
#include "jobs/tokens.hpp"
#include "main/llm_answer.hpp"
#include "main/llm_metrics.hpp"

namespace headrace::main {
namespace {

bool has_operation(const catalog::Interface& interface) {
    for (const auto& spec : interface.parameters) {
        if (spec.name == "operation") return true;
    }
    return false;
}

/// A verbatim body may go to the older route for completions.
std::string operation_of(const jobs::EndFacts& facts) {
    const auto& interface = facts.version->interface();
    if (interface.profile == catalog::Profile::embed) return "embeddings";
    if (facts.input && has_operation(interface)) {
        const auto values = catalog::decode(facts.input->values);
        const auto* operation = values ? values->find("operation") : nullptr;
        const auto* path = operation ? operation->get<std::string>() : nullptr;
        if (path && *path == "completions") return "text_completion";
    }
    return "chat";
}

}  // namespace

telemetry::Attributes gen_ai_attributes(const jobs::JobRecord& job, const jobs::EndFacts& facts,
                                        std::vector<std::string> reasons) {
    telemetry::Attributes out;
    if (!is_llm(facts.version)) return out;
    out.emplace_back("gen_ai.operation.name", operation_of(facts));
    out.emplace_back("gen_ai.request.model", facts.version->model);
    if (reasons.empty() && job.output && !job.output->values.empty()) {
        if (const auto values = catalog::decode(job.output->values)) {
            reasons = finish_reasons(*values);
        }
    }
    if (!reasons.empty()) out.emplace_back("gen_ai.response.finish_reasons", std::move(reasons));
    const auto add = [&](const char* name, std::uint64_t tokens) {
        if (tokens > 0) out.emplace_back(name, static_cast<std::int64_t>(tokens));
    };
    add("gen_ai.usage.input_tokens", jobs::meter_of(job.usage, "prompt_tokens", "input_tokens"));
    add("gen_ai.usage.output_tokens",
        jobs::meter_of(job.usage, "completion_tokens", "output_tokens"));
    return out;
}

telemetry::Attributes server_attributes(const std::string& base_url) {
    const auto url = http::Url::parse(base_url);
    if (!url) return {};
    return {{"server.address", url->host}, {"server.port", std::int64_t{url->port}}};
}

}  // namespace headrace::main
