#include "protocols/openai/chat_request.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json_scan.hpp"
#include "catalog/json_codec.hpp"
#include "protocols/openai/chat_messages.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/model_call.hpp"

namespace headrace::protocols::openai {
namespace {

enum class Type : std::uint8_t { number, boolean, array, object, any };

/// A member of the body that has a canonical field.
struct Member {
    std::string_view name;
    std::string_view canonical;
    Type type;
    double min = 0;
    double max = 0;
    /// The value that asks for nothing, so that a model without the field may ignore it.
    double neutral = 0;
};

constexpr double kNoLimit = 1e15;

constexpr std::array kMembers{
    Member{"temperature", "temperature", Type::number, 0, 2, 1},
    Member{"top_p", "top_p", Type::number, 0, 1, 1},
    Member{"presence_penalty", "presence_penalty", Type::number, -2, 2, 0},
    Member{"frequency_penalty", "frequency_penalty", Type::number, -2, 2, 0},
    Member{"min_p", "min_p", Type::number, 0, 1, 0},
    Member{"top_k", "top_k", Type::number, 0, kNoLimit, 0},
    Member{"repetition_penalty", "repeat_penalty", Type::number, 0, kNoLimit, 1},
    Member{"logprobs", "logprobs", Type::boolean, 0, 1, 0},
    Member{"top_logprobs", "top_logprobs", Type::number, 0, 20, 0},
    Member{"logit_bias", "logit_bias", Type::object},
    Member{"parallel_tool_calls", "parallel_tool_calls", Type::boolean, 0, 1, 1},
    Member{"tools", "tools", Type::array},
    Member{"tool_choice", "tool_choice", Type::any},
    Member{"response_format", "response_format", Type::object},
};

/// Read elsewhere, or of the wire alone.
constexpr std::array<std::string_view, 6> kHandled{"model",  "messages",       "prompt",
                                                   "stream", "stream_options", "n"};
/// What asks for another kind of answer: a model that does not name it cannot give it.
constexpr std::array<std::string_view, 2> kBinding{"audio", "web_search_options"};

template <class List>
bool holds(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

Result<void> check_type(const Member& member, const json::value& value) {
    switch (member.type) {
        case Type::number: {
            if (!value.is_number()) return fail(wrong_type(member.name, "a number"));
            const double number = value.to_number<double>();
            if (number >= member.min && number <= member.max) return {};
            const bool low = number < member.min;
            return fail(bad_field(
                std::string(member.name), code::kInvalid,
                "Invalid value for '" + std::string(member.name) + "': must be at " +
                    (low ? "least " : "most ") +
                    std::to_string(static_cast<std::int64_t>(low ? member.min : member.max)) +
                    "."));
        }
        case Type::boolean:
            if (!value.is_bool()) return fail(wrong_type(member.name, "a boolean"));
            return {};
        case Type::array:
            if (!value.is_array()) return fail(wrong_type(member.name, "an array"));
            return {};
        case Type::object:
            if (!value.is_object()) return fail(wrong_type(member.name, "an object"));
            return {};
        case Type::any:
            return {};
    }
    return {};
}

/// Whether a model that cannot obey the member may go on without it.
bool asks_nothing(const Member& member, const json::value& value) {
    if (value.is_number()) return value.to_number<double>() == member.neutral;
    if (value.is_bool()) return value.get_bool() == (member.neutral != 0);
    if (value.is_array()) return value.get_array().empty();
    if (member.name == "tool_choice") return value == "none" || value == "auto";
    const auto* object = value.if_object();
    if (object == nullptr) return false;
    if (member.name == "response_format") {
        const auto* type = object->if_contains("type");
        return type != nullptr && *type == "text";
    }
    return object->empty();
}

/// Builds the input in the form of the interface.
class Translation {
  public:
    explicit Translation(const catalog::Interface& interface)
        : interface_(interface), has_extra_(has_parameter(interface, "extra")) {}

    Result<void> messages(json::object& body);
    Result<void> functions(json::object& body);
    Result<void> max_tokens(const json::object& body);
    Result<void> stop(json::object& body);
    Result<void> modalities(const json::object& body) const;
    Result<void> rest(json::object& body);

    json::object input;
    bool legacy_functions = false;

  private:
    [[nodiscard]] bool has(std::string_view name) const { return has_parameter(interface_, name); }
    Result<void> put(const Member& known, json::value value);
    void pass_on(std::string_view name, json::value value);

    const catalog::Interface& interface_;
    bool has_extra_;
    json::object extra_;
};

Result<void> Translation::messages(json::object& body) {
    auto* messages = body.if_contains("messages");
    auto* prompt = body.if_contains("prompt");
    if (messages == nullptr && prompt != nullptr && has("prompt")) {
        input["prompt"] = std::move(*prompt);
        return {};
    }
    if (messages == nullptr || messages->is_null()) return fail(missing_field("messages"));
    auto list = canonical_messages(std::move(*messages));
    if (!list) return fail(std::move(list).error());
    input["messages"] = std::move(*list);
    return {};
}

/// The legacy pair is read as the fields that took its place.
Result<void> Translation::functions(json::object& body) {
    if (member(body, "functions") != nullptr) {
        auto tools = tools_of_functions(std::move(body["functions"]));
        if (!tools) return fail(std::move(tools).error());
        legacy_functions = true;
        body["tools"] = std::move(*tools);
    }
    if (member(body, "function_call") != nullptr) {
        auto choice = choice_of_function_call(std::move(body["function_call"]));
        if (!choice) return fail(std::move(choice).error());
        body["tool_choice"] = std::move(*choice);
    }
    body.erase("functions");
    body.erase("function_call");
    return {};
}

Result<void> Translation::max_tokens(const json::object& body) {
    for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
        const auto most = read_integer(body, name, 1);
        if (!most) return fail(most.error());
        if (!*most || input.contains("max_tokens")) continue;
        if (!has("max_tokens")) return fail(unsupported_field(name));
        input["max_tokens"] = **most;
    }
    return {};
}

Result<void> Translation::stop(json::object& body) {
    auto* given = body.if_contains("stop");
    if (given == nullptr || given->is_null()) return {};
    json::array stops;
    if (given->is_string()) {
        if (!given->get_string().empty()) stops.emplace_back(std::move(*given));
    } else if (given->is_array()) {
        stops = std::move(given->get_array());
    } else {
        return fail(wrong_type("stop", "a string or an array of strings"));
    }
    if (stops.empty()) return {};
    if (!has("stop")) return fail(unsupported_field("stop"));
    input["stop"] = std::move(stops);
    return {};
}

Result<void> Translation::modalities(const json::object& body) const {
    const auto* given = member(body, "modalities");
    if (given == nullptr || has("modalities") || has_extra_) return {};
    const auto* list = given->if_array();
    if (list == nullptr) return fail(wrong_type("modalities", "an array"));
    for (const auto& each : *list) {
        if (each != "text") return fail(unsupported_field("modalities"));
    }
    return {};
}

Result<void> Translation::put(const Member& known, json::value value) {
    // FastChat's clients write "off" as -1.
    if (known.name == "top_k" && value.is_int64() && value.get_int64() == -1) value = 0;
    if (auto sound = check_type(known, value); !sound) return sound;
    if (has(known.canonical)) {
        input[known.canonical] = std::move(value);
    } else if (!asks_nothing(known, value)) {
        return fail(unsupported_field(known.name));
    }
    return {};
}

void Translation::pass_on(std::string_view name, json::value value) {
    if (catalog::is_field_name(name) && has(name) && !input.contains(name)) {
        input[name] = std::move(value);
    } else if (has_extra_) {
        extra_[name] = std::move(value);
    }
}

Result<void> Translation::rest(json::object& body) {
    constexpr std::array<std::string_view, 4> kRead{"max_tokens", "max_completion_tokens", "stop",
                                                    "modalities"};
    for (auto& each : body) {
        const std::string_view name = each.key();
        if (each.value().is_null() || holds(kHandled, name)) continue;
        if (holds(kRead, name) && (name != "modalities" || !has_extra_)) continue;
        const auto known = std::find_if(kMembers.begin(), kMembers.end(),
                                        [&](const Member& one) { return one.name == name; });
        if (known != kMembers.end()) {
            if (auto done = put(*known, std::move(each.value())); !done) return done;
        } else if (holds(kBinding, name) && !has(name) && !has_extra_) {
            return fail(unsupported_field(name));
        } else {
            pass_on(name, std::move(each.value()));
        }
    }
    if (!extra_.empty()) input["extra"] = std::move(extra_);
    return {};
}

Result<void> check_logprobs(const json::object& body) {
    const auto wanted = read_bool(body, "logprobs");
    if (!wanted) return fail(wanted.error());
    const auto top = read_integer(body, "top_logprobs", 0, 20);
    if (!top) return fail(top.error());
    if (top->value_or(0) > 0 && !wanted->value_or(false)) {
        return fail(bad_field("top_logprobs", code::kInvalid,
                              "'top_logprobs' is only allowed when 'logprobs' is true."));
    }
    return {};
}

/// Further choices of one request are jobs of their own; one seed would make them all alike.
void vary_seed(catalog::Values& input, std::uint32_t choice) {
    auto* seed = input.find("seed");
    auto* number = seed != nullptr ? seed->get<std::int64_t>() : nullptr;
    if (number != nullptr) {
        *number = static_cast<std::int64_t>(static_cast<std::uint64_t>(*number) + choice);
    }
}

}  // namespace

Result<ChatHead> read_chat_head(const json::object& body) {
    ChatHead head;
    const auto model = require_text(body, "model");
    if (!model) return fail(model.error());
    head.model = *model;
    const auto stream = read_bool(body, "stream");
    if (!stream) return fail(stream.error());
    head.stream = stream->value_or(false);
    if (const auto* options = member(body, "stream_options")) {
        const auto* object = options->if_object();
        if (object == nullptr) return fail(wrong_type("stream_options", "an object"));
        if (!head.stream) {
            return fail(bad_field("stream_options", code::kInvalid,
                                  "'stream_options' is only allowed when 'stream' is true."));
        }
        const auto usage = read_bool(*object, "include_usage");
        if (!usage) return fail(usage.error());
        head.include_usage = usage->value_or(false);
    }
    const auto choices = read_integer(body, "n", 1, kMostChoices);
    if (!choices) return fail(choices.error());
    head.choices = static_cast<std::uint32_t>(choices->value_or(1));
    for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
        const auto most = read_integer(body, name, 0);
        if (!most) return fail(most.error());
        if (*most && head.max_tokens == 0) head.max_tokens = static_cast<std::uint64_t>(**most);
    }
    return head;
}

