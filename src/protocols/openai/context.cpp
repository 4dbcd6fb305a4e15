#include "protocols/openai/context.hpp"

#include "protocols/openai/errors.hpp"

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

void asks_model(const http::Exchange& exchange, std::string_view operation) {
    const auto& context = context_of(exchange);
    if (*context.refused) context.asked.operation = operation;
}

void tell_refusal(const http::Exchange& exchange, const Error& error, int status) {
    const auto& context = context_of(exchange);
    const auto& asked = context.asked;
    if (asked.operation.empty() || asked.has_job) return;
    if (error.code == ErrorCode::cancelled) return;  // nobody is there to be told
    const auto& trace = exchange.head().trace;
    access::Refusal refusal;
    refusal.tenant = context.who->tenant;
    refusal.key = context.who->key_id;
    refusal.capability = asked.capability;
    refusal.model = asked.name;
    refusal.operation = asked.operation;
    refusal.status = status;
    refusal.code = code_of(error, status);
    refusal.message = message_of(error);
    refusal.trace = trace.trace_id();
    (*context.refused)(std::move(refusal));
}

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
