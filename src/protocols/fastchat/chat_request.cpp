#include "protocols/fastchat/chat_request.hpp"

#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "protocols/fastchat/errors.hpp"
#include "protocols/fastchat/model_jobs.hpp"

namespace headrace::protocols::fastchat {
namespace {

constexpr std::int64_t kMostChoices = 16;
constexpr std::size_t kMostStops = 64;
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// Reads one member after the other; keeps the first that cannot be.
class Reader {
  public:
    explicit Reader(const json::object& body) : body_(body) {}

    void number(std::string_view name, double& out, double least, double most) {
        const auto* value = member(name);
        if (value == nullptr) return;
        if (!value->is_number()) return wrong(name, "is no number");
        const auto read = value->to_number<double>();
        if (read < least)
            return range(name, fmt::format("{} is less than the minimum of {}", read, least));
        if (read > most)
            return range(name, fmt::format("{} is greater than the maximum of {}", read, most));
        out = read;
    }
    void whole(std::string_view name, std::int64_t& out, std::int64_t least) {
        const auto* value = member(name);
        if (value == nullptr) return;
        if (!value->is_int64()) return wrong(name, "is no whole number");
        if (value->get_int64() < least) {
            return range(
                name, fmt::format("{} is less than the minimum of {}", value->get_int64(), least));
        }
        out = value->get_int64();
    }
    void flag(std::string_view name, bool& out) {
        const auto* value = member(name);
        if (value == nullptr) return;
        if (!value->is_bool()) return wrong(name, "is neither true nor false");
        out = value->get_bool();
    }
    void texts(std::string_view name, std::vector<std::string>& out) {
        const auto* value = member(name);
        if (value == nullptr) return;
        if (const auto* text = value->if_string()) {
            out.emplace_back(*text);
        } else if (const auto* list = value->if_array(); list && list->size() <= kMostStops) {
            for (const auto& item : *list) {
                if (!item.is_string()) return range(name, "is neither a text nor a list of texts");
                out.emplace_back(item.get_string());
            }
        } else {
            range(name, "is neither a text nor a list of texts");
        }
    }
    const json::value* member(std::string_view name) const {
        const auto* value = body_.if_contains(name);
        return value == nullptr || value->is_null() ? nullptr : value;
    }
    void wrong(std::string_view name, std::string_view what) {
        if (!refusal) refusal = Refusal{code::kValidation, fmt::format("'{}' {}", name, what)};
    }
    void range(std::string_view name, std::string_view what) {
        if (!refusal) refusal = Refusal{code::kRange, fmt::format("{} - '{}'", what, name)};
    }

    std::optional<Refusal> refusal;

  private:
    const json::object& body_;
};

}  // namespace

tl::expected<ChatRequest, Refusal> read_chat_request(const json::object& body) {
    ChatRequest out;
    Reader reader(body);
    const auto* model = reader.member("model");
    if (model == nullptr || !model->is_string()) {
        reader.wrong("model", "is no text");
    } else {
        out.model = std::string(model->get_string());
    }
    const auto* messages = reader.member("messages");
    if (messages == nullptr || !(messages->is_string() || messages->is_array())) {
        reader.wrong("messages", "is neither a text nor a list");
    } else {
        out.messages = *messages;
    }
    reader.whole("max_tokens", out.max_tokens, 1);
    reader.whole("n", out.n, 1);
    if (out.n > kMostChoices) reader.range("n", "is too large");
    reader.number("temperature", out.temperature, 0, 2);
    reader.number("top_p", out.top_p, 0, 1);
    reader.whole("top_k", out.top_k, -1);
    if (out.top_k == 0) reader.range("top_k", "0 is neither -1 nor 1 or more");
    reader.texts("stop", out.stop);
    reader.flag("stream", out.stream);
    reader.number("presence_penalty", out.presence_penalty, -2, 2);
    reader.number("frequency_penalty", out.frequency_penalty, -2, 2);
    reader.number("repetition_penalty", out.repetition_penalty, 0, kNoLimit);
    if (reader.refusal) return tl::unexpected(std::move(*reader.refusal));
    return out;
}

Result<catalog::Values> canonical(const ChatRequest& request, const catalog::Version& version) {
    catalog::Values out;
    const auto put = [&](std::string_view name, catalog::Value value) {
        if (takes(version, name)) out.set(name, std::move(value));
    };
    if (!takes(version, "messages")) {
        return fail(ErrorCode::not_found, "the model answers no chats");
    }
    if (request.messages.is_array()) {
        std::string text;
        append_json(text, request.messages);
        out.set("messages", catalog::Json{std::move(text)});
    } else if (takes(version, "prompt")) {
        out.set("prompt", std::string(request.messages.get_string()));
    } else {
        std::string text = R"([{"role":"user","content":)";
        append_json_string(text, request.messages.get_string());
        out.set("messages", catalog::Json{text + "}]"});
    }
    put("temperature", request.temperature);
    put("top_p", request.top_p);
    // "Off" is -1 for FastChat and may be no number that another model takes.
    if (request.top_k > 0) put("top_k", request.top_k);
    if (request.max_tokens > 0) put("max_tokens", request.max_tokens);
    if (!request.stop.empty()) {
        catalog::Value::List stop(request.stop.begin(), request.stop.end());
        put("stop", std::move(stop));
    }
    if (request.presence_penalty != 0) put("presence_penalty", request.presence_penalty);
    if (request.frequency_penalty != 0) put("frequency_penalty", request.frequency_penalty);
    if (request.repetition_penalty > 0) put("repeat_penalty", request.repetition_penalty);
    return out;
}

}  // namespace headrace::protocols::fastchat
