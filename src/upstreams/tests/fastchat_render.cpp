// Reads one JSON object a line, {"conv": template, "messages": […], "tools"?: […]}, and writes the
// prompt or {"error": …} as JSON. With {"known": name} the template is that of our table.
#include <iostream>
#include <string>

#include "upstreams/fastchat_chat.hpp"
#include "upstreams/fastchat_template.hpp"

namespace {

using namespace headrace;
using namespace headrace::upstreams;

std::string answer(const std::string& line) {
    const auto asked = parse_json_object(line);
    if (!asked) return "{\"error\":\"no JSON\"}";
    Result<PromptTemplate> form = fail(ErrorCode::not_found, "no such template");
    if (const auto* name = asked->if_contains("known")) {
        if (const auto* known = known_prompt_template(std::string_view(name->as_string()))) {
            form = *known;
        }
    } else {
        form = read_prompt_template(asked->at("conv").as_object());
    }
    ToolRequest tools;
    if (const auto* list = asked->if_contains("tools")) tools.tools = list->as_array();
    if (!form) return json::serialize(json::object{{"error", form.error().message}});
    const auto tool_form = tools.active() ? ToolForm::hermes : ToolForm::none;
    const auto built = build_chat_prompt(*form, asked->at("messages").as_array(), tools, tool_form);
    if (!built) return json::serialize(json::object{{"error", built.error().message}});
    return json::serialize(json::object{
        {"prompt", built->prompt},
        {"images", json::value_from(built->images)},
        {"style", to_string(form->style)},
        {"numbering", form->numbering == Numbering::head ? "head" : "released"},
        {"stop", json::value_from(form->stop)},
        {"stop_token_ids", json::value_from(form->stop_token_ids)},
    });
}

}  // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) std::cout << answer(line) << '\n';
    return 0;
}
