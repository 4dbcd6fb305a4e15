#include "sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace headrace::llama {
namespace {

/// Candidates this far below the best have a share below 1e-13 and are left out before sorting.
constexpr double kNegligible = 30;

bool better(const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

Token best_of(std::span<const float> logits) {
    return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

float highest(std::span<const float> logits) {
    // Four lanes, so that the compiler can compare several at a time.
    float lanes[4];
    std::fill_n(lanes, 4, -std::numeric_limits<float>::infinity());
    std::size_t i = 0;
    for (; i + 4 <= logits.size(); i += 4) {
        for (std::size_t lane = 0; lane < 4; ++lane)
            lanes[lane] = lanes[lane] < logits[i + lane] ? logits[i + lane] : lanes[lane];
    }
    for (; i < logits.size(); ++i) lanes[0] = std::max(lanes[0], logits[i]);
    return *std::max_element(lanes, lanes + 4);
}

void fill(std::vector<Candidate>& candidates, std::span<const float> logits, float least) {
    candidates.clear();
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (logits[i] >= least) candidates.push_back({static_cast<Token>(i), logits[i]});
    }
}

}  // namespace

Sampler::Sampler(const Sampling& sampling) : sampling_(sampling), state_(sampling.seed) {}

void Sampler::accept(Token token) {
    recent_.push_back(token);
    if (recent_.size() > kRecent) recent_.pop_front();
}

Token Sampler::pick(std::span<float> logits, Grammar* grammar) {
    if (sampling_.repeat_penalty != 1) {
        const auto penalty = static_cast<float>(sampling_.repeat_penalty);
        for (const Token token : std::set<Token>(recent_.begin(), recent_.end())) {
            float& logit = logits[static_cast<std::size_t>(token)];
            logit = logit > 0 ? logit / penalty : logit * penalty;
        }
    }
    const bool greedy = sampling_.temperature <= 0;
    Token picked = kNone;
    if (greedy) {
        picked = best_of(logits);
    } else {
        const double scale = std::max(1.0, sampling_.temperature);
        fill(candidates_, logits, highest(logits) - static_cast<float>(kNegligible * scale));
        picked = draw(candidates_);
    }
    // Most tokens fit the grammar anyway, and asking about one is far cheaper than about all.
    if (grammar == nullptr || grammar->allows(picked)) return picked;
    fill(candidates_, logits, -std::numeric_limits<float>::infinity());
    grammar->keep_allowed(candidates_);
    if (candidates_.empty()) return kNone;
    if (greedy) return std::min_element(candidates_.begin(), candidates_.end(), better)->id;
    return draw(candidates_);
}

void Sampler::narrow(std::vector<Candidate>& candidates) const {
    if (sampling_.top_k > 0 && static_cast<std::size_t>(sampling_.top_k) < candidates.size()) {
        const auto end = candidates.begin() + sampling_.top_k;
        std::partial_sort(candidates.begin(), end, candidates.end(), better);
        candidates.erase(end, candidates.end());
    } else {
        std::sort(candidates.begin(), candidates.end(), better);
    }
    const float best = candidates.front().logit;
    if (sampling_.top_p < 1) {
        double sum = 0;
        for (const auto& one : candidates) sum += std::exp(one.logit - best);
        double reached = 0;
        std::size_t kept = 0;
        while (kept < candidates.size() && (kept == 0 || reached < sampling_.top_p * sum))
            reached += std::exp(candidates[kept++].logit - best);
        candidates.resize(kept);
    }
    if (sampling_.min_p > 0) {
        const auto least = static_cast<float>(best + std::log(sampling_.min_p));
        while (candidates.size() > 1 && candidates.back().logit < least) candidates.pop_back();
    }
}

Token Sampler::draw(std::vector<Candidate>& candidates) {
    narrow(candidates);
    const double best = candidates.front().logit;
    double sum = 0;
    for (const auto& one : candidates) sum += std::exp((one.logit - best) / sampling_.temperature);
    double left = random() * sum;
    for (const auto& one : candidates) {
        left -= std::exp((one.logit - best) / sampling_.temperature);
        if (left < 0) return one.id;
    }
    return candidates.back().id;
}

double Sampler::random() {
    // SplitMix64: every seed, 0 too, starts a good sequence.
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1.0p-53;
}

std::vector<LogProb> log_probs(std::span<const float> logits, Token chosen, std::size_t top) {
    const float best = highest(logits);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - best);
    const double norm = best + std::log(sum);
    const auto of = [&](Token id) {
        return LogProb{id, logits[static_cast<std::size_t>(id)] - norm};
    };
    std::vector<LogProb> all{of(chosen)};
    if (top == 0) return all;
    std::vector<Candidate> candidates;
    fill(candidates, logits, -std::numeric_limits<float>::infinity());
    top = std::min(top, candidates.size());
    std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(top),
                      candidates.end(), better);
    for (std::size_t i = 0; i < top; ++i) all.push_back(of(candidates[i].id));
    return all;
}

}  // namespace headrace::llama
