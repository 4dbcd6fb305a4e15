#include "http/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.hpp"

namespace headrace::http {
namespace {

/// Awaited, it ends with the watch's read. Deferred: the wait for every next request needs no
/// coroutine frame of its own.
template <class Watch>
auto end_of(Watch* watch) {
    auto begin = [](auto resume, Watch* of) {
        of->over = [resume = std::move(resume)]() mutable { std::move(resume)(); };
    };
    return asio::async_initiate<const asio::deferred_t, void()>(begin, asio::deferred, watch);
}

constexpr std::size_t kMinRead = 2048;
constexpr milliseconds kGoodbyeTime{1000};
constexpr std::size_t kGoodbyeBytes = 256 * 1024;

constexpr std::chrono::seconds kShortIdle{1};

SteadyTime now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

Connection::Connection(std::shared_ptr<Shard> shard, Transport::Socket socket, std::string peer,
                       bool peer_is_local)
    : shard_(std::move(shard)),
      place_(shard_->enter(*this)),
      transport_(std::make_unique<Transport>(std::move(socket))),
      peer_(std::move(peer)),
      peer_is_local_(peer_is_local),
      idle_since_(now()) {}

Connection::~Connection() {
    shard_->leave(place_);
}

void Connection::set_deadline(milliseconds from_now) {
    timed_out_ = false;
    deadline_ = now() + from_now;
}

void Connection::tick(SteadyTime at) {
    if (!transport_) return;
    if (at >= deadline_) {
        clear_deadline();
        timed_out_ = true;
        transport_->cancel();
    } else if (phase_ == Phase::idle && !tls_ && !parked_ &&
               at - idle_since_ > shard_->core().settings.limits.park_after) {
        park();
    }
}

/// Long idle: hold nothing but the socket.
void Connection::park() {
    parked_ = true;
    if (watch_) {
        transport_->cancel();  // its read has the buffer; see fill()
        return;
    }
    out_ = {};
    chunk_in_ = {};
    head_ = {};
    path_ = {};
    params_ = {};
    parser_ = {};
}

void Connection::drain() {
    keep_ = false;
    if (phase_ == Phase::idle && transport_) transport_->cancel();
}

/// Not one that has only just come or been used: its next request may be on its way.
void Connection::close_if_idle() {
    if (phase_ == Phase::idle && now() - idle_since_ >= kShortIdle) drain();
}

void Connection::cut() {
    if (transport_) transport_->cancel();
}

asio::awaitable<void> Connection::serve() {
    if (auto context = shard_->core().tls()) {
        tls_ = true;
        phase_ = Phase::head;  // not idle: a drain lets the handshake and its request finish
        set_deadline(shard_->core().settings.limits.head_time);
        const auto error = co_await transport_->tls_accept(std::move(context));
        clear_deadline();
        if (error) {
            log::debug("tls handshake failed door={} peer={} error={}",
                       shard_->core().settings.name, peer_, error.message());
            co_return;
        }
    }
    for (;;) {
        const bool more = co_await read_head();
        if (!more) break;
        co_await serve_request();
        if (!transport_ || !keep_ || lost_) break;
    }
    if (transport_) co_await say_goodbye();
}

/// Whether the head of a request is there and was taken; else nothing, or a refusal of it.
bool Connection::take_head(std::size_t& scanned, std::optional<Refusal>& refusal) {
    const auto& limits = shard_->core().settings.limits;
    // RFC 9112 §2.2: an empty line before a request line is to be ignored.
    if (scanned == 0 && in_.view().starts_with("\r\n")) in_.consume(2);
    const auto end = find_head_end(in_.view(), scanned);
    if (end) clear_deadline();
    if (end ? *end > limits.head_bytes : in_.size() > limits.head_bytes) {
        refusal.emplace(431, "the request head is too large");
        return false;
    }
    if (!end) return false;
    begin_request(*end);
    refusal = parser_.parse_head(in_.view().substr(0, *end), head_);
    return !refusal;
}

// Every request comes through here, so its waits are in this frame and in none of their own.
asio::awaitable<bool> Connection::read_head() {
    const auto& limits = shard_->core().settings.limits;
    std::size_t scanned = 0;
    std::optional<Refusal> refusal;
    phase_ = Phase::head;
    if (!in_.empty()) set_deadline(limits.head_time);
    for (;;) {
        if (take_head(scanned, refusal)) co_return true;
        if (refusal) break;
        if (in_.empty() && phase_ != Phase::idle) {
            if (!keep_ || shard_->core().draining) co_return false;
            phase_ = Phase::idle;
            idle_since_ = now();
            set_deadline(limits.idle_time);
        }
        error_code error;
        bool read_on = true;
        if (watch_) {
            auto settled = end_of(watch_);
            co_await std::move(settled);
            error = watch_error_;
            read_on = parked_ && error && in_.empty() && !timed_out_ && keep_;
            if (read_on) park();
        }
        if (read_on) error = co_await fill();
        if (error) {
            if (timed_out_ && !in_.empty()) refusal.emplace(408, "the request head took too long");
            break;
        }
        if (phase_ == Phase::idle && !in_.empty()) {
            phase_ = Phase::head;
            set_deadline(limits.head_time);
        }
    }
    if (refusal) co_await refuse(std::move(*refusal));
    co_return false;
}

asio::awaitable<error_code> Connection::fill() {
    if (phase_ == Phase::idle && !tls_) {
        in_.release();
        const auto error = co_await transport_->wait_readable();
        if (error) co_return error;
    }
    in_.make_room(kMinRead);
    const auto io = co_await transport_->read_some(asio::buffer(in_.tail(), in_.tail_room()));
    in_.commit(io.bytes);
    co_return io.error;
}

void Connection::begin_request(std::size_t head_size) {
    phase_ = Phase::busy;
    parked_ = false;
    head_size_ = head_size;
    mount_ = nullptr;
    route_ = nullptr;
    params_.clear();
    body_ = BodyKind::none;
    body_left_ = body_received_ = body_taken_ = 0;
    body_waited_ = {};
    continue_owed_ = false;
    status_ = 0;
    streaming_ = stream_chunked_ = discard_stream_ = false;
    head_.method = Method::get;
    head_.target = head_.path = head_.query = head_.host = {};
    head_.peer = peer_;
    head_.peer_is_local = peer_is_local_;
    head_.tls = tls_;
}

/// What the head says of the body that follows it.
void Connection::expect_body() {
    in_.consume(head_size_);
    keep_ = parser_.keep_alive() && !shard_->core().draining;
    continue_owed_ = parser_.expects_continue();
    if (parser_.chunked()) {
        body_ = BodyKind::chunked;
        chunk_in_.assign(in_.view());
        chunk_at_ = 0;
        in_.consume(in_.size());
    } else if (const auto length = parser_.content_length(); length && *length > 0) {
        body_ = BodyKind::length;
        body_left_ = *length;
    } else {
        continue_owed_ = false;
    }
}

asio::awaitable<void> Connection::serve_request() {
    const auto started = now();
    expect_body();
    Exchange exchange(*this);
    auto response = decide(exchange);
    if (!response) {
        std::string what;
        try {
            co_await route_->handler(exchange);
        } catch (const std::exception& e) {
            what = e.what();
        }
        const auto state = co_await asio::this_coro::cancellation_state;
        const bool cancelled = state.cancelled() != asio::cancellation_type::none;
        response = after_handler(cancelled, what);
    }
    if (response) co_await answer(std::move(*response));
    gone_ = nullptr;
    if (shard_->core().observer) shard_->core().observer(exchange, now() - started);
    if (!transport_ || lost_) co_return;
    if (!body_is_over()) {
        const bool over = co_await discard_body();
        if (!over) {
            keep_ = false;
            unread_input_ = true;
        }
    }
    end_request();
}

/// The answer that a handler owes.
std::optional<Response> Connection::after_handler(bool cancelled, const std::string& what) {
    if (cancelled) {
        keep_ = false;
        lost_ = true;
        return std::nullopt;
    }
    if (!what.empty()) {
        log::error("handler failed door={} route={}{} trace={} error={}",
                   shard_->core().settings.name, mount_->prefix, route_->pattern,
                   head_.trace.trace_id(), what);
    }
    if (!transport_ || lost_) return std::nullopt;
    if (status_ == 0) {
        if (what.empty()) {
            log::error("handler gave no answer door={} route={}{}", shard_->core().settings.name,
                       mount_->prefix, route_->pattern);
        }
        return render(Error{ErrorCode::internal, "internal error", {}, 0}, 500);
    }
    if (streaming_ || !what.empty()) {
        // A cut answer must look cut.
        keep_ = false;
        lost_ = true;
    }
    return std::nullopt;
}

void Connection::end_request() {
    if (chunk_at_ < chunk_in_.size()) {
        in_.append(std::string_view(chunk_in_).substr(chunk_at_));
    }
    chunk_in_.clear();
    if (chunk_in_.capacity() > 4096) chunk_in_ = {};
    if (out_.capacity() > 64 * 1024) out_ = {};
    chunk_at_ = 0;
}

asio::awaitable<void> Connection::refuse(Refusal refusal) {
    phase_ = Phase::busy;
    keep_ = false;
    unread_input_ = true;
    if (!mount_) mount_ = shard_->core().router->first_mount();
    const auto code = refusal.status == 431   ? ErrorCode::too_large
                      : refusal.status == 408 ? ErrorCode::deadline_exceeded
                                              : ErrorCode::invalid_argument;
    status_ = 0;
    const Error error{code, std::move(refusal.message), {}, 0};
    auto response = render(error, refusal.status);
    co_await answer(std::move(response));
}

/// Closing with unread input makes the kernel reset the connection, and the client may lose the
/// answer: so say that we are done, then read on for a moment.
asio::awaitable<void> Connection::say_goodbye() {
    phase_ = Phase::busy;
    gone_ = nullptr;
    if (lost_) {
        transport_->close();
        co_return;
    }
    if (watch_) {
        transport_->cancel();
        co_await settle_watch();
    }
    set_deadline(kGoodbyeTime);
    co_await transport_->finish_writing();
    std::array<char, 4096> sink;
    std::size_t left = unread_input_ ? kGoodbyeBytes : 0;
    while (left > 0 && !timed_out_) {
        const auto io = co_await transport_->read_some(asio::buffer(sink));
        if (io.error) break;
        left -= std::min(left, io.bytes);
    }
    clear_deadline();
    transport_->close();
}

void Connection::on_hangup(UniqueFunction<void()> gone) {
    gone_ = std::move(gone);
    if (watch_ || !transport_ || !gone_) return;
    if (!body_is_over() || in_.tail_room() == 0 || chunk_at_ < chunk_in_.size()) return;
    watch(std::make_unique<Watch>(Watch{shared_from_this(), nullptr}));
}

// Call-backs and no coroutine of its own: every waited job sets one, and its read goes on to take
// the next request.
void Connection::watch(std::unique_ptr<Watch> watch) {
    watch_ = watch.get();
    transport_->start_read(
        asio::buffer(in_.tail(), in_.tail_room()), {},
        [this, watch = std::move(watch)](error_code error, std::size_t bytes) mutable {
            watched(std::move(watch), error, bytes);
        });
}

void Connection::watched(std::unique_ptr<Watch> watch, error_code error, std::size_t bytes) {
    in_.commit(bytes);
    if (!error && gone_ && in_.tail_room() > 0) return this->watch(std::move(watch));
    watch_ = nullptr;
    watch_error_ = error;
    if (error && gone_) {
        auto gone = std::move(gone_);
        gone_ = nullptr;
        gone();
    }
    if (watch->over) watch->over();
}

asio::awaitable<void> Connection::settle_watch() {
    if (!watch_) co_return;
    auto settled = end_of(watch_);
    co_await std::move(settled);
}

}  // namespace headrace::http
