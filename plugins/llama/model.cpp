#include "model.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include <llama.h>

#include "library.hpp"

namespace headrace::llama {
namespace {

class LlamaGrammar final : public Grammar {
  public:
    LlamaGrammar(llama_sampler* sampler, const llama_vocab* words)
        : sampler_(sampler, llama_sampler_free), words_(words) {}

    bool allows(Token token) override {
        llama_token_data one{token, 1, 0};
        llama_token_data_array all{&one, 1, -1, false};
        llama_sampler_apply(sampler_.get(), &all);
        return !std::isinf(one.logit);
    }
    void keep_allowed(std::vector<Candidate>& candidates) override {
        data_.clear();
        for (const auto& one : candidates) data_.push_back({one.id, one.logit, 0});
        llama_token_data_array all{data_.data(), data_.size(), -1, false};
        llama_sampler_apply(sampler_.get(), &all);
        candidates.clear();
        for (const auto& one : data_) {
            if (!std::isinf(one.logit)) candidates.push_back({one.id, one.logit});
        }
    }
    void accept(Token token) override {
        // At an end there is nothing to accept, and the library aborts over it.
        if (!llama_vocab_is_eog(words_, token)) llama_sampler_accept(sampler_.get(), token);
    }

  private:
    std::unique_ptr<llama_sampler, void (*)(llama_sampler*)> sampler_;
    const llama_vocab* words_;
    std::vector<llama_token_data> data_;
};

tl::unexpected<Problem> cannot_load(std::string message) {
    return tl::unexpected(Problem{"engine_failed", std::move(message)});
}

}  // namespace

void Free::operator()(llama_model* model) const {
    llama_model_free(model);
}
void Free::operator()(llama_context* context) const {
    llama_free(context);
}
void Free::operator()(llama_adapter_lora* adapter) const {
    llama_adapter_lora_free(adapter);
}

Result<Model> Model::load(const Settings& settings, const std::string& directory) {
    Model made(settings);
    made.directory_ = directory;
    const std::string models =
        settings.models.empty() ? own_folder() + "/llama/models" : settings.models;
    const auto path = find_model(settings.model, directory, models);
    if (!path) return tl::unexpected(path.error());
    if (auto sound = check_gguf(*path); !sound) return tl::unexpected(std::move(sound).error());
    auto params = llama_model_default_params();
    params.n_gpu_layers = settings.gpu_layers;
    params.check_tensors = settings.check_weights;
    made.model_.reset(llama_model_load_from_file(path->c_str(), params));
    if (!made.model_) return cannot_load("libllama cannot read " + *path + "; the log says why");
    made.words_ = llama_model_get_vocab(made.model_.get());
    for (const auto& adapter : settings.adapters) {
        const auto file = find_model(adapter.path, directory, models);
        if (!file) return tl::unexpected(file.error());
        if (auto sound = check_gguf(*file); !sound) return tl::unexpected(std::move(sound).error());
        made.adapters_.emplace_back(llama_adapter_lora_init(made.model_.get(), file->c_str()));
        if (!made.adapters_.back())
            return cannot_load(*file + " is no LoRA adapter for this model; the log says why");
    }
    return made;
}

Result<std::unique_ptr<llama_context, Free>> Model::make_context(std::size_t sequences) const {
    auto params = llama_context_default_params();
    const auto count = static_cast<std::uint32_t>(sequences);
    const auto length = static_cast<std::uint32_t>(settings_.context);
    params.n_ctx = length * count;
    params.n_seq_max = count;
    params.n_threads = params.n_threads_batch = settings_.threads;
    if (settings_.task == Settings::Task::embed) {
        // The mean is taken over what is computed at once, so a batch must hold whole texts; and
        // the library keeps a row of the vocabulary for each of their tokens, so it must not hold
        // more.
        params.n_ctx = params.n_batch = params.n_ubatch = length;
        params.embeddings = true;
        params.pooling_type = LLAMA_POOLING_TYPE_MEAN;
        params.kv_unified = true;
    } else {
        params.n_batch = params.n_ubatch = static_cast<std::uint32_t>(
            std::max<std::size_t>(static_cast<std::size_t>(settings_.batch), sequences));
    }
    std::unique_ptr<llama_context, Free> context(llama_init_from_model(model_.get(), params));
    if (!context) {
        return cannot_load("libllama cannot make a context of settings.context " +
                           std::to_string(length) + " times " + std::to_string(count) + " slots");
    }
    std::vector<llama_adapter_lora*> adapters;
    std::vector<float> scales;
    for (std::size_t i = 0; i < adapters_.size(); ++i) {
        adapters.push_back(adapters_[i].get());
        scales.push_back(settings_.adapters[i].scale);
    }
    if (!adapters.empty() && llama_set_adapters_lora(context.get(), adapters.data(),
                                                     adapters.size(), scales.data()) != 0)
        return cannot_load("libllama does not take the adapters");
    return context;
}

std::vector<Token> Model::tokens_of(std::string_view text) const {
    const auto length = static_cast<std::int32_t>(text.size());
    std::vector<Token> tokens(text.size() / 3 + 16);
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto count = llama_tokenize(words_, text.data(), length, tokens.data(),
                                          static_cast<std::int32_t>(tokens.size()), true, true);
        tokens.resize(static_cast<std::size_t>(std::abs(count)));
        if (count >= 0) break;
    }
    return tokens;
}

