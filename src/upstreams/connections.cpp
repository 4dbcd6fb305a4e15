#include "upstreams/connections.hpp"

#include <algorithm>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/clock.hpp"
#include "http/client.hpp"
#include "http/drop.hpp"
#include "http/guarded_fetch.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::size_t kMostIdle = 256;
constexpr std::chrono::seconds kLongestIdle{60};
constexpr std::chrono::milliseconds kLetEnd{1'000};
constexpr std::size_t kLetEndBytes = 64 * 1024;

/// What went wrong on the wire, in words that tell the caller nothing of where the server is.
CallError wire_error(const Error& error, bool connected) {
    CallError out;
    out.detail = error.message;
    switch (error.code) {
        case ErrorCode::cancelled:
            out.fault = Fault::cancelled;
            out.code = "cancelled";
            out.message = "the call was dropped";
            return out;
        case ErrorCode::deadline_exceeded:
            out.code = "deadline_exceeded";
            out.message = connected ? "the upstream did not answer in time"
                                    : "the upstream could not be reached in time";
            return out;
        case ErrorCode::permission_denied:
            out.message = "the upstream's address is not allowed";
            return out;
        default:
            if (!error.violations.empty() && error.violations.front().rule.starts_with("tls:")) {
                out.message = "the upstream's certificate is not accepted";
                out.detail = error.violations.front().path + ": " + error.message;
                return out;
            }
            out.message = connected ? "the upstream broke off" : "the upstream cannot be reached";
            return out;
    }
}

http::ClientSettings client_settings(const UpstreamSpec& spec) {
    http::ClientSettings settings;
    settings.connect_time = spec.timeouts.connect;
    settings.silence_time = spec.timeouts.between;
    settings.lives_with_loop = true;
    settings.tls.ca = spec.ca;
    settings.tls.server_name = spec.server_name;
    return settings;
}

/// The path of a base url without a slash at its end: what request paths are appended to.
std::string base_path(const http::Url& url) {
    std::string path = url.target;
    while (!path.empty() && path.back() == '/') path.pop_back();
    return path;
}

}  // namespace

void Abort::trip() {
    if (std::exchange(tripped_, true)) return;
    if (auto drop = std::exchange(drop_, nullptr)) drop();
}

void Abort::hold(UniqueFunction<void()> drop) {
    if (tripped_) return drop();
    drop_ = std::move(drop);
}

/// A client with the connection it keeps, and the address that was checked for it.
struct Kept {
    std::unique_ptr<http::Client> client;
    std::string address;
    SteadyTime since{};
};

struct Connections::Pool : std::enable_shared_from_this<Connections::Pool> {
    Pool(asio::any_io_executor executor_, SpecPtr spec_, const http::GuardedFetch& fetch_,
         TaskGroup& tasks_)
        : executor(std::move(executor_)), fetch(fetch_), tasks(tasks_) {
        take(std::move(spec_));
    }

    void take(SpecPtr fresh) {
        spec = std::move(fresh);
        ++generation;
        idle.clear();
        prototype = std::make_unique<http::Client>(executor, client_settings(*spec));
        if (auto parsed = http::Url::parse(spec->base_url)) {
            url = std::move(*parsed);
            path = base_path(url);
        }
        headers = {};
        headers.add("Accept", "*/*");
        headers.add("User-Agent", "headrace");
        for (const auto& [name, value] : spec->headers) headers.set(name, value);
        if (!spec->key.empty()) {
            headers.set("Authorization", "Bearer " + std::string(spec->key.reveal()));
        }
        http::Headers host;
        host.add("Host", url.authority());
        lines = http::field_lines(host) + http::field_lines(headers);
        initials = 0;
        for (const auto& field : headers.fields()) initials |= initial_of(field.name);
    }

    /// A kept connection that is still good; none where there is none.
    Kept take_idle() {
        while (!idle.empty()) {
            Kept kept = std::move(idle.back());
            idle.pop_back();
            if (kept.client->has_kept()) return kept;
        }
        return {};
    }

    void put_back(Kept kept, std::uint64_t of) {
        if (of != generation || idle.size() >= kMostIdle || !kept.client->keeps()) return;
        kept.since = std::chrono::steady_clock::now();
        while (!idle.empty() && idle.front().since + kLongestIdle < kept.since) {
            idle.erase(idle.begin());
        }
        idle.push_back(std::move(kept));
    }

