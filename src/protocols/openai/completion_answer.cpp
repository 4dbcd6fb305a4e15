#include "protocols/openai/completion_answer.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

/// Code points of valid UTF-8: every byte that does not continue one.
std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

std::string_view token_of(const json::value& entry) {
    const auto* object = entry.if_object();
    const auto* token = object != nullptr ? object->if_contains("token") : nullptr;
    return token != nullptr && token->is_string() ? std::string_view(token->get_string())
                                                  : std::string_view();
}

void append_logprob(std::string& out, const json::value& entry) {
    const auto* object = entry.if_object();
    const auto* logprob = object != nullptr ? object->if_contains("logprob") : nullptr;
    if (logprob != nullptr && logprob->is_number()) {
        append_json(out, *logprob);
    } else {
        out += "-9999.0";
    }
}

/// {"token":logprob,…}; null where the entry names no alternatives.
void append_top(std::string& out, const json::value& entry) {
    const auto* object = entry.if_object();
    const auto* top = object != nullptr ? object->if_contains("top") : nullptr;
    const auto* list = top != nullptr ? top->if_array() : nullptr;
    if (list == nullptr || list->empty()) {
        out += "null";
        return;
    }
    out += '{';
    std::vector<std::string_view> seen;  // two tokens may show as the same text
    for (const auto& one : *list) {
        const auto token = token_of(one);
        if (std::find(seen.begin(), seen.end(), token) != seen.end()) continue;
        seen.push_back(token);
        if (out.back() != '{') out += ',';
        append_json_string(out, token);
        out += ':';
        append_logprob(out, one);
    }
    out += '}';
}

template <class Append>
void append_list(std::string& out, std::string_view name, const json::array& entries,
                 const Append& append) {
    out += '"';
    out += name;
    out += "\":[";
    for (const auto& entry : entries) {
        if (out.back() != '[') out += ',';
        append(entry);
    }
    out += ']';
}

void append_choice(std::string& out, std::size_t index, std::string_view text,
                   std::string_view logprobs, std::size_t& offset, std::string_view finish) {
    out += "{\"index\":" + std::to_string(index) + ",\"text\":";
    append_json_string(out, text);
    out += ",\"logprobs\":";
    append_text_logprobs(out, logprobs, offset);
    out += ",\"finish_reason\":";
    if (finish.empty()) {
        out += "null";
    } else {
        append_json_string(out, finish);
    }
    out += '}';
}

/// A completion has no tools; a reason of theirs is an end like any other.
std::string_view finish_word(const ChatOutput& choice) {
    return choice.finish_reason == "tool_calls" ? "stop" : std::string_view(choice.finish_reason);
}

void append_head(std::string& out, const AnswerFacts& facts) {
    out += "{\"id\":";
    append_json_string(out, facts.id);
    out += ",\"object\":\"text_completion\",\"created\":" + std::to_string(facts.created);
    out += ",\"model\":";
    append_json_string(out, facts.model);
    out += ",\"choices\":[";
}

class TextChunks final : public StreamShape {
  public:
    TextChunks(AnswerFacts facts, std::uint32_t runs, std::uint32_t per_prompt, bool replaces)
        : facts_(std::move(facts)), replaces_(replaces), runs_(runs), tokens_(per_prompt) {
        head_ = "data: ";
        append_head(head_, facts_);
        tail_ = facts_.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n";
    }

    void step(std::string& out, std::uint32_t run, const catalog::Values& values) override {
        Run& to = runs_[run];
        std::string_view text = text_of(values, "text");
        if (replaces_) text.remove_prefix(std::min(to.text_bytes, text.size()));
        to.text_bytes += text.size();
        std::string_view logprobs;
        if (facts_.logprobs) logprobs = text_of(values, "logprobs");
        to.logprobs_sent = to.logprobs_sent || !logprobs.empty();
        if (!text.empty() || !logprobs.empty()) add(out, run, text, logprobs, {});
    }

