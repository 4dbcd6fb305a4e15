#include "workers/hub/worker_link.hpp"

#include <algorithm>
#include <cmath>

#include "base/log.hpp"
#include "catalog/validator.hpp"
#include "link/framing.hpp"
#include "workers/hub/output_intake.hpp"

namespace headrace::workers::hub {
namespace {

/// After the end of a process: its last frames may still lie in the socket.
constexpr std::chrono::milliseconds kLastFrames{200};
/// After the end of a link: until a process that does not end by itself is ended.
constexpr std::chrono::milliseconds kProcessEnd{100};
/// Beyond the lease: the core decides when a worker is lost, this only frees what is kept for it.
constexpr std::chrono::milliseconds kAfterLease{5'000};
constexpr std::size_t kMostLine = 8 * 1024;
constexpr std::size_t kMostMessage = 4 * 1024;

std::string cut(std::string text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
    text.resize(most);
    return text;
}

}  // namespace

WorkerLink::WorkerLink(Context& context, Origin origin, std::vector<jobs::VersionPtr> versions,
                       UniqueFunction<void(WorkerLink&)> gone)
    : context_(context),
      origin_(std::move(origin)),
      versions_(std::move(versions)),
      gone_(std::move(gone)),
      patience_(context.loop.io()) {}

WorkerLink::~WorkerLink() = default;

void WorkerLink::attach(std::unique_ptr<link::Channel> channel, const wire::Frame& greeting) {
    const wire::Hello& hello = greeting.hello();
    channel_ = std::move(channel);
    if (greeting.has_delivery() && !origin_.is_local()) {
        replay_ = std::make_unique<link::Replay>(context_.settings.replay);
    }
    name_ = hello.name().empty() ? "worker" : hello.name();
    jobs::WorkerProfile profile;
    profile.name = name_;
    profile.host = hello.host();
    profile.pid = hello.pid();
    profile.kit = hello.kit();
    profile.tenant = origin_.tenant;
    profile.versions = versions_;
    profile.slots = std::max<std::uint32_t>(hello.slots(), 1);
    profile.gpus =
        origin_.is_local() ? origin_.gpus : std::vector(hello.gpus().begin(), hello.gpus().end());
    id_ = context_.core.attach(std::move(profile), shared_from_this());
    wire::Frame answer = welcome();
    for (const auto& ref : hello.held()) *answer.mutable_welcome()->add_dropped() = ref;
    channel_->send(answer);
    if (replay_) channel_->resume_with(*replay_);
    channel_->start(*this);
    (void)check_.accept(greeting);
}

bool WorkerLink::resume(std::unique_ptr<link::Channel>& channel, const wire::Frame& frame) {
    if (!replay_ || !frame.has_delivery()) {
        finish("its link was lost");
        return false;
    }
    if (channel_) lose_link("the worker has dialled in again");
    if (replay_->overflowed()) {
        finish("the link was away for too long");
        return false;
    }
    std::vector<jobs::Fence> held;
    for (const auto& ref : frame.hello().held()) held.push_back({ref.epoch(), ref.counter()});
    replay_->acknowledged(frame.delivery().ack());
    const auto under_way = leases_under_way();
    for (const auto& [job, fence] : under_way) held.push_back(fence);
    deferring_ = true;  // what the core has to say at once must not go before the welcome
    auto dropped = context_.core.reattach(id_, shared_from_this(), held);
    if (!dropped) {
        deferring_ = false;
        finish("the link was away for longer than the lease");
        return false;
    }
    patience_.cancel();
    wire::Frame answer = welcome();
    std::vector<JobId> kept;
    for (const auto& ref : frame.hello().held()) {
        const jobs::Fence fence{ref.epoch(), ref.counter()};
        const auto lease = find(ref);
        if (lease && std::ranges::find(*dropped, fence) == dropped->end())
            kept.push_back(lease->job);
        else
            *answer.mutable_welcome()->add_dropped() = ref;
    }
    for (const auto& [job, fence] : under_way) {
        if (std::ranges::find(*dropped, fence) == dropped->end()) kept.push_back(job);
    }
    std::erase_if(leases_, [&](auto& entry) {
        if (std::ranges::find(kept, entry.first) != kept.end()) return false;
        end_lease(*entry.second);
        return true;
    });
    channel_ = std::move(channel);
    channel_->send(answer);
    channel_->resume_with(*replay_);
    channel_->start(*this);
    deferring_ = false;
    for (const auto& one : std::exchange(deferred_, {})) channel_->send(one);
    log::info("worker is back worker={} held={}", name_, kept.size());
    // The core has forgotten what credit was left; frames that were lost with the link come again.
    for (const auto& set : credit_.sets()) {
        if (set.slots > 0) context_.core.credit(id_, set.offers, set.slots);
    }
    return true;
}

/// Leases that the worker cannot name because they were lost on their way: they are sent again.
std::vector<std::pair<JobId, jobs::Fence>> WorkerLink::leases_under_way() const {
    std::vector<std::pair<JobId, jobs::Fence>> out;
    for (const auto& [job, lease] : leases_) {
        if (!lease->sent) out.emplace_back(job, lease->fence);
    }
    const std::string batch = replay_->unacknowledged();
    link::for_each_frame(batch, [&out](std::string_view bytes) {
        wire::Frame frame;
        if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
        for (const auto& leased : frame.lease().batches()) {
            for (const auto& job : leased.jobs()) {
                const auto id = JobId::from_raw(job.ref().job());
                if (id) out.emplace_back(*id, jobs::Fence{job.ref().epoch(), job.ref().counter()});
            }
        }
    });
    return out;
}

wire::Frame WorkerLink::welcome() const {
    wire::Frame frame;
    auto* welcome = frame.mutable_welcome();
    const Settings& settings = context_.settings;
    welcome->set_protocol(link::kProtocol);
    welcome->set_worker(id_.raw());
    welcome->set_epoch(settings.epoch);
    welcome->set_heartbeat_ms(static_cast<std::uint32_t>(settings.heartbeat.count()));
    welcome->set_lease_ms(static_cast<std::uint32_t>(settings.lease.count()));
    welcome->set_window(settings.window);
    if (replay_) frame.mutable_delivery()->set_ack(replay_->received());
    return frame;
}

bool WorkerLink::offers_same(std::span<const jobs::VersionPtr> versions) const {
    return std::ranges::equal(
        versions_, versions, {}, [](const auto& v) { return v->id; },
        [](const auto& v) { return v->id; });
}

void WorkerLink::send(const wire::Frame& frame) {
    if (channel_ && !deferring_)
        channel_->send(frame);
    else if (replay_)
        deferred_.push_back(frame);
}

void WorkerLink::refuse(const wire::JobRef& ref, std::string_view reason) {
    wire::Frame frame;
    *frame.mutable_refused()->mutable_ref() = ref;
    frame.mutable_refused()->set_reason(std::string(reason));
    send(frame);
}

LeasePtr WorkerLink::find(const JobId& job, const jobs::Fence& fence) const {
    const auto found = leases_.find(job);
    return found != leases_.end() && found->second->fence == fence ? found->second : nullptr;
}

LeasePtr WorkerLink::find(const wire::JobRef& ref) const {
    const auto job = JobId::from_raw(ref.job());
    return job ? find(*job, {ref.epoch(), ref.counter()}) : nullptr;
}

void WorkerLink::end_lease(HeldLease& lease) {
    lease.ended = true;
    if (lease.input && lease.input->when_room) std::exchange(lease.input->when_room, nullptr)();
}

void WorkerLink::on_frame(wire::Frame& frame, std::string_view) {
    if (finished_) return;
    if (auto sound = check_.accept(frame); !sound) return violation(sound.error().message);
    dispatch(frame);
}

void WorkerLink::dispatch(wire::Frame& frame) {
    switch (frame.body_case()) {
        case wire::Frame::kResult:
            for (auto& one : *frame.mutable_result()->mutable_results()) on_result(one);
            return;
        case wire::Frame::kFailure:
            for (auto& one : *frame.mutable_failure()->mutable_failures()) on_failure(one);
            return;
        case wire::Frame::kCredit:
            return on_credit(frame.credit());
        case wire::Frame::kOutput:
            return on_output(*frame.mutable_output());
        case wire::Frame::kProgress:
            return on_progress(*frame.mutable_progress());
        case wire::Frame::kLog:
            return on_log(*frame.mutable_log());
        case wire::Frame::kWindow:
            return on_window(frame.window());
        case wire::Frame::kDrain:
            return context_.core.worker_draining(id_);
        case wire::Frame::kPing:
            context_.core.heartbeat(id_);
            if (frame.ping().reply()) return;
            frame.mutable_ping()->set_reply(true);
            frame.clear_delivery();
            return send(frame);
        default:
            return context_.core.heartbeat(id_);
    }
}

void WorkerLink::on_credit(const wire::Credit& credit) {
    for (const auto offer : credit.offers()) {
        if (offer >= versions_.size()) return violation("credit for an offer that was not made");
    }
    if (!std::exchange(ready_, true) && origin_.ready) origin_.ready();
    const std::span<const std::uint32_t> offers(credit.offers().data(),
                                                static_cast<std::size_t>(credit.offers_size()));
    if (replay_) credit_.give(offers, credit.slots());
    context_.core.credit(id_, offers, credit.slots());
}

void WorkerLink::on_progress(wire::Progress& told) {
    const auto lease = find(told.ref());
    if (!lease) return refuse(told.ref(), "no such lease");
    if (!lease->progress.allow(context_.clock.now())) return;
    jobs::Progress progress;
    progress.fraction = std::isfinite(told.fraction()) && told.fraction() >= 0
                            ? std::min(told.fraction(), 1.0)
                            : -1;
    progress.message = cut(std::move(*told.mutable_message()), kMostMessage);
    if (!told.values().empty()) {
        auto values = catalog::decode(told.values());
        const bool sound =
            values && lease->version->validator->check(catalog::Side::progress_output, *values,
                                                       catalog::Completeness::step);
        if (sound)
            progress.values = std::move(*told.mutable_values());
        else
            log::debug("progress outputs are not as declared job={} worker={}", lease->job.text(),
                       name_);
    }
    if (!context_.core.progress(id_, lease->job, lease->fence, std::move(progress))) {
        refuse(told.ref(), "the lease is over");
    }
}

void WorkerLink::on_log(wire::Log& told) {
    const auto lease = find(told.ref());
    if (!lease) return refuse(told.ref(), "no such lease");
    if (!lease->log.allow(context_.clock.now())) return;
    const WallMs now = context_.clock.wall();
    const bool known = told.stream() == "stdout" || told.stream() == "stderr";
    const WallMs at = told.at_ms() > 0 && told.at_ms() <= now ? told.at_ms() : now;
    if (const auto dropped = lease->log.take_dropped(); dropped > 0) {
        jobs::LogEvent note{"log", std::to_string(dropped) + " lines were dropped", at};
        (void)context_.core.log(id_, lease->job, lease->fence, std::move(note));
    }
    jobs::LogEvent line{known ? told.stream() : "log",
                        cut(std::move(*told.mutable_line()), kMostLine), at};
    if (!context_.core.log(id_, lease->job, lease->fence, std::move(line))) {
        refuse(told.ref(), "the lease is over");
    }
}

void WorkerLink::on_window(const wire::Window& window) {
    const auto lease = find(window.ref());
    if (!lease || !lease->input) return;  // crossed the job's end
    lease->to_worker.grant(window.bytes());
    // Chunks went before steps, so they are consumed before them.
    const auto of_chunks = std::min(window.bytes(), lease->input->chunk_bytes);
    lease->input->chunk_bytes -= of_chunks;
    if (lease->input->when_room) std::exchange(lease->input->when_room, nullptr)();
    send_steps(*lease);
    const auto of_steps = window.bytes() - of_chunks;
    if (lease->session && of_steps > 0) {
        (void)context_.core.input_taken(id_, lease->job, lease->fence, of_steps);
    }
}

void WorkerLink::violation(const std::string& what) {
    if (finished_) return;
    log::warn("worker broke the rules of the link worker={} reason={}", name_, what);
    if (channel_) channel_->refuse(what);
    const std::string reason = "it broke the rules of the link: " + what;
    if (origin_.is_local())
        origin_.kill(reason);  // its end is told when it has ended
    else
        finish(reason);
}

void WorkerLink::on_closed(const link::CloseReason& reason) {
    if (finished_) return;
    if (origin_.is_local()) {
        if (!ended_.empty()) return finish(ended_);
        // Nearly always its process has just ended, and why is about to be told.
        patience_.expires_after(kProcessEnd);
        patience_.async_wait([self = shared_from_this(), why = reason.text](const auto& error) {
            if (!error) self->origin_.kill("its link closed: " + why);
        });
        return;
    }
    switch (reason.kind) {
        case link::CloseReason::Kind::broken:
            return replay_ ? lose_link(reason.text) : finish("its link was lost: " + reason.text);
        case link::CloseReason::Kind::ended:
            return finish(reason.text);
        case link::CloseReason::Kind::refused:
            return finish("it broke the rules of the link: " + reason.text);
    }
}

void WorkerLink::lose_link(const std::string& why) {
    log::info("worker link lost worker={} reason={}", name_, why);
    // Not destroyed here: we may be inside one of its calls.
    context_.loop.post([old = std::shared_ptr<link::Channel>(std::move(channel_))] {});
    context_.core.link_lost(id_);
    await_link(context_.settings.lease + kAfterLease);
}

/// Until the core has given the worker up, which knows how much of that time counts.
void WorkerLink::await_link(std::chrono::milliseconds time) {
    patience_.expires_after(time);
    patience_.async_wait([self = shared_from_this()](const auto& error) {
        if (error || self->channel_) return;
        if (self->context_.core.has_worker(self->id_)) return self->await_link(kAfterLease);
        self->finish("its link was lost");
    });
}

void WorkerLink::process_ended(const std::string& reason) {
    if (finished_) return;
    ended_ = reason;
    if (!channel_->is_open()) return finish(reason);
    patience_.expires_after(kLastFrames);
    patience_.async_wait([self = shared_from_this()](const auto& error) {
        if (!error) self->finish(self->ended_);
    });
}

void WorkerLink::finish(const std::string& reason) {
    if (std::exchange(finished_, true)) return;
    const auto self = shared_from_this();
    patience_.cancel();
    for (auto& [job, lease] : leases_) end_lease(*lease);
    leases_.clear();
    context_.core.detach(id_, reason);
    if (channel_ && channel_->is_open()) channel_->close(reason);
    context_.loop.post([self] { self->gone_(*self); });
}

void WorkerLink::close(std::string_view reason) {
    finished_ = true;
    patience_.cancel();
    for (auto& [job, lease] : leases_) end_lease(*lease);
    leases_.clear();
    if (channel_) channel_->close(reason);
}

}  // namespace headrace::workers::hub
