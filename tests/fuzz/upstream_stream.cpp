// What an upstream sends: an event stream in pieces, errors in bodies, answers; and a caller's body
// that is spliced.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/json_scan.hpp"
#include "upstreams/event_scanner.hpp"
#include "upstreams/openai_answer.hpp"
#include "upstreams/openai_request.hpp"
#include "upstreams/usage_scanner.hpp"

namespace {

using namespace headrace;
using namespace headrace::upstreams;

/// The stream cut after `size` bytes again and again: the same events, and together what was fed.
std::string events_of(std::string_view stream, std::size_t size) {
    EventScanner scanner;
    std::string all;
    std::size_t given = 0;
    for (std::size_t at = 0; at < stream.size(); at += size) {
        scanner.feed(std::string(stream.substr(at, size)));
        while (auto event = scanner.next()) {
            given += event->text.size();
            all.append(event->data).append(1, '\0').append(event->text).append(1, '\1');
        }
    }
    if (given > stream.size() || (given == stream.size()) == scanner.pending()) std::abort();
    return all;
}

void stream(std::string_view text) {
    const auto whole = events_of(text, text.size() + 1);
    for (const std::size_t size : {1U, 2U, 7U}) {
        if (events_of(text, size) != whole) std::abort();
    }
    EventScanner scanner;
    UsageScanner usage(false, "secret");
    ChatDeltas deltas("secret");
    scanner.feed(std::string(text));
    while (auto event = scanner.next()) {
        const bool passes = usage.take(event->data) == UsageScanner::Verdict::pass;
        if (passes && !event->data.empty() && !is_json(event->data)) std::abort();
        const auto piece = deltas.take(event->data);
        if (piece && !is_utf8(*piece)) std::abort();
    }
    (void)usage.tokens();
    (void)deltas.answer();
}

void body(std::string_view text) {
    for (int i = 0; i <= static_cast<int>(catalog::Profile::image); ++i) {
        (void)read_answer(static_cast<catalog::Profile>(i), text, "secret");
    }
    if (message_in(text, "secret").find("secret") != std::string::npos) std::abort();
    if (!is_json(text)) return;  // a body is sound before it becomes a job
    const auto spliced = splice_body(text, "chat/completions", "the/model");
    if (!spliced) return;
    const auto members = JsonMembers::scan(spliced->body);
    if (!members || json_text(members->find("model")->value) != "the/model") std::abort();
    if (!spliced->stream) return;
    const auto options = JsonMembers::scan(members->find("stream_options")->value);
    if (!options || options->find("include_usage")->value != "true") std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    stream(text);
    body(text);
    return 0;
}
