// Bodies of /v1/responses, and the lines of a batch's file. The first byte picks what the rest is.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "protocols/openai/batch.hpp"
#include "protocols/openai/response_request.hpp"

namespace {

using namespace headrace;
using namespace headrace::protocols::openai;

constexpr std::string_view kEndpoint = "/v1/chat/completions";

void require(bool holds) {
    if (!holds) std::abort();
}

void read_response(std::string_view text) {
    auto body = parse_json_object(text);
    if (!body) return;
    const auto request = read_response_request(std::move(*body), "msg_1");
    if (!request) return require(!request.error().message.empty());
    // It is pasted into every answer.
    require(parse_json_object("{\"a\":1" + request->echo + "}").has_value());
    for (const auto& item : request->items) {
        require(item.is_object() && item.get_object().contains("type"));
        require(item.get_object().contains("id"));
    }
    const auto messages = response_messages(request->instructions, request->items);
    if (!messages) return require(!messages.error().message.empty());
    for (const auto& message : *messages) {
        require(message.is_object() && message.get_object().contains("role"));
    }
    require(request->instructions.empty() || !messages->empty());
}

/// A batch is taken as a whole: where nothing is said against it every line can be read.
void read_batch(std::string_view text) {
    const auto lines = lines_of(text);
    const auto errors = check_batch(lines, kEndpoint);
    require(errors.size() <= 50);
    for (const auto& error : errors) require(error.line <= lines.size() && !error.code.empty());
    BatchState state;
    state.errors = errors;
    const auto kept = parse_json_object(state_text(state));
    require(kept && state_from(*kept).errors.size() == errors.size());
    require(parse_json_object(batch_object({}, state)).has_value());
    if (!errors.empty()) return;
    std::set<std::string> names;
    for (const auto line : lines) {
        const auto read = read_batch_line(line, kEndpoint);
        require(read.has_value() && names.insert(read->custom_id).second);
        require(
            parse_json_object(answer_line("batch_req_1", read->custom_id, 200, "{}")).has_value());
    }
}

void read_facts(std::string_view text) {
    const auto tree = parse_json_object(text);
    if (!tree) return;
    const auto facts = facts_from(*tree, "batch_1");
    const auto again = parse_json_object(facts_text(facts));
    require(again.has_value() && facts_text(facts_from(*again, "batch_1")) == facts_text(facts));
    const auto state = state_from(*tree);
    const auto twice = parse_json_object(state_text(state));
    require(twice.has_value() && state_text(state_from(*twice)) == state_text(state));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
        case 0:
            read_response(text);
            break;
        case 1:
            read_batch(text);
            break;
        default:
            read_facts(text);
            break;
    }
    return 0;
}
