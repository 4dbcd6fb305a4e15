// ControllerRoutes: a worker's stream passed on as it is, for those who take this controller for a
// worker (a controller above it, FastChat's own API server).
#include "base/json_scan.hpp"
#include "http/client.hpp"
#include "http/url.hpp"
#include "protocols/fastchat/controller_routes.hpp"
#include "protocols/fastchat/errors.hpp"
#include "protocols/fastchat/hop.hpp"

namespace headrace::protocols::fastchat {
namespace {

constexpr int kTries = 3;

http::Response stream_head() {
    http::Response head;
    head.content_type = "application/octet-stream";
    head.headers.add("Cache-Control", "no-store");
    head.headers.add("X-Accel-Buffering", "no");
    return head;
}

http::Response whole(std::string body) {
    return http::Response(200, "application/octet-stream", std::move(body));
}

Result<std::string> model_in(std::string_view body) {
    const auto members = JsonMembers::scan(body);
    if (!members) return fail(members.error());
    const auto* model = members->find("model");
    auto name = model == nullptr ? std::nullopt : json_text(model->value);
    if (!name) return fail(ErrorCode::invalid_argument, "model is missing");
    return std::move(*name);
}

}  // namespace

asio::awaitable<void> ControllerRoutes::worker_generate_stream(http::Exchange& exchange) const {
    auto body = co_await exchange.read_body();
    auto model = body ? model_in(*body) : fail(body.error());
    if (!model) {
        auto refusal = detail(422, model.error().message);
        co_await exchange.respond(std::move(refusal));
        co_return;
    }
    bool tried = false;
    for (int left = kTries; left > 0; --left) {
        auto choose = [this, name = *model] { return registry_.choose(name); };
        auto worker = co_await on_core<upstreams::SpecPtr>(parts_.core, std::move(choose));
        if (!worker) break;
        tried = true;
        const bool passed = co_await pass_on(exchange, *worker, *body);
        if (passed) co_return;
        // Nothing has reached the caller, so another worker may have the call.
        auto suspect = [this, spec = *worker](auto done) {
            registry_.suspect(*spec, std::move(done));
        };
        co_await started_on_core<bool>(parts_.core, std::move(suspect));
    }
    auto last = whole(tried ? error_chunk(code::kWorkerTimeout, "the worker does not answer")
                            : error_chunk(code::kNoWorker, "no worker has the model " + *model));
    co_await exchange.respond(std::move(last));
}

/// False: the worker has given nothing, and the caller got nothing.
asio::awaitable<bool> ControllerRoutes::pass_on(http::Exchange& exchange, upstreams::SpecPtr worker,
                                                std::string body) const {
    auto url = http::Url::parse(worker->base_url);
    if (!url) co_return false;
    http::ClientSettings settings;
    settings.connect_time = worker->timeouts.connect;
    settings.silence_time = worker->timeouts.between;
    http::Client client(co_await asio::this_coro::executor, settings);
    http::ClientRequest request;
    request.method = "POST";
    while (url->target.ends_with('/')) url->target.pop_back();
    url->target += "/worker_generate_stream";
    request.url = std::move(*url);
    request.headers.add("Content-Type", "application/json");
    request.body = std::move(body);
    auto stream = co_await client.open(std::move(request));
    if (!stream || stream->status() != 200) co_return false;
    auto piece = co_await stream->read_some();
    if (!piece || !piece->has_value()) co_return false;
    auto head = stream_head();
    auto writer = co_await exchange.start_stream(std::move(head));
    if (!writer) co_return true;
    while (piece && piece->has_value()) {
        auto written = co_await writer->write(**piece);
        if (!written) {
            stream->cancel();
            co_return true;
        }
        piece = co_await stream->read_some();
    }
    if (!piece) {
        const auto chunk = error_chunk(code::kWorkerTimeout, "the worker broke off");
        auto written = co_await writer->write(chunk);
        if (!written) co_return true;
    }
    co_await writer->finish();
    co_return true;
}

}  // namespace headrace::protocols::fastchat