    /// A bit for the first letter of a name: most names differ there already, and the names
    /// themselves need not be read.
    static std::uint32_t initial_of(std::string_view name) {
        return name.empty() ? 0 : 1U << (static_cast<unsigned char>(name.front()) % 32);
    }
    [[nodiscard]] bool shares_no_name(const http::Headers& own) const {
        return std::none_of(own.fields().begin(), own.fields().end(), [this](const auto& each) {
            return (initials & initial_of(each.name)) != 0 && headers.find(each.name);
        });
    }
    /// Ours, but for those that a request names itself.
    [[nodiscard]] http::Headers with(const http::Headers& own) const {
        http::Headers all = headers;
        for (const auto& field : own.fields()) all.set(field.name, field.value);
        return all;
    }
    [[nodiscard]] std::chrono::milliseconds time_for(const OutRequest& request) const {
        return request.first_byte.count() > 0 ? request.first_byte : spec->timeouts.first_byte;
    }
    [[nodiscard]] http::ClientRequest whole_request(const OutRequest& request,
                                                    const Kept& kept) const;
    asio::awaitable<CallResult<Kept>> fresh(Abort& abort);

    asio::any_io_executor executor;
    SpecPtr spec;
    const http::GuardedFetch& fetch;
    TaskGroup& tasks;
    std::unique_ptr<http::Client> prototype;
    http::Url url;
    std::string path;
    http::Headers headers;
    std::uint32_t initials = 0;  // of the headers
    std::string lines;           // of the headers, as they go out, with Host
    std::vector<Kept> idle;      // oldest first
    std::uint64_t generation = 0;
};

struct OutAnswer::State {
    State(http::ClientStream stream_, Kept kept_, std::shared_ptr<Connections::Pool> pool_,
          std::uint64_t generation_, Abort& abort_)
        : stream(std::move(stream_)),
          kept(std::move(kept_)),
          pool(std::move(pool_)),
          generation(generation_),
          abort(&abort_) {
        abort->hold([this] { stream.cancel(); });
    }
    ~State() {
        if (abort) abort->release();
        if (ended) {
            kept.client->give_back(std::move(stream));
            pool->put_back(std::move(kept), generation);
        } else {
            stream.cancel();
        }
    }

    http::ClientStream stream;
    Kept kept;
    std::shared_ptr<Connections::Pool> pool;
    std::uint64_t generation;
    Abort* abort;  // null once nobody can drop it
    bool ended = false;

    static asio::awaitable<void> read_end(std::unique_ptr<State> state);
};

/// Reads what is left of an answer, within bounds.
asio::awaitable<void> OutAnswer::State::read_end(std::unique_ptr<State> state) {
    auto timer = std::make_shared<asio::steady_timer>(state->pool->executor, kLetEnd);
    auto watched = std::make_shared<State*>(state.get());
    timer->async_wait([timer, watched](boost::system::error_code error) {
        if (!error && *watched) (*watched)->stream.cancel();
    });
    std::size_t bytes = 0;
    while (bytes <= kLetEndBytes) {
        auto piece = co_await state->stream.read_some();
        if (!piece) break;
        state->ended = !piece->has_value();
        if (state->ended) break;
        bytes += (*piece)->size();
    }
    *watched = nullptr;
    timer->cancel();
}

