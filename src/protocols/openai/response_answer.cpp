#include "protocols/openai/response_answer.hpp"

#include <algorithm>
#include <vector>

#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

/// What follows "resp_": items of a response carry it in their ids.
std::string_view stem(const ResponseFacts& facts) {
    return std::string_view(facts.id).substr(facts.id.find('_') + 1);
}

std::string message_id(const ResponseFacts& facts) {
    return "msg_" + std::string(stem(facts));
}

std::string call_item_id(const ResponseFacts& facts, std::int64_t index) {
    return "fc_" + std::string(stem(facts)) + '_' + std::to_string(index);
}

/// The list alone, in the shape of a chat's `logprobs.content`.
void append_entries(std::string& out, std::string_view entries) {
    std::string object;
    append_logprobs(object, entries);
    constexpr std::string_view kHead = "{\"content\":";
    constexpr std::string_view kTail = ",\"refusal\":null}";
    if (!object.starts_with(kHead)) {
        out += "[]";
        return;
    }
    out +=
        std::string_view(object).substr(kHead.size(), object.size() - kHead.size() - kTail.size());
}

void append_part(std::string& out, std::string_view text, std::string_view entries) {
    out += "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":";
    append_entries(out, entries);
    out += ",\"text\":";
    append_json_string(out, text);
    out += '}';
}

void append_message(std::string& out, const ResponseFacts& facts, std::string_view status,
                    const std::string& content) {
    out += "{\"id\":";
    append_json_string(out, message_id(facts));
    out += ",\"type\":\"message\",\"status\":\"";
    out += status;
    out += "\",\"role\":\"assistant\",\"content\":[" + content + "]}";
}

void append_call_item(std::string& out, const ResponseFacts& facts, std::string_view status,
                      const ToolCall& call) {
    out += "{\"id\":";
    append_json_string(out, call_item_id(facts, call.index));
    out += ",\"type\":\"function_call\",\"status\":\"";
    out += status;
    out += "\",\"call_id\":";
    append_json_string(out, call.id);
    out += ",\"name\":";
    append_json_string(out, call.name);
    out += ",\"arguments\":";
    append_json_string(out, call.arguments);
    out += '}';
}

std::string rendered(const ResponseFacts& facts, std::string_view status, std::string_view output,
                     std::string_view error, std::string_view incomplete, std::string_view usage) {
    const auto or_null = [](std::string_view text) { return text.empty() ? "null" : text; };
    std::string out = "{\"id\":";
    append_json_string(out, facts.id);
    out += ",\"object\":\"response\",\"created_at\":" + std::to_string(facts.created);
    out += ",\"status\":\"";
    out += status;
    out += "\",\"error\":";
    out += or_null(error);
    out += ",\"incomplete_details\":";
    out += or_null(incomplete);
    out += ",\"model\":";
    append_json_string(out, facts.model);
    out += ",\"output\":[";
    out += output;
    out += ']';
    out += facts.echo;
    out += ",\"usage\":";
    out += or_null(usage);
    out += '}';
    return out;
}

std::string usage_object(const TokenCount& tokens) {
    return "{\"input_tokens\":" + std::to_string(tokens.prompt) +
           ",\"input_tokens_details\":{\"cached_tokens\":" + std::to_string(tokens.cached) +
           ",\"cache_write_tokens\":0},\"output_tokens\":" + std::to_string(tokens.completion) +
           ",\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":" +
           std::to_string(tokens.prompt + tokens.completion) + '}';
}

class ResponseEvents final : public StreamShape {
  public:
    ResponseEvents(ResponseFacts facts, bool replaces, ResponseKeeper* keeper)
        : facts_(std::move(facts)), replaces_(replaces), keeper_(keeper) {}

    void step(std::string& out, std::uint32_t, const catalog::Values& values) override {
        open(out);
        std::string_view text = text_of(values, "text");
        if (replaces_) text.remove_prefix(std::min(text_.size(), text.size()));
        const auto entries = facts_.logprobs ? text_of(values, "logprobs") : std::string_view();
        if (!text.empty() || !entries.empty()) add_text(out, text, entries);
        const auto calls = tool_calls_of(text_of(values, "tool_calls"));
        if (!calls) return;
        for (const auto& call : *calls) add_call(out, call);
    }

