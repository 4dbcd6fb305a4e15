#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "headrace/engine.h"
#include "model.hpp"

namespace headrace::llama {

/// The engine of `embed` jobs: the mean of what the model makes of every token of a text, scaled to
/// length 1. Jobs that come in one batch are computed together. One thread at a time.
class Embed {
  public:
    static Result<std::unique_ptr<Embed>> make(const hr_host& host, const Settings& settings,
                                               const std::string& directory);
    void run(hr_job** jobs, std::size_t count);

  private:
    struct Text;
    struct Work;
    Embed(const hr_host& host, const Settings& settings, Model model);
    Result<void> read(hr_job* job, Work& work) const;
    /// Computes texts from `first` on, as many as fit; returns how many, 0 on failure.
    std::size_t compute(std::vector<Text*>& texts, std::size_t first);
    void answer(const Work& work) const;
    static bool all_unwanted(void* self);

    const hr_host& host_;
    const Settings settings_;
    Model model_;
    std::unique_ptr<llama_context, Free> context_;
    std::span<hr_job* const> jobs_;  // of the run under way
};

}  // namespace headrace::llama
