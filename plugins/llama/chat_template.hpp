#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "problem.hpp"

namespace headrace::llama {

namespace syntax {
struct Node;
}

struct Message {
    std::string role;
    std::string content;
};

/// What a template may ask for besides the messages.
struct TemplateWords {
    std::string begin_of_text;  // bos_token
    std::string end_of_text;    // eos_token
};

/// A model's own chat template, read once. Thread-safe once made.
class ChatTemplate {
  public:
    /// Errors: what of the template is not understood.
    static Result<ChatTemplate> parse(std::string_view text, TemplateWords words);
    ChatTemplate(ChatTemplate&&) noexcept;
    ChatTemplate& operator=(ChatTemplate&&) noexcept;
    ~ChatTemplate();

    /// The prompt, up to where the assistant's answer begins. Errors are the template's own
    /// (`raise_exception`, about roles most of the time) or an operation that it does wrongly.
    [[nodiscard]] Result<std::string> render(const std::vector<Message>& messages) const;

  private:
    ChatTemplate(std::vector<syntax::Node> nodes, TemplateWords words);
    std::vector<syntax::Node> nodes_;
    TemplateWords words_;
};

}  // namespace headrace::llama
