#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "problem.hpp"
#include "sampler.hpp"
#include "text_out.hpp"

namespace headrace::llama {

/// What is to be generated.
struct Order {
    std::vector<Token> prompt;
    Sampling sampling;
    std::vector<std::string> stops;
    std::string grammar;  // GBNF; empty = none
    std::size_t max_tokens = 0;
    std::optional<std::size_t> top_logprobs;  // empty: no log probabilities at all
    bool streamed = false;                    // somebody wants every token at once
};

/// One answer under way, between the thread of its job and the one that computes all of them.
class Generation {
  public:
    enum class End { stop, length, cancelled, failed };
    struct Outcome {
        End end = End::stop;
        Problem problem;  // failed: why
        std::size_t cached_tokens = 0;
        std::size_t completion_tokens = 0;
    };
    static constexpr std::size_t kMostUnsent = 16 * 1024;  // bytes; beyond it the answer pauses

    /// `cancelled` is asked from the computing thread until the generation has ended.
    Generation(Order order, std::function<bool()> cancelled)
        : order(std::move(order)), cancelled_(std::move(cancelled)) {}

    const Order order;

    // --- the job's thread ------------------------------------------------------------------------
    /// Waits for more text, or for the end; empty text only at the end. True = ended: `outcome()`.
    bool wait(TextOut::Piece& piece);
    [[nodiscard]] const Outcome& outcome() const { return outcome_; }
    /// Nobody wants the rest.
    void abandon() { abandoned_ = true; }

    // --- the computing thread --------------------------------------------------------------------
    [[nodiscard]] bool unwanted() const { return abandoned_ || cancelled_(); }
    /// The caller is slow: wait until the job's thread has taken what there is.
    [[nodiscard]] bool full();
    void add(TextOut::Piece piece);
    void finish(Outcome outcome);

  private:
    std::function<bool()> cancelled_;
    std::atomic<bool> abandoned_{false};
    std::mutex mutex_;  // guards what follows; outcome_ may be read without once wait() said so
    std::condition_variable changed_;
    TextOut::Piece ready_;
    Outcome outcome_;
    bool ended_ = false;
};

}  // namespace headrace::llama
