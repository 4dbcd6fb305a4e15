#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat_template.hpp"
#include "problem.hpp"
#include "sampler.hpp"
#include "settings.hpp"

struct llama_model;
struct llama_context;
struct llama_vocab;
struct llama_adapter_lora;

namespace headrace::llama {

struct Free {
    void operator()(llama_model* model) const;
    void operator()(llama_context* context) const;
    void operator()(llama_adapter_lora* adapter) const;
};

/// The weights and the words. What does not touch a context may be called from any thread.
class Model {
  public:
    static Result<Model> load(const Settings& settings, const std::string& directory);

    /// One context with the adapters on: for `sequences` conversations of settings.context tokens,
    /// or for as many texts that together have as many. The caller's thread computes.
    [[nodiscard]] Result<std::unique_ptr<llama_context, Free>> make_context(
        std::size_t sequences) const;

    [[nodiscard]] std::vector<Token> tokens_of(std::string_view text) const;
    /// Appends the bytes of a token, which need not be whole characters. Control tokens have none.
    void append_piece(Token token, std::string& bytes) const;
    [[nodiscard]] bool ends_answer(Token token) const;
    /// Texts that tokens_of() turns into control tokens.
    [[nodiscard]] std::vector<std::string> control_words() const;
    [[nodiscard]] std::size_t vocabulary() const;
    [[nodiscard]] std::size_t embedding_size() const;
    /// Errors: the template is not understood, or there is none.
    [[nodiscard]] Result<ChatTemplate> chat_template() const;
    /// Null when the library cannot read the grammar.
    [[nodiscard]] std::unique_ptr<Grammar> make_grammar(const std::string& text) const;

  private:
    explicit Model(Settings settings) : settings_(std::move(settings)) {}
    [[nodiscard]] std::string special(Token token) const;

    Settings settings_;
    std::string directory_;
    std::unique_ptr<llama_model, Free> model_;
    const llama_vocab* words_ = nullptr;
    std::vector<std::unique_ptr<llama_adapter_lora, Free>> adapters_;
};

}  // namespace headrace::llama
