#include "workers/agent/host_link.hpp"

#include <random>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "http/websocket.hpp"
#include "link/protocol.hpp"
#include "link/transport.hpp"

namespace headrace::workers::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDepartTurn{20};  // how often the end of the last frames is looked for
constexpr int kDepartTurns = 50;
constexpr int kProcessEndTurns = 5;  // for a process whose link has closed to end by itself

}  // namespace

HostLink::HostLink(const Settings& settings, const http::Url& url, Loop& loop, TaskGroup& tasks,
                   engines::StartedHost host, Events events)
    : settings_(settings),
      url_(url),
      loop_(loop),
      tasks_(tasks),
      events_(std::move(events)),
      host_id_(host.id),
      name_(std::move(host.name)),
      spec_(std::move(host.spec)),
      host_(std::move(host.link)),
      replay_(std::make_unique<link::Replay>(settings.replay)),
      gpus_(std::move(host.gpus)),
      backoff_(settings.retry_first, settings.retry_most, std::random_device{}()),
      timer_(loop.io()) {
    host_side_.owner = server_side_.owner = this;
    host_side_.frame = &HostLink::from_host;
    host_side_.closed = &HostLink::host_closed;
    server_side_.frame = &HostLink::from_server;
    server_side_.closed = &HostLink::server_closed;
}

HostLink::~HostLink() = default;

void HostLink::start() {
    host_->start(host_side_);
}

// --- the host's side ---------------------------------------------------------------------------

void HostLink::from_host(wire::Frame& frame, std::string_view bytes) {
    if (over_) return;
    if (frame.has_hello()) {
        if (hello_) return events_.kill("hello came twice");
        hello_ = std::move(*frame.mutable_hello());
        return dial_in(milliseconds(0));
    }
    if (frame.has_credit()) {
        const auto& credit = frame.credit();
        credit_.give({credit.offers().data(), static_cast<std::size_t>(credit.offers_size())},
                     credit.slots());
        if (!std::exchange(ready_, true)) events_.ready();
        // Credit that the server has not heard of yet goes with the welcome.
        if (!welcomed_ && worker_.empty()) return;
    }
    held_.from_host(frame);
    to_server(frame, bytes);
}

void HostLink::to_server(const wire::Frame& frame, std::string_view bytes) {
    if (welcomed_) return server_->send(bytes, link::is_urgent(frame));
    // Without a link, what only tells how things stand now is not worth keeping.
    if (frame.has_ping() || frame.has_progress() || frame.has_log()) return;
    waiting_.emplace_back(bytes, link::is_urgent(frame));
}

void HostLink::host_closed(const link::CloseReason& reason) {
    host_open_ = false;
    if (over_ || !ended_.empty()) return;
    // Nearly always the process has just ended, and why is about to be told.
    timer_.expires_after(kDepartTurn * kProcessEndTurns);
    timer_.async_wait([self = shared_from_this(), why = reason.text](const auto& error) {
        if (!error && self->ended_.empty()) self->events_.kill("its link closed: " + why);
    });
}

void HostLink::process_ended(const std::string& reason) {
    if (over_) return;
    ended_ = reason;
    patience_ = kDepartTurns;
    depart();
}

/// Waits, within a bound, until the host's last frames are read and with the server.
void HostLink::depart() {
    if (over_) return;
    const bool carried = !host_open_ && (!welcomed_ || server_->is_idle());
    if (carried || --patience_ <= 0) return finish(ended_);
    timer_.expires_after(kDepartTurn);
    timer_.async_wait([self = shared_from_this()](const auto& error) {
        if (!error) self->depart();
    });
}

void HostLink::finish(const std::string& reason) {
    if (std::exchange(over_, true)) return;
    const auto self = shared_from_this();
    timer_.cancel();
    // An orderly close tells the server that the host is gone, and how.
    if (server_) server_->close(reason);
    loop_.post([self] { self->events_.gone(*self); });
}

void HostLink::close() {
    if (std::exchange(over_, true)) return;
    timer_.cancel();
    if (server_) server_->close("the agent is stopping");
    if (host_) host_->close("");
}

// --- the server's side -------------------------------------------------------------------------

void HostLink::dial_in(milliseconds pause) {
    tasks_.spawn("dial", dial(shared_from_this(), pause));
}

asio::awaitable<void> HostLink::dial([[maybe_unused]] Self self, milliseconds pause) {
    http::Headers headers;
    headers.set("Authorization", "Bearer " + std::string(settings_.token.reveal()));
    http::WebSocketLimits limits;
    limits.ping_every = settings_.ping_every;
    limits.max_message_bytes = link::kMaxFrame + 1024;
    asio::steady_timer timer(loop_.io());
    while (!over_) {
        timer.expires_after(pause);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (over_) co_return;
        auto socket = co_await http::connect_websocket(url_, headers, settings_.tls,
                                                       settings_.dial_time, limits);
        if (over_) co_return;
        if (socket) {
            server_ = std::make_unique<link::Channel>(
                loop_, link::make_websocket_transport(loop_, std::move(*socket)));
            server_->start(server_side_);
            send_hello();
            co_return;
        }
        if (complaint_ != socket.error().message) {
            complaint_ = socket.error().message;
            log::warn("server cannot be reached worker={} url={} reason={}", name_, url_.text(),
                      complaint_);
        }
        pause = backoff_.pause();
    }
}

