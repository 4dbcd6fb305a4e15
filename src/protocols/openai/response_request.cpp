#include "protocols/openai/response_request.hpp"

#include <algorithm>

#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"

namespace headrace::protocols::openai {
namespace {

std::string_view text_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

void echo_member(std::string& echo, std::string_view name, const json::value& value) {
    echo += ",\"";
    echo += name;
    echo += "\":";
    append_json(echo, value);
}

/// {"type":"function","name":…} as {"type":"function","function":{"name":…}}.
Result<json::array> chat_tools(const json::value& given) {
    const auto* list = given.if_array();
    if (list == nullptr) return fail(wrong_type("tools", "an array"));
    json::array tools;
    for (const auto& each : *list) {
        const std::string path = "tools[" + std::to_string(tools.size()) + ']';
        const auto* tool = each.if_object();
        if (tool == nullptr) return fail(wrong_type(path, "an object"));
        if (text_member(*tool, "type") != "function") return fail(unsupported_field(path));
        json::object function = *tool;
        function.erase("type");
        tools.emplace_back(json::object{{"type", "function"}, {"function", std::move(function)}});
    }
    return tools;
}

Result<json::value> chat_tool_choice(const json::value& given) {
    if (given.is_string()) return given;
    const auto* object = given.if_object();
    if (object == nullptr || text_member(*object, "type") != "function") {
        return fail(unsupported_field("tool_choice"));
    }
    const json::object named{{"name", text_member(*object, "name")}};
    return json::value(json::object{{"type", "function"}, {"function", named}});
}

/// `text.format` as response_format: the members of json_schema lie one level higher here.
Result<json::value> chat_format(const json::value& text) {
    const auto* object = text.if_object();
    const auto* format = object != nullptr ? member(*object, "format") : nullptr;
    if (object == nullptr) return fail(wrong_type("text", "an object"));
    if (format == nullptr) return json::value(nullptr);
    const auto* inner = format->if_object();
    if (inner == nullptr) return fail(wrong_type("text.format", "an object"));
    if (text_member(*inner, "type") != "json_schema") return *format;
    json::object schema = *inner;
    schema.erase("type");
    return json::value(json::object{{"type", "json_schema"}, {"json_schema", std::move(schema)}});
}

Result<void> take_tools(const json::object& body, ResponseRequest& to) {
    if (const auto* tools = member(body, "tools")) {
        auto list = chat_tools(*tools);
        if (!list) return fail(std::move(list).error());
        if (!list->empty()) to.chat["tools"] = std::move(*list);
    }
    if (const auto* choice = member(body, "tool_choice")) {
        auto word = chat_tool_choice(*choice);
        if (!word) return fail(std::move(word).error());
        to.chat["tool_choice"] = std::move(*word);
    }
    if (const auto* text = member(body, "text")) {
        auto format = chat_format(*text);
        if (!format) return fail(std::move(format).error());
        if (!format->is_null()) to.chat["response_format"] = std::move(*format);
    }
    return {};
}

Result<void> take_include(const json::object& body, ResponseRequest& to) {
    const auto* include = member(body, "include");
    if (include == nullptr) return {};
    const auto* list = include->if_array();
    if (list == nullptr) return fail(wrong_type("include", "an array"));
    const auto has = std::find(list->begin(), list->end(), "message.output_text.logprobs");
    to.logprobs = has != list->end();
    if (!to.logprobs) return {};
    to.chat["logprobs"] = true;
    if (const auto* top = member(body, "top_logprobs")) to.chat["top_logprobs"] = *top;
    return {};
}

Result<void> take_items(const json::object& body, std::string_view prefix, ResponseRequest& to) {
    const auto* input = member(body, "input");
    if (input == nullptr) return fail(missing_field("input"));
    if (const auto* text = input->if_string()) {
        const json::object part{{"type", "input_text"}, {"text", *text}};
        to.items.emplace_back(json::object{{"role", "user"}, {"content", json::array{part}}});
    } else if (const auto* list = input->if_array()) {
        to.items = *list;
    } else {
        return fail(wrong_type("input", "a string or an array"));
    }
    for (std::size_t i = 0; i < to.items.size(); ++i) {
        auto* item = to.items[i].if_object();
        if (item == nullptr) {
            return fail(wrong_type("input[" + std::to_string(i) + ']', "an object"));
        }
        if (!item->contains("type")) (*item)["type"] = "message";
        if (member(*item, "id") == nullptr) {
            (*item)["id"] = std::string(prefix) + '_' + std::to_string(i);
        }
    }
    return {};
}

void echo_request(const json::object& body, ResponseRequest& to) {
    const auto or_else = [&](std::string_view name, const json::value& usual) {
        const auto* value = member(body, name);
        echo_member(to.echo, name, value != nullptr ? *value : usual);
    };
    or_else("background", false);
    or_else("instructions", nullptr);
    or_else("max_output_tokens", nullptr);
    or_else("metadata", json::object{});
    or_else("parallel_tool_calls", true);
    or_else("previous_response_id", nullptr);
    or_else("reasoning", json::object{{"effort", nullptr}, {"summary", nullptr}});
    or_else("store", true);
    or_else("temperature", 1.0);
    or_else("text", json::object{{"format", json::object{{"type", "text"}}}});
    or_else("tool_choice", "auto");
    or_else("tools", json::array{});
    or_else("top_p", 1.0);
    or_else("truncation", "disabled");
    or_else("user", nullptr);
}

// ---- items to messages

Result<json::value> chat_part(const json::object& part, const std::string& path) {
    const auto type = text_member(part, "type");
    if (type == "input_text" || type == "output_text" || type == "text") {
        return json::value(json::object{{"type", "text"}, {"text", text_member(part, "text")}});
    }
    if (type == "refusal") {
        return json::value(json::object{{"type", "text"}, {"text", text_member(part, "refusal")}});
    }
    if (type == "input_image" && member(part, "image_url") != nullptr) {
        json::object image{{"url", text_member(part, "image_url")}};
        if (const auto* detail = member(part, "detail")) image["detail"] = *detail;
        return json::value(json::object{{"type", "image_url"}, {"image_url", std::move(image)}});
    }
    if (type == "input_audio") return json::value(part);
    if (type == "input_file") {
        json::object file = part;
        file.erase("type");
        return json::value(json::object{{"type", "file"}, {"file", std::move(file)}});
    }
    return fail(unsupported_field(path + ".type"));
}

/// One text alone is a text; engines that take no parts take that.
Result<json::value> chat_content(const json::value& content, const std::string& path) {
    if (content.is_string()) return content;
    const auto* list = content.if_array();
    if (list == nullptr) return fail(wrong_type(path, "a string or an array"));
    json::array parts;
    for (const auto& each : *list) {
        const std::string place = path + '[' + std::to_string(parts.size()) + ']';
        const auto* object = each.if_object();
        if (object == nullptr) return fail(wrong_type(place, "an object"));
        auto part = chat_part(*object, place);
        if (!part) return part;
        parts.push_back(std::move(*part));
    }
    if (parts.size() == 1 && parts[0].at("type") == "text") return parts[0].at("text");
    return json::value(std::move(parts));
}

/// Calls that stand side by side are those of one turn.
void add_call(json::array& messages, const json::object& item) {
    const json::object function{{"name", text_member(item, "name")},
                                {"arguments", text_member(item, "arguments")}};
    json::object call{
        {"id", text_member(item, "call_id")}, {"type", "function"}, {"function", function}};
    auto* last = messages.empty() ? nullptr : messages.back().if_object();
    if (last != nullptr && last->contains("tool_calls")) {
        (*last)["tool_calls"].as_array().emplace_back(std::move(call));
        return;
    }
    messages.emplace_back(json::object{
        {"role", "assistant"}, {"content", nullptr}, {"tool_calls", json::array{std::move(call)}}});
}

Result<void> add_item(json::array& messages, const json::object& item, const std::string& path) {
    const auto type = text_member(item, "type");
    if (type == "reasoning") return {};
    if (type == "function_call") {
        add_call(messages, item);
        return {};
    }
    const bool result = type == "function_call_output";
    if (!result && type != "message") return fail(unsupported_field(path + ".type"));
    const std::string_view name = result ? "output" : "content";
    const auto* given = member(item, name);
    if (given == nullptr) return fail(missing_field(path + '.' + std::string(name)));
    auto content = chat_content(*given, path + '.' + std::string(name));
    if (!content) return fail(std::move(content).error());
    json::object message{{"role", result ? "tool" : text_member(item, "role")},
                         {"content", std::move(*content)}};
    if (result) message["tool_call_id"] = text_member(item, "call_id");
    messages.emplace_back(std::move(message));
    return {};
}

}  // namespace

Result<ResponseRequest> read_response_request(json::object body, std::string_view item_prefix) {
    ResponseRequest request;
    const auto model = require_text(body, "model");
    if (!model) return fail(model.error());
    request.model = *model;
    bool* const flags[] = {&request.stream, &request.background, &request.store};
    const std::string_view names[] = {"stream", "background", "store"};
    for (std::size_t i = 0; i < std::size(flags); ++i) {
        const auto flag = read_bool(body, names[i]);
        if (!flag) return fail(flag.error());
        *flags[i] = flag->value_or(*flags[i]);
    }
    if (request.background && request.stream) return fail(unsupported_field("stream"));
    if (request.background && !request.store) {
        return fail(bad_field("store", code::kInvalid,
                              "Invalid value for 'store': a background response is stored."));
    }
    for (const auto& [name, to] : {std::pair{"previous_response_id", &request.previous},
                                   std::pair{"instructions", &request.instructions}}) {
        const auto text = read_text(body, name);
        if (!text) return fail(text.error());
        *to = text->value_or("");
    }
    for (const std::string_view name : {"conversation", "prompt"}) {
        if (member(body, name) != nullptr) return fail(unsupported_field(name));
    }
    if (auto taken = take_items(body, item_prefix, request); !taken) return fail(taken.error());
    if (auto taken = take_tools(body, request); !taken) return fail(taken.error());
    if (auto taken = take_include(body, request); !taken) return fail(taken.error());
    if (const auto* most = member(body, "max_output_tokens")) request.chat["max_tokens"] = *most;
    for (const std::string_view name : {"temperature", "top_p", "parallel_tool_calls"}) {
        if (const auto* value = member(body, name)) request.chat[name] = *value;
    }
    if (const auto* reasoning = member(body, "reasoning"); reasoning && reasoning->is_object()) {
        const auto effort = text_member(reasoning->get_object(), "effort");
        if (!effort.empty()) request.chat["reasoning_effort"] = effort;
    }
    echo_request(body, request);
    return request;
}

Result<json::array> response_messages(std::string_view instructions, const json::array& items) {
    json::array messages;
    if (!instructions.empty()) {
        messages.emplace_back(json::object{{"role", "system"}, {"content", instructions}});
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string path = "input[" + std::to_string(i) + ']';
        auto added = add_item(messages, items[i].as_object(), path);
        if (!added) return fail(std::move(added).error());
    }
    return messages;
}

Error in_response_words(Error error) {
    for (auto& violation : error.violations) {
        if (violation.path == "max_tokens") violation.path = "max_output_tokens";
        if (violation.path == "response_format") violation.path = "text.format";
        if (violation.path.starts_with("messages")) violation.path = "input";
        if (violation.path.starts_with("input.messages")) violation.path = "input";
    }
    return error;
}

}  // namespace headrace::protocols::openai
