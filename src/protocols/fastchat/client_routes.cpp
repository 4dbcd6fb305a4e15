#include "protocols/fastchat/client_routes.hpp"

#include <algorithm>

#include "access/keys.hpp"
#include "protocols/fastchat/errors.hpp"
#include "protocols/fastchat/hop.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::protocols::fastchat {
namespace {

constexpr std::size_t kMostChecks = 256;

asio::awaitable<void> ask_on_core(upstreams::Upstreams& upstreams, TenantId tenant,
                                  std::string model, std::string path, std::string body,
                                  UniqueFunction<void(Result<std::string>)> done) {
    auto answer = co_await upstreams.ask(std::move(tenant), std::move(model), std::move(path),
                                         std::move(body));
    if (answer) co_return done(std::move(*answer));
    done(fail(error_code_from(answer.error().code), answer.error().message));
}

std::int64_t whole_in(const json::object& from, std::string_view name) {
    const auto* member = from.if_contains(name);
    constexpr std::int64_t kMost = std::int64_t{1} << 40;  // so that two of them can be added
    if (member == nullptr || !member->is_int64()) return 0;
    return std::clamp(member->get_int64(), std::int64_t{0}, kMost);
}

}  // namespace

std::vector<http::Mount> ClientRoutes::mounts() const {
    constexpr auto kSubmit = static_cast<http::RightId>(access::Right::submit_job);
    constexpr auto kReadCatalog = static_cast<http::RightId>(access::Right::read_catalog);
    std::vector<http::Mount> out;
    const auto add = [&](std::string prefix, std::string pattern, http::RightId right,
                         http::Handler handler) {
        http::Mount mount;
        mount.name = "fastchat";
        mount.prefix = std::move(prefix);
        mount.routes.emplace_back(http::Method::post, std::move(pattern), http::RouteClass::client,
                                  right, std::move(handler), settings_.max_body_bytes);
        mount.gate = [this](http::Exchange& exchange, const http::Route& route) {
            return gate(exchange, route);
        };
        mount.render_error = [](const Error& error, int status, const http::RequestHead&) {
            return detail(status, error.message);
        };
        out.push_back(std::move(mount));
    };
    add("/api/v1/chat", "/completions", kSubmit,
        [this](http::Exchange& exchange) { return chat_completions(exchange); });
    add("/api/v1/token_check", "", kReadCatalog,
        [this](http::Exchange& exchange) { return token_check(exchange); });
    add("/v1/engines", "/{model}/embeddings", kSubmit,
        [this](http::Exchange& exchange) { return embeddings(exchange); });
    return out;
}

std::optional<http::Response> ClientRoutes::gate(http::Exchange& exchange,
                                                 const http::Route& route) const {
    const auto header = exchange.header("Authorization");
    const auto key = header ? access::bearer_of(*header) : std::nullopt;
    auto who = key ? parts_.keys.authenticate(*key, exchange.head().peer)
                   : fail(ErrorCode::unauthenticated, "a key is missing");
    if (!who) return api_error(who.error());
    if (auto ok = access::authorize(**who, static_cast<access::Right>(route.right)); !ok) {
        return api_error(ok.error());
    }
    exchange.context = std::make_shared<const Caller>(Caller{std::move(*who), {}});
    return std::nullopt;
}

asio::awaitable<Result<json::object>> ClientRoutes::body_of(http::Exchange& exchange) const {
    const auto body = co_await exchange.read_body();
    auto parsed = body ? parse_json_object(*body) : fail(body.error());
    co_return parsed;
}

asio::awaitable<Result<json::object>> ClientRoutes::ask(TenantId tenant, std::string model,
                                                        std::string path, std::string body) const {
    auto start = [this, tenant = std::move(tenant), model = std::move(model),
                  path = std::move(path), body = std::move(body)](auto done) mutable {
        tasks_.spawn("fastchat token count",
                     ask_on_core(parts_.upstreams, std::move(tenant), std::move(model),
                                 std::move(path), std::move(body), std::move(done)));
    };
    auto answer = co_await started_on_core<std::string>(parts_.core, std::move(start));
    if (!answer) co_return fail(std::move(answer).error());
    co_return parse_json_object(*answer);
}

/// One entry of the answer, as JSON.
asio::awaitable<Result<std::string>> ClientRoutes::checked(const access::Principal& who,
                                                           const json::value& item) const {
    const auto* prompt = item.if_object();
    const auto* model = prompt == nullptr ? nullptr : prompt->if_contains("model");
    const auto* text = prompt == nullptr ? nullptr : prompt->if_contains("prompt");
    if (model == nullptr || !model->is_string() || text == nullptr || !text->is_string()) {
        co_return fail(ErrorCode::invalid_argument, "a prompt has a model and a text");
    }
    auto version = find_model(parts_, who, std::string_view(model->get_string()));
    if (!version) co_return fail(std::move(version).error());
    std::string body = "{\"model\":";
    append_json_string(body, (*version)->model);
    body += ",\"prompt\":";
    append_json_string(body, text->get_string());
    body += '}';
    // A caller may have named the capability; the worker knows the model.
    const auto& name = (*version)->model;
    auto details = co_await ask((*version)->tenant, name, "/model_details", body);
    if (!details) co_return fail(std::move(details).error());
    auto count = co_await ask((*version)->tenant, name, "/count_token", body);
    if (!count) co_return fail(std::move(count).error());
    const auto length = whole_in(*details, "context_length");
    const auto tokens = whole_in(*count, "count");
    const bool fits = tokens + whole_in(*prompt, "max_tokens") <= length;
    co_return std::string("{\"fits\":") + (fits ? "true" : "false") +
        ",\"tokenCount\":" + std::to_string(tokens) +
        ",\"contextLength\":" + std::to_string(length) + '}';
}

asio::awaitable<void> ClientRoutes::token_check(http::Exchange& exchange) const {
    auto body = co_await body_of(exchange);
    if (!body) {
        co_await exchange.respond(api_error(code::kValidation, body.error().message));
        co_return;
    }
    const auto* prompts = body->if_contains("prompts");
    http::Response response(200, "application/json", "{\"prompts\":[");
    if (prompts == nullptr || !prompts->is_array() || prompts->get_array().size() > kMostChecks) {
        response = api_error(code::kValidation, "prompts is no list, or too long");
        co_await exchange.respond(std::move(response));
        co_return;
    }
    const auto& who = caller_of(exchange);
    for (const auto& prompt : prompts->get_array()) {
        auto entry = co_await checked(who, prompt);
        if (!entry) {
            response = api_error(entry.error());
            co_await exchange.respond(std::move(response));
            co_return;
        }
        if (response.body.back() != '[') response.body += ',';
        response.body += *entry;
    }
    response.body += "]}";
    co_await exchange.respond(std::move(response));
}

}  // namespace headrace::protocols::fastchat
