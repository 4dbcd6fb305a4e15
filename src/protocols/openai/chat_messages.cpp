#include "protocols/openai/chat_messages.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::array<std::string_view, 6> kRoles{"system",    "developer", "user",
                                                 "assistant", "tool",      "function"};
/// What services add to their answers and clients send back with the whole message.
constexpr std::array<std::string_view, 3> kOfAnswers{"refusal", "annotations", "parsed"};

/// A call without an id gets one that its result can name, too: legacy calls have none.
std::string id_of_function(std::string_view name) {
    return "call_" + std::string(name);
}

Result<void> take_legacy_call(json::object& message, const std::string& path) {
    const auto* call = message.if_contains("function_call");
    if (call == nullptr) return {};
    const auto* object = call->if_object();
    const auto* name = object != nullptr ? object->if_contains("name") : nullptr;
    if (name == nullptr || !name->is_string()) {
        return fail(wrong_type(path + ".function_call", "an object with a name"));
    }
    json::object made;
    made["id"] = id_of_function(name->get_string());
    made["type"] = "function";
    made["function"] = *object;
    message.erase("function_call");
    message["tool_calls"] = json::array{std::move(made)};
    return {};
}

void drop_empty_members(json::object& message) {
    std::vector<std::string> gone;
    for (const auto& member : message) {
        const std::string_view key = member.key();
        const bool of_answers =
            std::find(kOfAnswers.begin(), kOfAnswers.end(), key) != kOfAnswers.end();
        if (of_answers || (member.value().is_null() && key != "content")) gone.emplace_back(key);
    }
    for (const auto& key : gone) message.erase(key);
}

Result<void> to_canonical(json::object& message, const std::string& path) {
    drop_empty_members(message);
    const auto* role = message.if_contains("role");
    if (role == nullptr) return fail(missing_field(path + ".role"));
    const auto* word = role->if_string();
    if (word == nullptr || std::find(kRoles.begin(), kRoles.end(), *word) == kRoles.end()) {
        return fail(bad_field(path + ".role", code::kInvalid,
                              "Invalid value for '" + path +
                                  ".role': supported values are 'system', 'developer', 'user', "
                                  "'assistant', 'tool' and 'function'."));
    }
    if (*word == "developer") {
        message["role"] = "system";
    } else if (*word == "function") {
        const auto* name = message.if_contains("name");
        if (name == nullptr || !name->is_string()) return fail(missing_field(path + ".name"));
        message["tool_call_id"] = id_of_function(name->get_string());
        message["role"] = "tool";
    } else if (*word == "assistant") {
        if (auto taken = take_legacy_call(message, path); !taken) return taken;
        const auto* content = message.if_contains("content");
        const bool silent = content == nullptr || content->is_null();
        if (silent && !message.contains("tool_calls")) message["content"] = "";
    }
    return {};
}

}  // namespace

Result<json::array> canonical_messages(json::value messages) {
    auto* list = messages.if_array();
    if (list == nullptr) return fail(wrong_type("messages", "an array"));
    if (list->empty()) {
        return fail(bad_field("messages", code::kInvalid,
                              "Invalid 'messages': expected at least one message."));
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string path = "messages[" + std::to_string(i) + ']';
        auto* message = (*list)[i].if_object();
        if (message == nullptr) return fail(wrong_type(path, "an object"));
        if (auto done = to_canonical(*message, path); !done) return fail(std::move(done).error());
    }
    return std::move(*list);
}

Result<json::array> tools_of_functions(json::value functions) {
    auto* list = functions.if_array();
    if (list == nullptr) return fail(wrong_type("functions", "an array"));
    json::array tools;
    tools.reserve(list->size());
    for (auto& function : *list) {
        json::object tool;
        tool["type"] = "function";
        tool["function"] = std::move(function);
        tools.emplace_back(std::move(tool));
    }
    return tools;
}

Result<json::value> choice_of_function_call(json::value choice) {
    if (choice.is_string()) return choice;
    if (!choice.is_object()) return fail(wrong_type("function_call", "a string or an object"));
    json::object named;
    named["type"] = "function";
    named["function"] = std::move(choice);
    return json::value(std::move(named));
}

}  // namespace headrace::protocols::openai
