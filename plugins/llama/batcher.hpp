#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "generation.hpp"
#include "model.hpp"
#include "prefix.hpp"

namespace headrace::llama {

/// Computes all generations together: one context, one thread, one step after the other. A step
/// takes the next token of every answer under way and, in the room that is left, pieces of prompts,
/// oldest first. So a long prompt delays the others by a bounded time per token, and four answers
/// cost little more than one.
class Batcher {
  public:
    /// `context` has room for `sequences` conversations of settings.context tokens.
    Batcher(const Model& model, std::unique_ptr<llama_context, Free> context,
            const Settings& settings, std::size_t sequences);
    ~Batcher();
    Batcher(const Batcher&) = delete;
    Batcher& operator=(const Batcher&) = delete;

    /// At most `sequences` at a time. Any thread.
    void start(std::shared_ptr<Generation> generation);
    /// Something has changed for a generation that was full or is unwanted now. Any thread.
    void wake();

  private:
    struct Running;
    class Batch;

    void work();
    /// Takes in what is new and ends what is unwanted; false when there is nothing to compute.
    bool prepare();
    void assign(std::shared_ptr<Generation> generation);
    void fill_batch();
    [[nodiscard]] std::size_t prompt_room(std::size_t answers) const;
    void compute();
    void measure(std::size_t tokens, double seconds);
    /// Forgets what a step that failed or was broken off may have left in the context.
    void roll_back(bool all);
    void take_token(Running& running, std::int32_t row);
    std::string logprobs_entry(Running& running, Token token) const;
    void finish(Running& running, Generation::End end, Problem problem = {});
    static bool all_unwanted(void* self);

    const Model& model_;
    const Settings settings_;
    std::unique_ptr<llama_context, Free> context_;

    // The computing thread's.
    std::vector<Held> held_;                         // by sequence
    std::vector<std::unique_ptr<Running>> running_;  // by sequence; null = idle
    std::unique_ptr<Batch> batch_;
    std::uint64_t clock_ = 0;
    double seconds_per_token_ = 0.005;  // of prompts, measured as they come

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<std::shared_ptr<Generation>> arrived_;
    bool woken_ = false;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace headrace::llama
