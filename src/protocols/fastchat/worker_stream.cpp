// ControllerRoutes: a worker's stream passed on as it is, for those who take this controller for a
// worker (a controller above it, FastChat's own API server).
#include <algorithm>
#include <charconv>
#include <optional>

#include "access/admission.hpp"
#include "access/limits.hpp"
#include "base/json_scan.hpp"
#include "http/client.hpp"
#include "http/url.hpp"
#include "jobs/service.hpp"
#include "protocols/fastchat/controller_routes.hpp"
#include "protocols/fastchat/errors.hpp"
#include "protocols/fastchat/hop.hpp"
#include "upstreams/fastchat_chunks.hpp"

namespace headrace::protocols::fastchat {
namespace {

constexpr int kTries = 3;
constexpr std::uint64_t kBytesPerToken = 3;
constexpr std::uint64_t kMostTokens = 1 << 20;

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

/// The usage that the newest chunk tells of.
class LastChunk {
  public:
    void push(std::string_view piece) {
        chunks_.push(piece);
        while (!broken_) {
            auto chunk = chunks_.next();
            broken_ = !chunk;
            if (!chunk || !*chunk) break;
            newest_ = std::move(**chunk);
        }
    }
    [[nodiscard]] std::uint64_t tokens() const {
        const auto parsed = parse_json_object(newest_);
        const auto usage = parsed ? upstreams::usage_of(*parsed) : std::nullopt;
        return usage ? usage->prompt_tokens + usage->completion_tokens : 0;
    }