std::optional<ChatHead> scan_chat_head(std::string_view body) {
    const auto members = JsonMembers::scan_plain(body);
    const auto given = [&](std::string_view name) {
        const auto* found = members->find(name);
        return found && found->kind != JsonKind::null ? found : nullptr;
    };
    const auto* model = members ? given("model") : nullptr;
    if (!model || model->kind != JsonKind::string || model->value.size() <= 2) return std::nullopt;
    ChatHead head;
    head.model = model->value.substr(1, model->value.size() - 2);
    if (head.model.find('\\') != std::string_view::npos) return std::nullopt;
    if (const auto* stream = given("stream")) {
        if (stream->kind != JsonKind::boolean) return std::nullopt;
        head.stream = stream->value == "true";
    }
    if (const auto* options = given("stream_options")) {
        const auto inner = JsonMembers::scan_plain(options->value);
        const auto* usage = inner ? inner->find("include_usage") : nullptr;
        if (!inner || !head.stream) return std::nullopt;
        if (usage && usage->kind != JsonKind::boolean) return std::nullopt;
        head.include_usage = usage && usage->value == "true";
    }
    if (const auto* choices = given("n")) {
        const auto count = json_count(choices->value);
        if (!count || *count < 1 || *count > kMostChoices) return std::nullopt;
        head.choices = static_cast<std::uint32_t>(*count);
    }
    for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
        const auto* most = given(name);
        const auto count = most ? json_count(most->value) : std::nullopt;
        if (most && !count) return std::nullopt;
        if (count && head.max_tokens == 0) head.max_tokens = *count;
    }
    return head;
}