OutAnswer::OutAnswer(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutAnswer::OutAnswer(OutAnswer&&) noexcept = default;
OutAnswer& OutAnswer::operator=(OutAnswer&&) noexcept = default;
OutAnswer::~OutAnswer() = default;

int OutAnswer::status() const {
    return state_->stream.status();
}

const http::Headers& OutAnswer::headers() const {
    return state_->stream.headers();
}

asio::awaitable<CallResult<std::optional<std::string>>> OutAnswer::read_some() {
    auto piece = co_await state_->stream.read_some();
    if (!piece) co_return call_failed(wire_error(piece.error(), true));
    state_->ended = !piece->has_value();
    co_return std::move(*piece);
}

asio::awaitable<CallResult<std::string>> OutAnswer::read_all(std::size_t most) {
    std::string all;
    for (;;) {
        auto piece = state_->stream.read_now();
        if (!piece) piece = co_await state_->stream.read_some();
        if (!*piece) co_return call_failed(wire_error(piece->error(), true));
        state_->ended = !(*piece)->has_value();
        if (state_->ended) co_return all;
        auto& bytes = ***piece;
        if (all.size() + bytes.size() > most) {
            co_return call_failed(
                Fault::request, "too_large",
                "the upstream's answer is larger than " + std::to_string(most) + " bytes");
        }
        if (all.empty())
            all = std::move(bytes);
        else
            all.append(bytes);
    }
}

void OutAnswer::let_end() {
    if (!state_ || state_->ended) return state_.reset();
    state_->abort->release();
    state_->abort = nullptr;
    auto& tasks = state_->pool->tasks;
    tasks.spawn("read the end of an answer", State::read_end(std::move(state_)));
}

Connections::Connections(asio::any_io_executor executor, SpecPtr spec,
                         const http::GuardedFetch& fetch, TaskGroup& tasks)
    : pool_(std::make_shared<Pool>(std::move(executor), std::move(spec), fetch, tasks)) {}
Connections::~Connections() = default;

void Connections::reset(SpecPtr spec) {
    pool_->take(std::move(spec));
}

std::size_t Connections::idle() const {
    return pool_->idle.size();
}

/// A client that has no connection yet, and where it is to connect to.
asio::awaitable<CallResult<Kept>> Connections::Pool::fresh(Abort& abort) {
    Kept kept;
    kept.client = std::make_unique<http::Client>(prototype->sibling());
    if (spec->allow_private) co_return kept;
    const auto deadline = std::chrono::steady_clock::now() + spec->timeouts.connect;
    http::Drop drop;
    abort.hold([&drop] { drop.now(); });
    auto address = co_await fetch.checked_address(url.host, deadline, &drop);
    abort.release();
    if (!address) co_return call_failed(wire_error(address.error(), false));
    if (abort.tripped()) {
        co_return call_failed(Fault::cancelled, "cancelled", "the call was dropped");
    }
    kept.address = std::move(*address);
    co_return kept;
}

/// Over a new connection, or with a header field in place of one of ours.
http::ClientRequest Connections::Pool::whole_request(const OutRequest& request,
                                                     const Kept& kept) const {
    http::ClientRequest out;
    out.method = request.method;
    out.url = url;
    out.url.target = path + request.path;
    http::Headers own = request.headers;
    if (!request.body.empty()) own.set("Content-Type", std::string(request.content_type));
    out.headers = with(own);
    out.lent_body = request.body;
    out.connect_to = kept.address;
    out.over_kept = true;
    out.head_time = time_for(request);
    return out;
}

asio::awaitable<CallResult<OutAnswer>> Connections::open(OutRequest request, Abort& abort) {
    const auto pool = pool_;
    const auto generation = pool->generation;
    for (;;) {
        if (abort.tripped()) {
            co_return call_failed(Fault::cancelled, "cancelled", "the call was dropped");
        }
        Kept kept = pool->take_idle();
        const bool warm = kept.client != nullptr;
        if (!warm) {
            auto made = co_await pool->fresh(abort);
            if (!made) co_return call_failed(std::move(made).error());
            kept = std::move(*made);
        }
        abort.hold([client = kept.client.get()] { client->cancel(); });
        Result<http::ClientStream> stream = headrace::fail(ErrorCode::internal, "");
        if (warm && pool->shares_no_name(request.headers)) {
            http::NextRequest next;
            next.method = request.method;
            next.path = pool->path;
            next.operation = request.path;
            next.lines = pool->lines;
            if (!request.body.empty()) next.content_type = request.content_type;
            next.headers = &request.headers;
            next.body = request.body;
            next.head_time = pool->time_for(request);
            stream = co_await kept.client->open_again(next);
        } else {
            auto whole = pool->whole_request(request, kept);
            stream = co_await kept.client->open(std::move(whole));
        }
        abort.release();
        if (stream) {
            co_return OutAnswer(std::make_unique<OutAnswer::State>(
                std::move(*stream), std::move(kept), pool, generation, abort));
        }
        // The server has closed what we kept in the same moment: it has not seen the request, or
        // died of it, and then the next try tells.
        if (warm && stream.error().code == ErrorCode::unavailable) continue;
        co_return call_failed(wire_error(stream.error(), kept.client->reached()));
    }
}

}  // namespace headrace::upstreams
