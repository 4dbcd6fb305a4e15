// HTTP requests: the door's own parser, chunk decoder and router, on bytes cut at any place.
#include <cstdint>
#include <cstdlib>

#include "http/request_parser.hpp"
#include "http/router.hpp"

namespace {

using namespace headrace::http;

boost::asio::awaitable<void> answer_nothing(Exchange&) {
    co_return;
}

const Router& router() {
    static const auto made = [] {
        Mount mount;
        mount.name = "fuzz";
        mount.prefix = "/api/v1";
        for (const auto* pattern :
             {"", "/jobs", "/jobs/{id}", "/jobs/{id}/events", "/files/{id}"}) {
            mount.routes.emplace_back(Method::get, pattern, RouteClass::client, RightId{0},
                                      answer_nothing);
        }
        std::vector<Mount> mounts(1, std::move(mount));
        return std::move(*Router::make(std::move(mounts), {RouteClass::client}));
    }();
    return *made;
}

void check(bool holds) {
    if (!holds) std::abort();
}

void look_at(const RequestHead& head, const RequestParser& parser) {
    check(!head.path.empty());
    // What a second parser could read differently must have been refused.
    std::size_t hosts = 0;
    std::size_t lengths = 0;
    for (const auto& field : head.headers.fields()) {
        hosts += equal_without_case(field.name, "host") ? 1 : 0;
        lengths += equal_without_case(field.name, "content-length") ? 1 : 0;
        check(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    }
    check(hosts <= 1 && lengths <= 1);
    check(!(parser.chunked() && parser.content_length()));
    SplitPath path;
    std::vector<PathParam> params;
    if (path.split(head.path)) (void)router().match(head.method, head.host, path, params);
    (void)parse_query(head.query);
}

/// The body, offered in pieces of `step` as the network would.
std::string decode(RequestParser& parser, std::string_view bytes, std::size_t step, bool& refused) {
    std::string body;
    std::string pending;
    while (true) {
        while (!pending.empty()) {
            auto piece = parser.parse_chunked(pending);
            check(piece.consumed <= pending.size());
            body.append(piece.data);
            pending.erase(0, piece.consumed);
            refused = piece.broken;
            if (refused || piece.done) return body;
            check(piece.consumed > 0);
        }
        if (bytes.empty()) return body;
        const auto take = std::min(step, bytes.size());
        pending.append(bytes.substr(0, take));
        bytes.remove_prefix(take);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = 1 + data[0];
    const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
    // Found in pieces or at once, the end of the head is the same.
    std::size_t scanned = 0;
    std::optional<std::size_t> end;
    for (std::size_t have = 0; !end && have < input.size();) {
        have = std::min(have + step, input.size());
        end = find_head_end(std::string_view(input).substr(0, have), scanned);
    }
    std::size_t at_once = 0;
    check(end == find_head_end(input, at_once));
    if (!end) return 0;
    const auto head_bytes = std::string_view(input).substr(0, *end);
    const auto rest = std::string_view(input).substr(*end);
    RequestHead head;
    RequestParser parser;
    if (parser.parse_head(head_bytes, head)) return 0;
    look_at(head, parser);
    if (!parser.chunked()) return 0;
    bool refused = false;
    const auto body = decode(parser, rest, step, refused);
    // Cut elsewhere, the same bytes make the same body.
    RequestHead again;
    RequestParser whole;
    check(!whole.parse_head(head_bytes, again));
    bool refused_whole = false;
    const auto other = decode(whole, rest, rest.size(), refused_whole);
    check(refused == refused_whole && body == other);
    return 0;
}
