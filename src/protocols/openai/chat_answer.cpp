#include "protocols/openai/chat_answer.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "catalog/scalar_codec.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

void append_function_call(std::string& out, const ToolCall& call) {
    out += "{\"name\":";
    append_json_string(out, call.name);
    out += ",\"arguments\":";
    append_json_string(out, call.arguments);
    out += '}';
}

std::string_view finish_for(const AnswerFacts& facts, std::string_view reason) {
    return facts.legacy_functions && reason == "tool_calls" ? "function_call" : reason;
}

void append_message(std::string& out, const AnswerFacts& facts, const ChatOutput& choice) {
    out += "{\"role\":\"assistant\",\"content\":";
    if (choice.text.empty() && !choice.tool_calls.empty()) {
        out += "null";
    } else {
        append_json_string(out, choice.text);
    }
    out += ",\"refusal\":null";
    if (!choice.tool_calls.empty() && facts.legacy_functions) {
        out += ",\"function_call\":";
        append_function_call(out, choice.tool_calls.front());
    } else if (!choice.tool_calls.empty()) {
        out += ",\"tool_calls\":";
        append_tool_calls(out, choice.tool_calls);
    }
    out += '}';
}

/// One frame is prepared; a token costs its escaped text between two fixed pieces.
class ChatChunks final : public StreamShape {
  public:
    ChatChunks(AnswerFacts facts, std::uint32_t choices, bool replaces)
        : facts_(std::move(facts)), replaces_(replaces), choices_(choices) {
        head_ = "data: {\"id\":";
        append_json_string(head_, facts_.id);
        head_ +=
            ",\"object\":\"chat.completion.chunk\",\"created\":" + std::to_string(facts_.created) +
            ",\"model\":";
        append_json_string(head_, facts_.model);
        head_ += ",\"system_fingerprint\":null,\"choices\":[";
        tail_ = facts_.include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n";
    }

    void step(std::string& out, std::uint32_t run, const catalog::Values& values) override {
        Choice& choice = choices_[run];
        open(out, run);
        std::string_view text = text_of(values, "text");
        if (replaces_) text.remove_prefix(std::min(choice.text_bytes, text.size()));
        choice.text_bytes += text.size();
        std::string_view logprobs;
        if (facts_.logprobs) logprobs = text_of(values, "logprobs");
        if (!text.empty() || !logprobs.empty()) add_text(out, run, text, logprobs);
        if (!logprobs.empty()) choice.logprobs_sent = true;
        const auto calls = tool_calls_of(text_of(values, "tool_calls"));
        if (!calls) return;
        for (const auto& call : *calls) add_call(out, run, call);
    }

    void end(std::string& out, std::uint32_t run, catalog::Values outputs,
             const jobs::JobRecord& job) override {
        Choice& choice = choices_[run];
        open(out, run);
        const bool calls_sent = !choice.calls.empty();
        const auto whole = chat_output(std::move(outputs), hex_of(job.id));
        // An engine that does not stream, or not all, gives what is left with its result.
        const std::string_view text =
            std::string_view(whole.text).substr(std::min(choice.text_bytes, whole.text.size()));
        const bool with_logprobs = facts_.logprobs && !choice.logprobs_sent;
        const std::string_view logprobs =
            with_logprobs ? std::string_view(whole.logprobs) : std::string_view();
        if (!text.empty() || !logprobs.empty()) add_text(out, run, text, logprobs);
        if (!calls_sent) {
            for (const auto& call : whole.tool_calls) add_call(out, run, call);
        }
        begin(out, run);
        out += "},\"logprobs\":null,\"finish_reason\":";
        append_json_string(out, finish_for(facts_, whole.finish_reason));
        out += tail_;
        const auto tokens = tokens_of(job.usage);
        tokens_.prompt = std::max(tokens_.prompt, tokens.prompt);
        tokens_.cached = std::max(tokens_.cached, tokens.cached);
        tokens_.completion += tokens.completion;
    }

    void finish(std::string& out) override {
        if (facts_.include_usage) {
            out += head_;
            out += "],\"usage\":";
            append_usage(out, tokens_);
            out += "}\n\n";
        }
        out += "data: [DONE]\n\n";
    }

    void fail(std::string& out, const Error& error) override { out += error_event(error); }

  private:
    struct Choice {
        bool opened = false;
        bool logprobs_sent = false;
        std::size_t text_bytes = 0;
        std::vector<std::int64_t> calls;  // indexes whose first piece was sent
    };

