#include "upstreams/fastchat_tools.hpp"

#include <algorithm>
#include <cctype>

namespace headrace::upstreams {
namespace {

constexpr std::string_view kOpen = "<tool_call>";
constexpr std::string_view kClose = "</tool_call>";
constexpr std::string_view kSpace = " \n\r\t";
constexpr std::size_t kMaxTools = 256;

tl::unexpected<Error> refuse(std::string path, std::string rule) {
    Error error{ErrorCode::invalid_argument, path + " cannot be used: " + rule, {}, 0};
    error.violations.push_back({std::move(path), std::move(rule), ""});
    return fail(std::move(error));
}

/// JSON as Python's json.dumps writes it: models have learnt their tools with these spaces.
void append_spaced(std::string& out, const json::value& value) {
    if (const auto* object = value.if_object()) {
        out += '{';
        bool first = true;
        for (const auto& [key, member] : *object) {
            if (!std::exchange(first, false)) out += ", ";
            append_json_string(out, key);
            out += ": ";
            append_spaced(out, member);
        }
        out += '}';
    } else if (const auto* array = value.if_array()) {
        out += '[';
        bool first = true;
        for (const auto& item : *array) {
            if (!std::exchange(first, false)) out += ", ";
            append_spaced(out, item);
        }
        out += ']';
    } else {
        append_json(out, value);
    }
}

const json::object* function_of(const json::value& tool) {
    const auto* object = tool.if_object();
    const auto* function = object == nullptr ? nullptr : object->if_contains("function");
    return function == nullptr ? nullptr : function->if_object();
}

std::string_view name_of(const json::object* function) {
    const auto* name = function == nullptr ? nullptr : function->if_contains("name");
    return name != nullptr && name->is_string() ? std::string_view(name->get_string())
                                                : std::string_view();
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// Where the part of `text` begins that may go on to be `tag`, with the white space before it.
std::size_t undecided_from(std::string_view text, std::string_view tag) {
    auto at = text.size();
    for (auto length = std::min(tag.size() - 1, text.size()); length > 0; --length) {
        if (text.ends_with(tag.substr(0, length))) {
            at -= length;
            break;
        }
    }
    const auto last = text.substr(0, at).find_last_not_of(kSpace);
    return last == std::string_view::npos ? 0 : last + 1;
}

}  // namespace

ToolForm tool_form_of(const PromptTemplate& form, std::string_view model, std::string_view said) {
    if (said == "none" || form.style != PromptStyle::chatml) return ToolForm::none;
    if (said == "hermes") return ToolForm::hermes;
    for (const auto& name : {lower(form.name), lower(model)}) {
        if (name.find("hermes") != std::string::npos || name.find("qwen") != std::string::npos) {
            return ToolForm::hermes;
        }
    }
    return ToolForm::none;
}

Result<ToolRequest> read_tools(const json::value* tools, const json::value* choice) {
    ToolRequest out;
    if (tools == nullptr || tools->is_null()) return out;
    if (!tools->is_array() || tools->get_array().size() > kMaxTools) {
        return refuse("tools", "type:array");
    }
    for (std::size_t i = 0; i < tools->get_array().size(); ++i) {
        if (name_of(function_of(tools->get_array()[i])).empty()) {
            return refuse("tools[" + std::to_string(i) + "].function.name", "required");
        }
    }
    if (choice != nullptr && choice->is_string() && choice->get_string() == "none") return out;
    out.tools = tools->get_array();
    if (choice == nullptr || choice->is_null()) return out;
    if (const auto* word = choice->if_string()) {
        if (*word != "auto" && *word != "required") return refuse("tool_choice", "enum");
        out.must_call = *word == "required";
        return out;
    }
    out.must_call = true;
    out.function = std::string(name_of(function_of(*choice)));
    const bool known = std::any_of(out.tools.begin(), out.tools.end(), [&](const auto& tool) {
        return name_of(function_of(tool)) == out.function;
    });
    if (!known) return refuse("tool_choice.function.name", "not one of tools");
    return out;
}

// The words are those the models were trained with; others would make them call worse.
std::string hermes_tools(const json::array& tools) {
    std::string out =
        "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";
    for (const auto& tool : tools) {
        out += '\n';
        append_spaced(out, tool);
    }
    out +=
        "\n</tools>\n\nFor each function call, return a json object with function name and "
        "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": "
        "<function-name>, \"arguments\": <args-json-object>}\n</tool_call>";
    return out;
}

Result<std::string> hermes_calls(std::string_view content, const json::array& calls) {
    std::string out(content);
    for (const auto& call : calls) {
        const auto* function = function_of(call);
        const auto name = name_of(function);
        if (name.empty()) return refuse("messages.tool_calls.function.name", "required");
        if (!out.empty()) out += '\n';
        out.append(kOpen).append("\n{\"name\": ");
        append_json_string(out, name);
        out += ", \"arguments\": ";
        const auto* arguments = function->if_contains("arguments");
        if (arguments == nullptr || arguments->is_null()) {
            out += "{}";
        } else if (const auto* text = arguments->if_string()) {
            // OpenAI carries the arguments as text; a model that wrote no JSON gets its text back.
            const auto parsed = parse_json(std::string_view(*text));
            append_spaced(out, parsed ? *parsed : *arguments);
        } else {
            append_spaced(out, *arguments);
        }
        out.append("}\n").append(kClose);
    }
    return out;
}

std::string hermes_response(std::string_view content) {
    return "<tool_response>\n" + std::string(content) + "\n</tool_response>";
}

std::string hermes_start(const ToolRequest& request) {
    if (!request.must_call) return {};
    std::string out(kOpen);
    out += "\n{\"name\": \"";
    if (request.function.empty()) return out;
    out.pop_back();
    append_json_string(out, request.function);
    return out + ", \"arguments\": ";
}

std::string ToolCallReader::push(std::string_view delta) {
    held_ += delta;
    std::string out;
    while (true) {
        if (!inside_) {
            const auto open = held_.find(kOpen);
            if (open == std::string::npos) {
                const auto from = undecided_from(held_, kOpen);
                out += held_.substr(0, from);
                held_.erase(0, from);
                return out;
            }
            const auto last = std::string_view(held_).substr(0, open).find_last_not_of(kSpace);
            const auto shown = last == std::string_view::npos ? 0 : last + 1;
            out += held_.substr(0, shown);
            before_ = held_.substr(shown, open - shown);
            held_.erase(0, open + kOpen.size());
            inside_ = true;
            scanned_ = 0;
        }
        const auto close = held_.find(kClose, scanned_);
        if (close == std::string::npos) {
            scanned_ = held_.size() - std::min(held_.size(), kClose.size() - 1);
            return out;
        }
        const auto body = held_.substr(0, close);
        if (!take_call(body)) out.append(before_).append(kOpen).append(body).append(kClose);
        held_.erase(0, close + kClose.size());
        inside_ = false;
    }
}

std::string ToolCallReader::finish() {
    std::string out;
    if (!inside_) {
        // White space after a call is none of the answer.
        if (calls_.empty() || held_.find_first_not_of(kSpace) != std::string::npos) out = held_;
    } else if (!take_call(held_)) {
        out.append(before_).append(kOpen).append(held_);
    }
    held_.clear();
    inside_ = false;
    return out;
}

bool ToolCallReader::take_call(std::string_view body) {
    const auto begin = body.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return false;
    body = body.substr(begin, body.find_last_not_of(kSpace) - begin + 1);
    const auto parsed = parse_json_object(body);
    if (!parsed) return false;
    const auto name = name_of(&*parsed);
    if (name.empty()) return false;
    Call call{std::string(name), "{}"};
    if (const auto* arguments = parsed->if_contains("arguments")) {
        call.arguments.clear();
        if (const auto* text = arguments->if_string()) {
            call.arguments = std::string(*text);
        } else {
            append_json(call.arguments, *arguments);
        }
    }
    calls_.push_back(std::move(call));
    return true;
}

}  // namespace headrace::upstreams
