// A worker's conversation template and a caller's messages, which meet in one prompt. The input is
// two JSON texts with a NUL between them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "upstreams/fastchat_chat.hpp"
#include "upstreams/fastchat_template.hpp"
#include "upstreams/fastchat_worker.hpp"

namespace {

using namespace headrace;
using namespace headrace::upstreams;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto middle = input.find('\0');
    if (middle == std::string_view::npos) return 0;
    const auto conv = parse_json_object(input.substr(0, middle));
    const auto body = parse_json_object(input.substr(middle + 1));
    if (!conv || !body) return 0;
    const auto numbering = numbering_of(*conv);
    const auto form = read_prompt_template(*conv);
    if (form) {
        require(form->numbering == numbering);
        require(number_of(form->style, numbering) == conv->at("sep_style").as_int64());
    }
    const auto tools = read_tools(body->if_contains("tools"), body->if_contains("tool_choice"));
    const auto* messages = body->if_contains("messages");
    if (!form || !tools || messages == nullptr || !messages->is_array()) return 0;
    const auto tool_form = tool_form_of(*form, "model", "");
    const auto built = build_chat_prompt(*form, messages->get_array(), *tools, tool_form);
    if (!built) return 0;
    require(is_utf8(built->prompt));
    const auto request = generation_body(Generation{}, *form, "m", built->prompt, built->images, 1);
    const auto again = parse_json_object(request);
    require(again && again->at("prompt").as_string() == built->prompt);
    return 0;
}
