#include "sampler.hpp"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace headrace::llama {
namespace {

std::map<Token, int> drawn(const Sampling& sampling, std::vector<float> logits, int count) {
    Sampler sampler(sampling);
    std::map<Token, int> seen;
    for (int i = 0; i < count; ++i) {
        auto copy = logits;
        ++seen[sampler.pick(copy, nullptr)];
    }
    return seen;
}

Sampling with_seed(std::uint64_t seed) {
    Sampling sampling;
    sampling.seed = seed;
    sampling.temperature = 1;
    return sampling;
}

TEST(Sampler, TemperatureZeroTakesTheBestAndTheFirstOfEquals) {
    Sampling sampling;
    sampling.temperature = 0;
    EXPECT_EQ(drawn(sampling, {1, 3, 3, 2}, 10), (std::map<Token, int>{{1, 10}}));
}

TEST(Sampler, TheSeedDecides) {
    const std::vector<float> logits{1, 1, 1, 1, 1, 1, 1, 1};
    const auto sequence = [&](std::uint64_t seed) {
        Sampler sampler(with_seed(seed));
        std::vector<Token> out;
        for (int i = 0; i < 20; ++i) {
            auto copy = logits;
            out.push_back(sampler.pick(copy, nullptr));
        }
        return out;
    };
    EXPECT_EQ(sequence(1), sequence(1));
    EXPECT_NE(sequence(1), sequence(2));
    EXPECT_EQ(sequence(0).size(), 20U);
}

TEST(Sampler, DrawsByProbability) {
    const auto seen = drawn(with_seed(7), {std::log(0.7F), std::log(0.2F), std::log(0.1F)}, 10'000);
    EXPECT_NEAR(seen.at(0), 7'000, 300);
    EXPECT_NEAR(seen.at(1), 2'000, 300);
    EXPECT_NEAR(seen.at(2), 1'000, 200);
}

TEST(Sampler, TemperatureFlattens) {
    auto hot = with_seed(7);
    hot.temperature = 100;
    const auto seen = drawn(hot, {5, 0}, 10'000);
    EXPECT_NEAR(seen.at(1), 5'000, 400);
    auto cold = with_seed(7);
    cold.temperature = 0.05;
    EXPECT_EQ(drawn(cold, {1, 0}, 1'000).size(), 1U);
}

TEST(Sampler, TopKTopPAndMinPNarrow) {
    const std::vector<float> logits{std::log(0.5F), std::log(0.3F), std::log(0.15F),
                                    std::log(0.05F)};
    auto sampling = with_seed(3);
    sampling.top_k = 2;
    EXPECT_EQ(drawn(sampling, logits, 2'000).size(), 2U);
    sampling = with_seed(3);
    sampling.top_p = 0.7;  // 0.5 alone does not reach it, 0.5 + 0.3 does
    EXPECT_EQ(drawn(sampling, logits, 2'000).size(), 2U);
    sampling.top_p = 0;  // one always stays
    EXPECT_EQ(drawn(sampling, logits, 100).size(), 1U);
    sampling = with_seed(3);
    sampling.min_p = 0.25;  // of the best one's 0.5
    EXPECT_EQ(drawn(sampling, logits, 2'000).size(), 3U);
}

TEST(Sampler, ThePenaltyTurnsFromWhatWasSaid) {
    Sampling sampling;
    sampling.temperature = 0;
    sampling.repeat_penalty = 2;
    Sampler sampler(sampling);
    std::vector<float> logits{3, 2, -1};
    EXPECT_EQ(sampler.pick(logits, nullptr), 0);
    sampler.accept(0);
    logits = {3, 2, -1};
    EXPECT_EQ(sampler.pick(logits, nullptr), 1);
    EXPECT_FLOAT_EQ(logits[0], 1.5F);
    sampler.accept(2);
    logits = {3, 2, -1};
    sampler.pick(logits, nullptr);
    EXPECT_FLOAT_EQ(logits[2], -2);  // a negative one becomes less likely, too
    for (std::size_t i = 0; i < Sampler::kRecent; ++i) sampler.accept(1);
    logits = {3, 2, -1};
    EXPECT_EQ(sampler.pick(logits, nullptr), 0);  // forgotten
}

class Only final : public Grammar {
  public:
    explicit Only(Token token) : token_(token) {}
    bool allows(Token token) override { return token == token_; }
    void keep_allowed(std::vector<Candidate>& candidates) override {
        std::erase_if(candidates, [this](const auto& one) { return one.id != token_; });
    }
    void accept(Token) override {}

  private:
    Token token_;
};

TEST(Sampler, TheGrammarHasTheLastWord) {
    for (const double temperature : {0.0, 1.0}) {
        auto sampling = with_seed(1);
        sampling.temperature = temperature;
        sampling.top_k = 1;
        Sampler sampler(sampling);
        std::vector<float> logits{100, 0, 0};
        Only third(2);
        EXPECT_EQ(sampler.pick(logits, &third), 2);
        Only none(9);
        EXPECT_EQ(sampler.pick(logits, &none), Sampler::kNone);
    }
}

TEST(LogProbs, AreThoseOfTheModel) {
    const std::vector<float> logits{std::log(0.5F) + 9, std::log(0.3F) + 9, std::log(0.2F) + 9};
    const auto all = log_probs(logits, 2, 2);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].id, 2);
    EXPECT_NEAR(all[0].value, std::log(0.2), 1e-5);
    EXPECT_EQ(all[1].id, 0);
    EXPECT_NEAR(all[1].value, std::log(0.5), 1e-5);
    EXPECT_EQ(all[2].id, 1);
    EXPECT_EQ(log_probs(logits, 0, 99).size(), 4U);
}

}  // namespace
}  // namespace headrace::llama