    void end(std::string& out, std::uint32_t run, catalog::Values outputs,
             const jobs::JobRecord& job) override {
        Run& to = runs_[run];
        const auto whole = chat_output(std::move(outputs), {});
        const std::string_view rest =
            std::string_view(whole.text).substr(std::min(to.text_bytes, whole.text.size()));
        const bool left = facts_.logprobs && !to.logprobs_sent;
        add(out, run, rest, left ? std::string_view(whole.logprobs) : std::string_view(),
            finish_word(whole));
        tokens_.add(run, tokens_of(job.usage));
    }

    void finish(std::string& out) override {
        if (facts_.include_usage) {
            out += head_;
            out += "],\"usage\":";
            append_usage(out, tokens_.total());
            out += "}\n\n";
        }
        out += "data: [DONE]\n\n";
    }

    void fail(std::string& out, const Error& error) override { out += error_event(error); }

  private:
    struct Run {
        std::size_t text_bytes = 0;
        std::size_t offset = 0;
        bool logprobs_sent = false;
    };
    void add(std::string& out, std::uint32_t run, std::string_view text, std::string_view logprobs,
             std::string_view finish) {
        out += head_;
        append_choice(out, run, text, logprobs, runs_[run].offset, finish);
        out += tail_;
    }

    AnswerFacts facts_;
    bool replaces_;
    std::string head_;
    std::string tail_;
    std::vector<Run> runs_;
    RunTokens tokens_;
};

}  // namespace

void append_text_logprobs(std::string& out, std::string_view entries, std::size_t& offset) {
    const auto list = parse_json(entries.empty() ? "null" : entries);
    const auto* array = list ? list->if_array() : nullptr;
    if (array == nullptr) {
        out += "null";
        return;
    }
    out += '{';
    append_list(out, "tokens", *array,
                [&](const json::value& entry) { append_json_string(out, token_of(entry)); });
    out += ',';
    append_list(out, "token_logprobs", *array,
                [&](const json::value& entry) { append_logprob(out, entry); });
    out += ',';
    append_list(out, "top_logprobs", *array,
                [&](const json::value& entry) { append_top(out, entry); });
    out += ',';
    append_list(out, "text_offset", *array, [&](const json::value& entry) {
        out += std::to_string(offset);
        offset += code_points(token_of(entry));
    });
    out += '}';
}

std::string text_completion(const AnswerFacts& facts, const std::vector<ChatOutput>& choices,
                            const TokenCount& tokens) {
    std::string out;
    append_head(out, facts);
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) out += ',';
        std::size_t offset = 0;
        const std::string_view logprobs =
            facts.logprobs ? std::string_view(choices[i].logprobs) : std::string_view();
        append_choice(out, i, choices[i].text, logprobs, offset, finish_word(choices[i]));
    }
    out += "],\"usage\":";
    append_usage(out, tokens);
    out += '}';
    return out;
}

std::unique_ptr<StreamShape> text_chunks(AnswerFacts facts, std::uint32_t runs,
                                         std::uint32_t per_prompt, bool replaces) {
    return std::make_unique<TextChunks>(std::move(facts), runs, per_prompt, replaces);
}

void RunTokens::add(std::uint32_t run, const TokenCount& tokens) {
    const std::size_t prompt = run / per_prompt_;
    if (prompts_.size() <= prompt) prompts_.resize(prompt + 1);
    auto& to = prompts_[prompt];
    to.prompt = std::max(to.prompt, tokens.prompt);
    to.cached = std::max(to.cached, tokens.cached);
    to.completion += tokens.completion;
}

TokenCount RunTokens::total() const {
    TokenCount total;
    for (const auto& each : prompts_) {
        total.prompt += each.prompt;
        total.cached += each.cached;
        total.completion += each.completion;
    }
    return total;
}

}  // namespace headrace::protocols::openai
