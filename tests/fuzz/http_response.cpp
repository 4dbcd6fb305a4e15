// Answers of servers we dial: the client's parser, on bytes cut at any place.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/response_parser.hpp"

namespace {

using namespace headrace::http;

struct Read {
    bool good = false;
    int status = 0;
    std::string body;
};

Read read(std::string_view bytes, std::size_t step) {
    ResponseParser parser(false, 64 * 1024);
    std::string pending;
    Read result;
    while (!bytes.empty() && !parser.done() && !parser.broken()) {
        const auto take = std::min(step, bytes.size());
        pending.append(bytes.substr(0, take));
        bytes.remove_prefix(take);
        std::size_t used = 0;
        do {
            used = parser.feed(pending, result.body);
            if (used > pending.size()) std::abort();
            pending.erase(0, used);
        } while (used > 0 && !pending.empty() && !parser.done() && !parser.broken());
    }
    if (!parser.done() && !parser.broken()) parser.feed_end();
    result.good = parser.done() && !parser.broken();
    result.status = parser.head_done() ? parser.status() : 0;
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto pieces = read(bytes, 1U + data[0]);
    const auto whole = read(bytes, bytes.size());
    if (pieces.good && whole.good && pieces.body != whole.body) std::abort();
    return 0;
}