    void end(std::string& out, std::uint32_t, catalog::Values outputs,
             const jobs::JobRecord& job) override {
        open(out);
        whole_ = chat_output(std::move(outputs), stem(facts_));
        tokens_ = tokens_of(job.usage);
        const auto rest = whole_.text.substr(std::min(text_.size(), whole_.text.size()));
        const bool calls = !whole_.tool_calls.empty() || !calls_.empty();
        const bool silent = whole_.text.empty() && text_.empty() && calls;
        if (!rest.empty() || (!message_open_ && !silent)) add_text(out, rest, {});
        if (calls_.empty()) {
            for (const auto& call : whole_.tool_calls) add_call(out, call);
        }
        complete();
        for (const auto& call : calls_) close_call(out, call);
        if (message_open_) close_message(out);
    }

    asio::awaitable<Result<void>> settle() override {
        final_ = response_object(facts_, whole_, tokens_);
        if (keeper_ == nullptr) co_return Result<void>{};
        auto response = final_;
        co_return co_await keeper_->keep(std::move(response));
    }

    void finish(std::string& out) override {
        const bool cut = whole_.finish_reason == "length";
        begin(out, cut ? "response.incomplete" : "response.completed");
        out += ",\"response\":" + final_ + "}\n\n";
    }

    void fail(std::string& out, const Error& error) override {
        open(out);
        begin(out, "response.failed");
        out += ",\"response\":" + response_without_output(facts_, "failed", response_error(error)) +
               "}\n\n";
    }

  private:
    struct Call {
        ToolCall whole;
        std::size_t place = 0;
    };

    void begin(std::string& out, std::string_view type) {
        out += "event: ";
        out += type;
        out += "\ndata: {\"type\":\"";
        out += type;
        out += "\",\"sequence_number\":" + std::to_string(sequence_++);
    }
    void begin_item(std::string& out, std::string_view type, const std::string& item,
                    std::size_t place) {
        begin(out, type);
        out += ",\"item_id\":\"" + item + "\",\"output_index\":" + std::to_string(place);
    }
    /// An engine need not repeat in its result what it has streamed.
    void complete() {
        whole_.text = text_;
        if (whole_.logprobs.empty() && !entries_.empty()) whole_.logprobs = '[' + entries_ + ']';
        if (!whole_.tool_calls.empty()) return;
        for (const auto& call : calls_) whole_.tool_calls.push_back(call.whole);
    }
    void open(std::string& out) {
        if (std::exchange(opened_, true)) return;
        const auto object = response_without_output(facts_, "in_progress");
        for (const std::string_view type : {"response.created", "response.in_progress"}) {
            begin(out, type);
            out += ",\"response\":" + object + "}\n\n";
        }
    }
    void add_text(std::string& out, std::string_view text, std::string_view entries) {
        if (!std::exchange(message_open_, true)) {
            message_place_ = items_++;
            begin(out, "response.output_item.added");
            out += ",\"output_index\":" + std::to_string(message_place_) + ",\"item\":";
            append_message(out, facts_, "in_progress", "");
            out += "}\n\n";
            begin_item(out, "response.content_part.added", message_id(facts_), message_place_);
            out += ",\"content_index\":0,\"part\":";
            append_part(out, "", {});
            out += "}\n\n";
        }
        text_ += text;
        if (text.empty() && entries.empty()) return;
        if (entries.size() > 2 && entries.front() == '[') {
            if (!entries_.empty()) entries_ += ',';
            entries_ += entries.substr(1, entries.size() - 2);
        }
        begin_item(out, "response.output_text.delta", message_id(facts_), message_place_);
        out += ",\"content_index\":0,\"delta\":";
        append_json_string(out, text);
        out += ",\"logprobs\":";
        append_entries(out, entries);
        out += "}\n\n";
    }
    void close_message(std::string& out) {
        const std::string_view entries =
            facts_.logprobs ? std::string_view(whole_.logprobs) : std::string_view();
        begin_item(out, "response.output_text.done", message_id(facts_), message_place_);
        out += ",\"content_index\":0,\"text\":";
        append_json_string(out, whole_.text);
        out += ",\"logprobs\":";
        append_entries(out, entries);
        out += "}\n\n";
        std::string part;
        append_part(part, whole_.text, entries);
        begin_item(out, "response.content_part.done", message_id(facts_), message_place_);
        out += ",\"content_index\":0,\"part\":" + part + "}\n\n";
        begin(out, "response.output_item.done");
        out += ",\"output_index\":" + std::to_string(message_place_) + ",\"item\":";
        append_message(out, facts_, "completed", part);
        out += "}\n\n";
    }
    void add_call(std::string& out, const ToolCall& piece) {
        auto at = std::find_if(calls_.begin(), calls_.end(),
                               [&](const Call& call) { return call.whole.index == piece.index; });
        if (at == calls_.end()) {
            Call call{piece, items_++};
            call.whole.arguments.clear();
            if (call.whole.id.empty()) {
                call.whole.id =
                    "call_" + std::string(stem(facts_)) + '_' + std::to_string(piece.index);
            }
            begin(out, "response.output_item.added");
            out += ",\"output_index\":" + std::to_string(call.place) + ",\"item\":";
            append_call_item(out, facts_, "in_progress", call.whole);
            out += "}\n\n";
            calls_.push_back(std::move(call));
            at = calls_.end() - 1;
        }
        at->whole.arguments += piece.arguments;
        if (piece.arguments.empty()) return;
        begin_item(out, "response.function_call_arguments.delta", call_item_id(facts_, piece.index),
                   at->place);
        out += ",\"delta\":";
        append_json_string(out, piece.arguments);
        out += "}\n\n";
    }
    void close_call(std::string& out, const Call& call) {
        begin_item(out, "response.function_call_arguments.done",
                   call_item_id(facts_, call.whole.index), call.place);
        out += ",\"name\":";
        append_json_string(out, call.whole.name);
        out += ",\"arguments\":";
        append_json_string(out, call.whole.arguments);
        out += "}\n\n";
        begin(out, "response.output_item.done");
        out += ",\"output_index\":" + std::to_string(call.place) + ",\"item\":";
        append_call_item(out, facts_, "completed", call.whole);
        out += "}\n\n";
    }