void HostLink::send_hello() {
    wire::Frame frame;
    *frame.mutable_hello() = *hello_;
    frame.mutable_hello()->mutable_gpus()->Assign(gpus_.begin(), gpus_.end());
    // What the engine's file says counts, whatever the host repeats of it.
    for (auto& offer : *frame.mutable_hello()->mutable_offers()) {
        offer.set_interface(catalog::interface_to_json(spec_->interface));
        offer.set_title(spec_->title);
        offer.set_description(spec_->description);
        offer.set_stall_timeout_ms(spec_->limits.stall_timeout_ms);
        offer.set_cancel_grace_ms(spec_->limits.cancel_grace_ms);
        offer.set_memory_limit(spec_->limits.memory_bytes);
    }
    if (!worker_.empty() && !replay_->overflowed()) {
        frame.mutable_hello()->set_resume(worker_);
        held_.write(*frame.mutable_hello());
    }
    frame.mutable_delivery()->set_ack(replay_->received());
    server_->send(frame);
}

void HostLink::from_server(wire::Frame& frame, std::string_view bytes) {
    if (over_) return;
    if (frame.has_welcome()) return on_welcome(frame);
    if (replay_->is_settled()) held_.settled();
    if (frame.has_kill()) return events_.kill(frame.kill().reason());
    if (frame.has_lease()) {
        for (const auto& batch : frame.lease().batches()) credit_.take(batch.offer());
    }
    held_.from_server(frame);
    if (frame.body_case() != wire::Frame::BODY_NOT_SET) host_->send(bytes, link::is_urgent(frame));
}

void HostLink::on_welcome(const wire::Frame& frame) {
    const wire::Welcome& welcome = frame.welcome();
    if (!welcome.error().empty()) {
        log::error("server refuses the worker worker={} reason={}", name_, welcome.error());
        return;  // it closes the link; it is dialled again, later and later
    }
    backoff_.reset();
    complaint_.clear();
    const bool same = !worker_.empty() && welcome.worker() == worker_;
    worker_ = welcome.worker();
    welcomed_ = true;
    if (same)
        resumed(frame);
    else
        started_anew(welcome);
    log::info("worker is linked worker={} resumed={} held={}", name_, same, held_.size());
    if (std::exchange(greeted_host_, true)) return;
    wire::Frame to_host = frame;
    to_host.clear_delivery();
    host_->send(to_host);
}

void HostLink::resumed(const wire::Frame& frame) {
    for (const auto& ref : frame.welcome().dropped()) cancel_at_host(ref);
    replay_->acknowledged(frame.delivery().ack());
    server_->resume_with(*replay_);
    for (const auto& [bytes, urgent] : std::exchange(waiting_, {})) server_->send(bytes, urgent);
}

/// The server does not know this host (any more): nothing that it holds is of use to anybody.
void HostLink::started_anew(const wire::Welcome&) {
    held_.for_each([this](const std::string& job, std::uint64_t epoch, std::uint64_t counter) {
        wire::Frame frame;
        auto* ref = frame.mutable_cancel()->add_refs();
        ref->set_job(job);
        ref->set_epoch(epoch);
        ref->set_counter(counter);
        frame.mutable_cancel()->set_reason("lost");
        host_->send(frame);
    });
    held_.clear();
    waiting_.clear();
    replay_ = std::make_unique<link::Replay>(settings_.replay);
    server_->resume_with(*replay_);
    for (const auto& set : credit_.sets()) {
        if (set.slots == 0) continue;
        wire::Frame credit;
        credit.mutable_credit()->mutable_offers()->Add(set.offers.begin(), set.offers.end());
        credit.mutable_credit()->set_slots(set.slots);
        server_->send(credit);
    }
}

void HostLink::cancel_at_host(const wire::JobRef& ref) {
    held_.drop(ref);
    wire::Frame frame;
    *frame.mutable_cancel()->add_refs() = ref;
    frame.mutable_cancel()->set_reason("lost");
    host_->send(frame);
}

void HostLink::server_closed(const link::CloseReason& reason) {
    if (over_) return;
    log::warn("worker link lost worker={} reason={} held={}", name_, reason.text, held_.size());
    welcomed_ = false;
    drop_channel();
    dial_in(backoff_.pause());
}

/// Not destroyed at once: we may be inside one of its calls.
void HostLink::drop_channel() {
    loop_.post([old = std::shared_ptr<link::Channel>(std::move(server_))] {});
}

}  // namespace headrace::workers::agent