void Model::append_piece(Token token, std::string& bytes) const {
    const std::size_t at = bytes.size();
    std::int32_t room = 64;
    for (int attempt = 0; attempt < 2; ++attempt) {
        bytes.resize(at + static_cast<std::size_t>(room));
        const auto size = llama_token_to_piece(words_, token, bytes.data() + at, room, 0, false);
        room = std::abs(size);
        if (size >= 0) break;
    }
    bytes.resize(at + static_cast<std::size_t>(room));
}

bool Model::ends_answer(Token token) const {
    return llama_vocab_is_eog(words_, token);
}

std::vector<std::string> Model::control_words() const {
    std::vector<std::string> words;
    for (Token token = 0; token < llama_vocab_n_tokens(words_); ++token) {
        if (llama_vocab_is_control(words_, token) || llama_vocab_is_eog(words_, token))
            words.push_back(special(token));
    }
    return words;
}

std::size_t Model::vocabulary() const {
    return static_cast<std::size_t>(llama_vocab_n_tokens(words_));
}

std::size_t Model::embedding_size() const {
    return static_cast<std::size_t>(llama_model_n_embd_out(model_.get()));
}

std::string Model::special(Token token) const {
    const char* text = token >= 0 ? llama_vocab_get_text(words_, token) : nullptr;
    return text != nullptr ? text : "";
}

Result<ChatTemplate> Model::chat_template() const {
    std::string text;
    if (settings_.chat_template.empty()) {
        const char* own = llama_model_chat_template(model_.get(), nullptr);
        if (own == nullptr)
            return bad_argument("the model has no chat template; settings.chat_template names one");
        text = own;
    } else {
        const auto path = find_model(settings_.chat_template, directory_, settings_.models);
        if (!path) return tl::unexpected(path.error());
        std::ifstream file(*path, std::ios::binary);
        text.assign(std::istreambuf_iterator<char>(file), {});
    }
    // The library sets the begin of text itself where the model wants one: not twice.
    const bool begins = llama_vocab_get_add_bos(words_);
    auto made = ChatTemplate::parse(
        text, {begins ? "" : special(llama_vocab_bos(words_)), special(llama_vocab_eos(words_))});
    if (made) return made;
    return bad_argument("the chat template is not understood (" + made.error().message +
                        "); settings.chat_template can name another");
}

std::unique_ptr<Grammar> Model::make_grammar(const std::string& text) const {
    auto* sampler = llama_sampler_init_grammar(words_, text.c_str(), "root");
    if (sampler == nullptr) return nullptr;
    return std::make_unique<LlamaGrammar>(sampler, words_);
}

}  // namespace headrace::llama
