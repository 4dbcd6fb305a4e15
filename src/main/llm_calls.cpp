#include "main/llm_calls.hpp"

#include <utility>

namespace headrace::main {

void LlmCalls::job_measured(const jobs::JobRecord& job, const jobs::EndFacts& facts) {
    next_.job_measured(job, facts);
    std::string upstream;
    if (!called_.empty()) {
        if (auto at = called_.extract(job.id)) upstream = std::move(at.mapped());
    }
    auto parts = take_parts(job.id);
    if (!is_llm(facts.version)) return;
    metrics_.count(job, facts);
    if (log_) log_->record(job, facts, std::move(upstream), std::move(parts.values));
}

void LlmCalls::job_requeued(const jobs::JobRecord& job, const std::string& reason) {
    next_.job_requeued(job, reason);
    take_parts(job.id);
}

LlmCalls::Parts LlmCalls::take_parts(const JobId& job) {
    if (parts_.empty()) return {};
    auto at = parts_.extract(job);
    if (!at) return {};
    collected_ -= at.mapped().bytes;
    return std::move(at.mapped());
}

/// A verbatim stream is not kept for the result, so its text is here or nowhere.
void LlmCalls::job_output(const JobId& job, const jobs::VersionPtr& version,
                          const jobs::OutputEvent& part) {
    next_.job_output(job, version, part);
    if (!log_ || !log_->wants_parts() || !is_llm(version)) return;
    if (parts_.size() >= kMostCalled) {
        parts_.clear();
        collected_ = 0;
    }
    auto& parts = parts_[job];
    if (!parts.whole) return;
    const auto bytes = part.values.size();
    if (parts.bytes + bytes > kMostOfOne || collected_ + bytes > kMostOfAll) {
        // Half an answer could hold half of what a pattern looks for.
        collected_ -= parts.bytes;
        parts = {};
        parts.whole = false;
        return;
    }
    parts.values.push_back(part.values);
    parts.bytes += bytes;
    collected_ += bytes;
}

void LlmCalls::server_called(const JobId& job, const std::string& upstream) {
    if (!log_) return;
    if (called_.size() >= kMostCalled) called_.clear();
    called_[job] = upstream;
}

}  // namespace headrace::main