    void begin(std::string& out, std::uint32_t run) {
        out += head_;
        out += "{\"index\":";
        out += std::to_string(run);
        out += ",\"delta\":{";
    }
    void close(std::string& out, std::string_view logprobs) {
        out += "},\"logprobs\":";
        if (logprobs.empty()) {
            out += "null";
        } else {
            append_logprobs(out, logprobs);
        }
        out += ",\"finish_reason\":null";
        out += tail_;
    }
    void open(std::string& out, std::uint32_t run) {
        if (std::exchange(choices_[run].opened, true)) return;
        begin(out, run);
        out += "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null";
        close(out, {});
    }
    void add_text(std::string& out, std::uint32_t run, std::string_view text,
                  std::string_view logprobs) {
        begin(out, run);
        out += "\"content\":";
        append_json_string(out, text);
        close(out, logprobs);
    }
    void add_call(std::string& out, std::uint32_t run, const ToolCall& call) {
        auto& known = choices_[run].calls;
        const bool first = std::find(known.begin(), known.end(), call.index) == known.end();
        if (first) known.push_back(call.index);
        begin(out, run);
        if (facts_.legacy_functions) {
            out += "\"function_call\":";
        } else {
            out += "\"tool_calls\":[{\"index\":" + std::to_string(call.index);
            if (first) {
                out += ",\"id\":";
                append_json_string(out, call.id.empty() ? made_id(run, call.index) : call.id);
                out += ",\"type\":\"function\"";
            }
            out += ",\"function\":";
        }
        out += '{';
        if (!call.name.empty()) {
            out += "\"name\":";
            append_json_string(out, call.name);
            out += ',';
        }
        out += "\"arguments\":";
        append_json_string(out, call.arguments);
        out += facts_.legacy_functions ? "}" : "}}]";
        close(out, {});
    }
    [[nodiscard]] std::string made_id(std::uint32_t run, std::int64_t index) const {
        return "call_" + facts_.id.substr(facts_.id.find('-') + 1) + '_' + std::to_string(run) +
               '_' + std::to_string(index);
    }

    AnswerFacts facts_;
    bool replaces_;
    std::string head_;
    std::string tail_;
    std::vector<Choice> choices_;
    TokenCount tokens_;
};

class Verbatim final : public StreamShape {
  public:
    bool step_bytes(std::string& out, std::string_view values) override {
        const auto bytes = catalog::only_text(values, "response");
        if (!bytes) return false;
        sent_ += bytes->size();
        out += *bytes;
        return true;
    }
    void step(std::string& out, std::uint32_t, const catalog::Values& values) override {
        const auto bytes = text_of(values, "response");
        sent_ += bytes.size();
        out += bytes;
    }
    void end(std::string& out, std::uint32_t, catalog::Values outputs,
             const jobs::JobRecord&) override {
        const auto whole = text_of(outputs, "response");
        out += whole.substr(std::min(sent_, whole.size()));
    }
    std::optional<http::Response> instead(const catalog::Values& outputs) override {
        if (sent_ > 0) return std::nullopt;
        auto response = verbatim_response(outputs);
        if (response.status == 200) return std::nullopt;
        return response;
    }
    void finish(std::string&) override {}
    void fail(std::string& out, const Error& error) override { out += error_event(error); }

  private:
    std::size_t sent_ = 0;
};

}  // namespace

bool replaces_text(const catalog::Interface& interface) {
    const auto spec = std::find_if(interface.outputs.begin(), interface.outputs.end(),
                                   [](const auto& each) { return each.name == "text"; });
    return spec != interface.outputs.end() && spec->streaming == catalog::Streaming::replace;
}

std::string chat_completion(const AnswerFacts& facts, const std::vector<ChatOutput>& choices,
                            const TokenCount& tokens) {
    std::string out;
    std::size_t size = 512;
    for (const auto& choice : choices) size += choice.text.size() + choice.logprobs.size() + 128;
    out.reserve(size);
    out += "{\"id\":";
    append_json_string(out, facts.id);
    out += ",\"object\":\"chat.completion\",\"created\":" + std::to_string(facts.created);
    out += ",\"model\":";
    append_json_string(out, facts.model);
    out += ",\"choices\":[";
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) out += ',';
        out += "{\"index\":" + std::to_string(i) + ",\"message\":";
        append_message(out, facts, choices[i]);
        out += ",\"logprobs\":";
        if (facts.logprobs && !choices[i].logprobs.empty()) {
            append_logprobs(out, choices[i].logprobs);
        } else {
            out += "null";
        }
        out += ",\"finish_reason\":";
        append_json_string(out, finish_for(facts, choices[i].finish_reason));
        out += '}';
    }
    out += "],\"usage\":";
    append_usage(out, tokens);
    out += ",\"system_fingerprint\":null}";
    return out;
}

std::unique_ptr<StreamShape> chat_chunks(AnswerFacts facts, std::uint32_t choices, bool replaces) {
    return std::make_unique<ChatChunks>(std::move(facts), choices, replaces);
}

http::Response verbatim_response(catalog::Values outputs) {
    http::Response response(200, "application/json");
    auto* value = outputs.find("response");
    if (auto* text = value ? value->get<std::string>() : nullptr)
        response.body = std::move(*text);
    else
        response.body = text_of(outputs, "response");
    const auto* status = outputs.find("status");
    const auto* number = status != nullptr ? status->get<std::int64_t>() : nullptr;
    if (number != nullptr && *number >= 400 && *number <= 599) {
        response.status = static_cast<int>(*number);
    }
    return response;
}

std::unique_ptr<StreamShape> verbatim_stream() {
    return std::make_unique<Verbatim>();
}

}  // namespace headrace::protocols::openai
