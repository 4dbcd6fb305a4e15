// What the chat engine reads of strangers: a caller's JSON Schema, the template of a model file,
// [settings]. The first byte picks which.
#include <cstdint>
#include <string>
#include <string_view>

#include "chat_request.hpp"
#include "chat_template.hpp"
#include "schema_grammar.hpp"
#include "settings.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace headrace::llama;
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0: {
            const auto grammar = grammar_of_schema(text);
            if (grammar && (grammar->empty() || grammar->size() > (64U << 10))) __builtin_trap();
            break;
        }
        case 1: {
            const auto parsed = ChatTemplate::parse(text, {"<s>", "</s>"});
            if (parsed) (void)parsed->render({{"system", "be brief"}, {"user", "hi"}});
            break;
        }
        case 2:
            (void)parse_settings(text);
            break;
        default: {
            const std::string word = "<|im_end|>";
            const auto clean = without_control_words(std::string(text), {word});
            if (clean.find(word) != std::string::npos) __builtin_trap();
        }
    }
    return 0;
}
