#include "protocols/fastchat/controller_routes.hpp"

#include <algorithm>
#include <cmath>

#include "access/principal.hpp"
#include "base/log.hpp"
#include "http/client.hpp"
#include "protocols/fastchat/errors.hpp"
#include "protocols/fastchat/hop.hpp"
#include "protocols/fastchat/worker_address.hpp"

namespace headrace::protocols::fastchat {
namespace {

// Who may call is decided by the address and its token: workers have no key.
constexpr auto kOpen = static_cast<http::RightId>(access::Right::open);
constexpr std::size_t kMostModels = 256;
constexpr std::size_t kMostModelName = 256;
constexpr std::size_t kMostStatusBytes = 1 << 20;
constexpr std::size_t kMostControlBytes = 1 << 20;
/// As long as FastChat's controller waits for a worker's status.
constexpr std::chrono::milliseconds kStatusTime{5'000};

http::Response ok(std::string body) {
    return http::Response(200, "application/json", std::move(body));
}

std::string_view text_of(const json::object& body, std::string_view name) {
    const auto* member = body.if_contains(name);
    return member != nullptr && member->is_string() ? std::string_view(member->get_string())
                                                    : std::string_view();
}

bool flag_of(const json::object& body, std::string_view name) {
    const auto* member = body.if_contains(name);
    return member != nullptr && member->is_bool() && member->get_bool();
}

double number_in(const json::object& body, std::string_view name, double fallback) {
    const auto* member = body.if_contains(name);
    if (member == nullptr || !member->is_number()) return fallback;
    const auto number = member->to_number<double>();
    return std::isfinite(number) && number >= 0 ? number : fallback;
}

std::string name_list(std::string_view member, const std::vector<std::string>& names) {
    std::string out = "{\"" + std::string(member) + "\":[";
    for (const auto& name : names) {
        if (out.back() != '[') out += ',';
        append_json_string(out, name);
    }
    return out + ']';
}

}  // namespace

Result<WorkerStatus> read_status(const json::object& status) {
    const auto* names = status.if_contains("model_names");
    if (names == nullptr || !names->is_array() || names->get_array().empty() ||
        names->get_array().size() > kMostModels) {
        return fail(ErrorCode::invalid_argument, "a worker's status has model_names");
    }
    WorkerStatus out;
    for (const auto& name : names->get_array()) {
        const auto* text = name.if_string();
        if (text == nullptr || text->empty() || text->size() > kMostModelName) {
            return fail(ErrorCode::invalid_argument, "a name in model_names cannot be used");
        }
        if (std::find(out.models.begin(), out.models.end(), std::string_view(*text)) ==
            out.models.end()) {
            out.models.emplace_back(*text);
        }
    }
    out.speed = number_in(status, "speed", 1);
    out.queue_length = number_in(status, "queue_length", 0);
    return out;
}

std::vector<http::Route> ControllerRoutes::routes(const std::string& prefix) const {
    std::vector<http::Route> out;
    const auto add = [&](http::Method method, std::string_view path, Handler handler) {
        out.emplace_back(
            method, prefix + std::string(path), http::RouteClass::worker, kOpen,
            [this, handler](http::Exchange& exchange) { return answer(exchange, handler); },
            kMostControlBytes);
    };
    using enum http::Method;
    add(post, "/register_worker", &ControllerRoutes::register_worker);
    add(post, "/receive_heart_beat", &ControllerRoutes::receive_heart_beat);
    add(post, "/refresh_all_workers", &ControllerRoutes::refresh_all_workers);
    add(post, "/list_models", &ControllerRoutes::list_models);
    add(post, "/list_multimodal_models", &ControllerRoutes::list_multimodal_models);
    add(post, "/list_language_models", &ControllerRoutes::list_language_models);
    add(post, "/get_worker_address", &ControllerRoutes::get_worker_address);
    add(post, "/worker_get_status", &ControllerRoutes::worker_get_status);
    add(get, "/test_connection", &ControllerRoutes::test_connection);
    out.emplace_back(
        post, prefix + "/worker_generate_stream", http::RouteClass::worker, kOpen,
        [this](http::Exchange& exchange) { return worker_generate_stream(exchange); },
        settings_.max_body_bytes);
    return out;
}

asio::awaitable<void> ControllerRoutes::answer(http::Exchange& exchange, Handler handler) const {
    auto reply = co_await (this->*handler)(exchange);
    if (!reply) {
        const auto& error = reply.error();
        const int status = error.code == ErrorCode::permission_denied  ? 403
                           : error.code == ErrorCode::invalid_argument ? 422
                           : error.code == ErrorCode::too_large        ? 413
                                                                       : 500;
        reply = detail(status, error.message);
    }
    co_await exchange.respond(std::move(*reply));
}

/// FastChat's own calls without a field have no body at all.
asio::awaitable<Result<json::object>> ControllerRoutes::body_of(http::Exchange& exchange) const {
    const auto body = co_await exchange.read_body();
    if (!body) co_return fail(body.error());
    if (body->find_first_not_of(" \r\n\t") == std::string::npos) co_return json::object();
    co_return parse_json_object(*body);
}

asio::awaitable<Result<WorkerStatus>> ControllerRoutes::status_of(http::Url url,
                                                                  asio::ip::address address) const {
    http::ClientSettings settings;
    settings.connect_time = kStatusTime;
    settings.silence_time = kStatusTime;
    http::Client client(co_await asio::this_coro::executor, settings);
    http::ClientRequest request;
    request.method = "POST";
    request.connect_to = address.to_string();
    while (url.target.ends_with('/')) url.target.pop_back();
    url.target += "/worker_get_status";
    request.url = std::move(url);
    auto answer = co_await client.send(std::move(request), kMostStatusBytes);
    if (!answer) co_return fail(std::move(answer).error());
    if (answer->status != 200) {
        co_return fail(ErrorCode::unavailable, "status " + std::to_string(answer->status));
    }
    const auto parsed = parse_json_object(answer->body);
    if (!parsed) co_return fail(parsed.error());
    co_return read_status(*parsed);
}

asio::awaitable<Result<http::Response>> ControllerRoutes::register_worker(
    http::Exchange& exchange) const {
    const auto body = co_await body_of(exchange);
    if (!body) co_return fail(body.error());
    Registration worker;
    worker.worker_name = text_of(*body, "worker_name");
    auto url = parse_worker_name(worker.worker_name);
    if (!url) co_return fail(std::move(url).error());
    const auto deadline = std::chrono::steady_clock::now() + kStatusTime;
    auto address = co_await locate(url->host, settings_.networks, deadline);
    if (!address) {
        log::warn("fastchat worker refused peer={} error={}", exchange.head().peer,
                  address.error().message);
        if (address.error().code == ErrorCode::permission_denied) {
            co_return fail(std::move(address).error());
        }
        co_return ok("null");
    }
    worker.base_url = dialled_url(*url, *address);
    worker.check_heart_beat = flag_of(*body, "check_heart_beat");
    worker.multimodal = flag_of(*body, "multimodal");
    const auto* told = body->if_contains("worker_status");
    const bool tells = told != nullptr && told->is_object() && !told->get_object().empty();
    Result<WorkerStatus> status = WorkerStatus{};
    if (tells) {
        status = read_status(told->get_object());
        if (!status) co_return fail(std::move(status).error());
    } else {
        status = co_await status_of(*url, *address);
    }
    if (!status) {
        // FastChat's controller answers 200 all the same, and the worker tries again with a beat.
        log::warn("fastchat worker does not tell its status worker={} error={}", worker.base_url,
                  status.error().message);
        co_return ok("null");
    }
    worker.status = std::move(*status);
    auto add = [this, worker = std::move(worker)](auto done) mutable {
        registry_.add(std::move(worker), std::move(done));
    };
    auto added = co_await started_on_core<void>(parts_.core, std::move(add));
    if (!added && added.error().code == ErrorCode::internal) co_return fail(added.error());
    co_return ok("null");
}

asio::awaitable<Result<http::Response>> ControllerRoutes::receive_heart_beat(
    http::Exchange& exchange) const {
    const auto body = co_await body_of(exchange);
    if (!body) co_return fail(body.error());
    std::string name(text_of(*body, "worker_name"));
    if (name.empty()) co_return fail(ErrorCode::invalid_argument, "worker_name is missing");
    const double queue = number_in(*body, "queue_length", 0);
    auto beat = [this, name = std::move(name), queue]() -> Result<bool> {
        return registry_.beat(name, queue);
    };
    auto known = co_await on_core<bool>(parts_.core, std::move(beat));
    co_return ok(known && *known ? "{\"exist\":true}" : "{\"exist\":false}");
}

asio::awaitable<Result<http::Response>> ControllerRoutes::refresh_all_workers(
    http::Exchange&) const {
    auto refresh = [this](auto ended) { registry_.refresh(std::move(ended)); };
    auto done = co_await started_on_core<void>(parts_.core, std::move(refresh));
    if (!done) co_return fail(std::move(done).error());
    co_return ok("null");
}

asio::awaitable<Result<http::Response>> ControllerRoutes::models(Registry::Which which) const {
    using Names = std::vector<std::string>;
    auto look = [this, which]() -> Result<Names> { return registry_.models(which); };
    auto names = co_await on_core<Names>(parts_.core, std::move(look));
    if (!names) co_return fail(std::move(names).error());
    co_return ok(name_list("models", *names) + '}');
}

asio::awaitable<Result<http::Response>> ControllerRoutes::list_models(http::Exchange&) const {
    return models(Registry::Which::all);
}

asio::awaitable<Result<http::Response>> ControllerRoutes::list_multimodal_models(
    http::Exchange&) const {
    return models(Registry::Which::multimodal);
}

asio::awaitable<Result<http::Response>> ControllerRoutes::list_language_models(
    http::Exchange&) const {
    return models(Registry::Which::language);
}

asio::awaitable<Result<http::Response>> ControllerRoutes::get_worker_address(
    http::Exchange& exchange) const {
    const auto body = co_await body_of(exchange);
    if (!body) co_return fail(body.error());
    std::string model(text_of(*body, "model"));
    auto look = [this, model = std::move(model)] { return registry_.choose(model); };
    auto worker = co_await on_core<upstreams::SpecPtr>(parts_.core, std::move(look));
    std::string out = "{\"address\":";
    append_json_string(out, worker ? worker_name_of(**worker) : std::string());
    co_return ok(out + '}');
}

asio::awaitable<Result<http::Response>> ControllerRoutes::worker_get_status(http::Exchange&) const {
    auto look = [this]() -> Result<WorkerStatus> { return registry_.aggregate(); };
    auto status = co_await on_core<WorkerStatus>(parts_.core, std::move(look));
    if (!status) co_return fail(std::move(status).error());
    auto out = name_list("model_names", status->models);
    out += ",\"speed\":";
    append_json(out, json::value(status->speed));
    out += ",\"queue_length\":";
    append_json(out, json::value(status->queue_length));
    co_return ok(out + '}');
}

asio::awaitable<Result<http::Response>> ControllerRoutes::test_connection(http::Exchange&) const {
    co_return ok("\"success\"");
}

}  // namespace headrace::protocols::fastchat
