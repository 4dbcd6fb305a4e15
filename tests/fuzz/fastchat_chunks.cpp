// What a FastChat worker streams: chunks cut at NUL, cumulative texts made into deltas, calls of
// tools found in them. Deltas are held against the plain way of making them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "upstreams/fastchat_chunks.hpp"
#include "upstreams/fastchat_tools.hpp"
#include "upstreams/fastchat_worker.hpp"

namespace {

using namespace headrace;
using namespace headrace::upstreams;

void require(bool holds) {
    if (!holds) std::abort();
}

std::string without_fffd(std::string text) {
    for (std::size_t at = 0; (at = text.find("\xEF\xBF\xBD", at)) != std::string::npos;) {
        text.erase(at, 3);
    }
    return text;
}

/// Bytes of the first `count` characters.
std::size_t bytes_of(std::string_view text, std::uint64_t count) {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
        if (begins && count-- == 0) break;
    }
    return at;
}

struct Plain {
    std::uint64_t given = 0;
    /// Nothing where the chunk is none.
    std::optional<std::string> next(const std::string& chunk) {
        const auto parsed = parse_json_object(chunk, JsonLimits{.max_depth = 16});
        if (!parsed) return std::nullopt;
        const auto* text = parsed->if_contains("text");
        if (text == nullptr || !text->is_string()) return std::nullopt;
        const auto whole = without_fffd(std::string(text->get_string()));
        const auto delta = whole.substr(bytes_of(whole, given));
        given += bytes_of(delta, ~0ULL) == 0 ? 0 : count(delta);
        return delta;
    }
    static std::uint64_t count(std::string_view text) {
        std::uint64_t points = 0;
        for (const char c : text) points += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
        return points;
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t step = data[0] % 64 + 1U;
    ChunkSplitter splitter(1 << 16);
    CumulativeText text;
    Plain plain;
    ToolCallReader pieces;
    std::string all;
    std::string shown;
    bool sound = true;
    bool same = true;  // until a chunk that only we can read
    for (std::size_t at = 0; at < bytes.size() && sound; at += step) {
        splitter.push(bytes.substr(at, step));
        while (true) {
            auto chunk = splitter.next();
            require(chunk.has_value());  // the input is shorter than the bound
            if (!*chunk) break;
            const auto expected = plain.next(**chunk);
            const auto read = text.next(**chunk);
            same = same && expected.has_value();
            if (same && read && read->error_code == 0) require(read->delta == *expected);
            if (!read || read->error_code != 0) {
                sound = false;
                break;
            }
            require(is_utf8(read->delta));
            require(read->delta.find("\xEF\xBF\xBD") == std::string::npos);
            usage_of(read->rest);
            finish_reason_of(read->rest);
            if (const auto* logprobs = read->rest.if_contains("logprobs");
                logprobs != nullptr && logprobs->is_object()) {
                require(parse_json(canonical_logprobs(logprobs->get_object())).has_value());
            }
            all += read->delta;
            shown += pieces.push(read->delta);
        }
    }
    shown += pieces.finish();
    ToolCallReader whole;
    auto at_once = whole.push(all);
    at_once += whole.finish();
    require(shown == at_once && pieces.calls().size() == whole.calls().size());
    if (whole.calls().empty()) require(shown == all);
    return 0;
}