  private:
    static constexpr std::size_t kMostChunk = 4 << 20;
    upstreams::ChunkSplitter chunks_{kMostChunk};
    std::string newest_;
    bool broken_ = false;
};

}  // namespace

Result<ControllerRoutes::Ask> ControllerRoutes::ask_in(std::string_view body) {
    const auto members = JsonMembers::scan(body);
    if (!members) return fail(members.error());
    const auto* model = members->find("model");
    auto name = model == nullptr ? std::nullopt : json_text(model->value);
    if (!name) return fail(ErrorCode::invalid_argument, "model is missing");
    Ask ask{std::move(*name), 0};
    if (const auto* most = members->find("max_new_tokens")) {
        std::uint64_t tokens = 0;
        const char* end = most->value.data() + most->value.size();
        const auto read = std::from_chars(most->value.data(), end, tokens);
        if (read.ec == std::errc() && read.ptr == end)
            ask.max_tokens = std::min(tokens, kMostTokens);
    }
    return ask;
}

/// The place of a call on a worker. Whatever way the call ends, it is given back.
class ControllerRoutes::Place {
  public:
    Place(Loop& core, Registry& registry, upstreams::Visit visit)
        : core_(core), registry_(registry), visit_(std::move(visit)) {}
    ~Place() {
        core_.post([&registry = registry_, visit = std::move(visit_), verdict = verdict_] {
            if (verdict)
                registry.leave(visit, *verdict);
            else
                registry.give_up(visit);
        });
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    [[nodiscard]] const upstreams::UpstreamSpec& worker() const { return *visit_.spec; }
    void judge(bool answered) { verdict_ = answered; }

  private:
    Loop& core_;
    Registry& registry_;
    upstreams::Visit visit_;
    std::optional<bool> verdict_;
};

/// What the call waits for is dropped with its caller.
class ControllerRoutes::Waiting {
  public:
    Waiting(upstreams::Abort& abort, UniqueFunction<void()> drop) : abort_(abort) {
        abort_.hold(std::move(drop));
    }
    ~Waiting() { abort_.release(); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

  private:
    upstreams::Abort& abort_;
};

/// Whoever calls a worker through us knows the token and has no key: the limits are those of the
/// tenant that the workers' models belong to, and of the model.
asio::awaitable<Result<access::Permit>> ControllerRoutes::admit(const Ask& ask,
                                                                std::size_t bytes) const {
    if (!parts_.jobs.accepts() || !parts_.jobs.accepts_streams()) {
        co_return fail(ErrorCode::unavailable, "the server is short of memory");
    }
    access::Principal who;
    who.tenant = settings_.tenant;
    const auto tokens = bytes / kBytesPerToken + ask.max_tokens;
    auto permit = parts_.limiter.admit(who, ask.model, tokens);
    if (access::must_wait(permit)) {
        permit = co_await access::admit_with_share(parts_.limiter, who, ask.model, tokens);
    }
    co_return permit;
}

asio::awaitable<void> ControllerRoutes::worker_generate_stream(http::Exchange& exchange) const {
    auto body = co_await exchange.read_body();
    auto ask = body ? ask_in(*body) : fail(body.error());
    if (!ask) {
        auto refusal = detail(422, ask.error().message);
        co_await exchange.respond(std::move(refusal));
        co_return;
    }
    auto permit = co_await admit(*ask, body->size());
    if (!permit) {
        auto refusal = whole(error_chunk(number_of(permit.error().code), permit.error().message));
        co_await exchange.respond(std::move(refusal));
        co_return;
    }
    bool tried = false;
    upstreams::Abort abort;
    exchange.on_hangup([&abort] { abort.trip(); });
    for (int left = kTries; left > 0; --left) {
        auto enter = [this, name = ask->model] { return registry_.enter(name); };
        auto visit = co_await on_core<upstreams::Visit>(parts_.core, std::move(enter));
        if (!visit) break;
        tried = true;
        const auto spec = visit->spec;
        std::uint64_t used = 0;
        {
            Place place(parts_.core, registry_, std::move(*visit));
            const bool passed = co_await pass_on(exchange, place, *body, abort, used);
            if (passed) {
                permit->settle(used > 0 ? used : body->size() / kBytesPerToken);
                co_return;
            }
            if (abort.tripped()) co_return;
        }
        // Nothing has reached the caller, so another worker may have the call.
        auto suspect = [this, spec](auto done) { registry_.suspect(*spec, std::move(done)); };
        co_await started_on_core<bool>(parts_.core, std::move(suspect));
    }
    auto last =
        whole(tried ? error_chunk(code::kWorkerTimeout, "the worker does not answer")
                    : error_chunk(code::kNoWorker, "no worker has the model " + ask->model));
    co_await exchange.respond(std::move(last));
}

/// False: the worker has given nothing, and the caller got nothing. `abort`: the caller has left.
/// `used`: the tokens it counted.
asio::awaitable<bool> ControllerRoutes::pass_on(http::Exchange& exchange, Place& place,
                                                std::string body, upstreams::Abort& abort,
                                                std::uint64_t& used) const {
    const auto& worker = place.worker();
    auto url = http::Url::parse(worker.base_url);
    if (!url) co_return false;
    http::ClientSettings settings;
    settings.connect_time = worker.timeouts.connect;
    settings.silence_time = worker.timeouts.between;
    http::Client client(co_await asio::this_coro::executor, settings);
    http::ClientRequest request;
    request.method = "POST";
    while (url->target.ends_with('/')) url->target.pop_back();
    url->target += "/worker_generate_stream";
    request.url = std::move(*url);
    request.headers.add("Content-Type", "application/json");
    request.body = std::move(body);
    std::optional<Waiting> waiting(std::in_place, abort, [&client] { client.cancel(); });
    auto stream = co_await client.open(std::move(request));
    waiting.reset();
    if (abort.tripped()) co_return false;
    if (!stream) place.judge(false);
    if (!stream || stream->status() != 200) co_return false;
    waiting.emplace(abort, [&stream] { stream->cancel(); });
    auto piece = co_await stream->read_some();
    if (abort.tripped()) co_return false;
    if (!piece || !piece->has_value()) {
        place.judge(false);
        co_return false;
    }
    auto head = stream_head();
    auto writer = co_await exchange.start_stream(std::move(head));
    if (!writer) co_return true;
    LastChunk last;
    while (piece && piece->has_value()) {
        last.push(**piece);
        auto written = co_await writer->write(**piece);
        if (!written) {
            stream->cancel();
            used = last.tokens();
            co_return true;
        }
        piece = co_await stream->read_some();
    }
    used = last.tokens();
    if (abort.tripped()) co_return true;
    place.judge(piece.has_value());
    if (!piece) {
        const auto chunk = error_chunk(code::kWorkerTimeout, "the worker broke off");
        auto written = co_await writer->write(chunk);
        if (!written) co_return true;
    }
    co_await writer->finish();
    co_return true;
}

}  // namespace headrace::protocols::fastchat