Result<ChatInput> read_chat_input(json::object body, const catalog::Validator& validator,
                                  std::uint32_t choices) {
    if (auto sound = check_logprobs(body); !sound) return fail(std::move(sound).error());
    ChatInput result;
    const auto* logprobs = member(body, "logprobs");
    result.logprobs = logprobs != nullptr && logprobs->get_bool();
    Translation translation(validator.interface());
    using Step = Result<void>;
    Step done = translation.messages(body);
    if (done) done = translation.functions(body);
    if (done) done = translation.max_tokens(body);
    if (done) done = translation.modalities(body);
    if (done) done = translation.stop(body);
    if (done) done = translation.rest(body);
    if (!done) return fail(std::move(done).error());
    result.legacy_functions = translation.legacy_functions;
    auto values = catalog::read_json(validator, translation.input);
    if (!values) return fail(invalid_input(std::move(values).error()));
    for (std::uint32_t i = 1; i < choices; ++i) {
        result.choices.push_back(*values);
        vary_seed(result.choices.back(), i - 1);
    }
    result.choices.push_back(std::move(*values));
    if (choices > 1) vary_seed(result.choices.back(), choices - 1);
    return result;
}

bool takes_verbatim(const catalog::Interface& interface) {
    return has_parameter(interface, "request") && has_parameter(interface, "operation");
}

catalog::Values verbatim_input(std::string body, std::string_view operation) {
    catalog::Values values;
    values.fields.reserve(2);
    values.fields.push_back({"request", catalog::Json{std::move(body)}});
    values.fields.push_back({"operation", std::string(operation)});
    return values;
}

}  // namespace headrace::protocols::openai
