#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace headrace::llama {

using Token = std::int32_t;

/// How the next token is chosen. Defaults change nothing about what the model says, and are those
/// of engine.toml where a caller leaves the field out.
struct Sampling {
    double temperature = 0.7;   // 0 = the most probable token, always
    double top_p = 1;           // keep the most probable tokens that together reach this; 1 = all
    std::int64_t top_k = 0;     // keep this many; 0 = all
    double min_p = 0;           // keep what is at least this share of the most probable one
    double repeat_penalty = 1;  // logits of recent tokens are divided (or multiplied) by it
    std::uint64_t seed = 0;
};

struct Candidate {
    Token id;
    float logit;
};

/// What may come next by a grammar.
class Grammar {
  public:
    virtual ~Grammar() = default;
    [[nodiscard]] virtual bool allows(Token token) = 0;
    /// Removes what is not allowed.
    virtual void keep_allowed(std::vector<Candidate>& candidates) = 0;
    virtual void accept(Token token) = 0;
};

/// Draws tokens. The order is: penalty, top_k, top_p and min_p on the model's own distribution,
/// then temperature. The same seed, settings and logits give the same tokens on every machine.
class Sampler {
  public:
    static constexpr Token kNone = -1;
    static constexpr std::size_t kRecent = 64;  // tokens that the penalty looks back

    explicit Sampler(const Sampling& sampling);
    /// `logits` are changed by the penalty. kNone: the grammar lets nothing come next.
    Token pick(std::span<float> logits, Grammar* grammar);
    /// The token was taken: the penalty will know it.
    void accept(Token token);

  private:
    Token draw(std::vector<Candidate>& candidates);
    void narrow(std::vector<Candidate>& candidates) const;
    double random();

    Sampling sampling_;
    std::uint64_t state_;
    std::deque<Token> recent_;
    std::vector<Candidate> candidates_;  // kept to spare an allocation per token
};

struct LogProb {
    Token id;
    double value;  // natural logarithm
};

/// The log probability of `chosen`, then those of the `top` most probable tokens, best first.
std::vector<LogProb> log_probs(std::span<const float> logits, Token chosen, std::size_t top);

}  // namespace headrace::llama
