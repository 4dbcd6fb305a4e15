#pragma once

#include <memory>
#include <string>
#include <vector>

#include "batcher.hpp"
#include "chat_template.hpp"
#include "headrace/engine.h"
#include "model.hpp"

namespace headrace::llama {

/// The engine of `chat` jobs: reads them, and hands their text back as the batcher makes it.
class Chat {
  public:
    /// `slots` jobs at a time.
    static Result<std::unique_ptr<Chat>> make(const hr_host& host, const Settings& settings,
                                              const std::string& directory, std::size_t slots);
    /// Runs one job to its end; from any of the host's threads.
    void run(hr_job* job);

  private:
    Chat(const hr_host& host, const Settings& settings, Model model, ChatTemplate words);
    Result<Order> order_of(hr_job* job) const;
    Result<std::size_t> answer_room(std::size_t prompt, std::optional<std::size_t> wanted) const;
    void send(hr_job* job, const TextOut::Piece& piece, bool last) const;
    void fail(hr_job* job, const Problem& problem) const;

    const hr_host& host_;
    const Settings settings_;
    Model model_;
    ChatTemplate template_;
    std::vector<std::string> control_words_;
    std::unique_ptr<Batcher> batcher_;
};

}  // namespace headrace::llama