    ResponseFacts facts_;
    bool replaces_;
    ResponseKeeper* keeper_;
    std::uint64_t sequence_ = 0;
    std::size_t items_ = 0;  // begun so far: places in the output
    bool opened_ = false;
    bool message_open_ = false;
    std::size_t message_place_ = 0;
    std::string text_;     // sent so far
    std::string entries_;  // of logprobs, without the brackets
    std::vector<Call> calls_;
    ChatOutput whole_;
    TokenCount tokens_;
    std::string final_;
};

}  // namespace

std::string response_without_output(const ResponseFacts& facts, std::string_view status,
                                    std::string_view error) {
    return rendered(facts, status, {}, error, {}, {});
}

std::string response_object(const ResponseFacts& facts, const ChatOutput& output,
                            const TokenCount& tokens) {
    const bool cut = output.finish_reason == "length";
    std::string items;
    if (!output.text.empty() || output.tool_calls.empty()) {
        std::string part;
        append_part(part, output.text,
                    facts.logprobs ? std::string_view(output.logprobs) : std::string_view());
        append_message(items, facts, cut ? "incomplete" : "completed", part);
    }
    for (const auto& call : output.tool_calls) {
        if (!items.empty()) items += ',';
        append_call_item(items, facts, "completed", call);
    }
    return rendered(facts, cut ? "incomplete" : "completed", items, {},
                    cut ? "{\"reason\":\"max_output_tokens\"}" : "", usage_object(tokens));
}

std::string response_error(const Error& error) {
    const bool ours = error.code == ErrorCode::internal;
    std::string out = "{\"code\":";
    append_json_string(
        out, error.code == ErrorCode::invalid_argument ? "invalid_prompt" : "server_error");
    out += ",\"message\":";
    append_json_string(out, ours ? std::string_view("The server had an error.") : error.message);
    out += '}';
    return out;
}

std::unique_ptr<StreamShape> response_events(ResponseFacts facts, bool replaces,
                                             ResponseKeeper* keeper) {
    return std::make_unique<ResponseEvents>(std::move(facts), replaces, keeper);
}

}  // namespace headrace::protocols::openai
