#include "protocols/openai/context.hpp"

namespace headrace::protocols::openai {
namespace {

/// The caller's name for its request, where it gave one.
std::optional<std::string_view> client_request_id(const http::RequestHead& head) {
    const auto own = head.headers.find("x-client-request-id");
    const auto id = own ? own : head.headers.find("x-request-id");
    constexpr std::size_t kMost = 512;
    return id && id->size() <= kMost ? id : std::nullopt;
}

}  // namespace

void stamp(http::Response& response, const http::RequestHead& head, std::int64_t took_ms) {
    // A request that http refused before it read the head belongs to no trace.
    std::string id = "req_";
    if (head.trace.trace.front() != '\0') id += head.trace.trace_id();
    response.headers.add("x-request-id", std::move(id));
    response.headers.add("openai-version", "2020-10-01");
    response.headers.add("openai-processing-ms", std::to_string(took_ms));
    if (const auto own = client_request_id(head)) {
        response.headers.add("x-client-request-id", std::string(*own));
    }
}

void stamp(http::Response& response, const http::Exchange& exchange) {
    const auto& context = context_of(exchange);
    const auto took = std::chrono::steady_clock::now() - context.begun;
    stamp(response, exchange.head(),
          std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
    for (const auto& field : context.limits.fields()) {
        response.headers.add(field.name, field.value);
    }
}

}  // namespace headrace::protocols::openai
