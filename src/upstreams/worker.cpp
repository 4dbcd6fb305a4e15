#include "upstreams/worker.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "jobs/core.hpp"
#include "upstreams/faults.hpp"

namespace headrace::upstreams {

PoolWorker::PoolWorker(Room& room, catalog::VersionPtr version, std::string model, Kind kind,
                       catalog::Profile profile)
    : room_(room),
      version_(std::move(version)),
      model_(std::move(model)),
      kind_(kind),
      profile_(profile),
      number_(++room.pools) {}

void PoolWorker::add(const ServerPtr& server) {
    if (std::find(servers_.begin(), servers_.end(), server) != servers_.end()) return;
    servers_.push_back(server);
    members_.push_back(&server->member);
    server->pools.push_back(this);
}

void PoolWorker::remove(const Server& server) {
    const auto at = std::find_if(servers_.begin(), servers_.end(),
                                 [&](const ServerPtr& each) { return each.get() == &server; });
    if (at == servers_.end()) return;
    std::erase((*at)->pools, this);
    strays_ = true;
    members_.erase(members_.begin() + (at - servers_.begin()));
    servers_.erase(at);
}

void PoolWorker::attach() {
    if (attached_ || retired_ || room_.stopping) return;
    jobs::WorkerProfile profile;
    profile.name = "upstream:" + model_;
    profile.kit = std::string(to_string(kind_));
    profile.tenant = version_->tenant;
    profile.versions = {version_};
    profile.slots = std::max(capacity_of(members_, room_.now()), 1U);
    id_ = room_.parts.core.attach(std::move(profile), shared_from_this());
    attached_ = true;
    credit_.forget();
    unserved_ = false;
    give_credit();
}

void PoolWorker::detach(const std::string& reason) {
    const Self self = shared_from_this();
    for (const ServerPtr& server : std::vector<ServerPtr>(servers_)) remove(*server);
    std::vector<RunningPtr> under_way;
    for (const auto& [id, job] : jobs_) under_way.push_back(job);
    for (const auto& job : under_way) {
        job->drop();
        end(job);
    }
    room_.waiting.erase(number_);
    if (!std::exchange(attached_, false)) return;
    room_.parts.core.detach(id_, reason);
}

void PoolWorker::retire() {
    // What it was given credit for is for whoever offers the model next.
    if (!std::exchange(retired_, true) && attached_ && !planted(Plant::retired_takes_jobs)) {
        room_.parts.core.worker_draining(id_);
        if (!planted(Plant::last_server_unsaid)) say_unserved(true);
    }
    pump();
    if (!jobs_.empty()) return;
    room_.parts.loop.post([self = shared_from_this()] {
        if (self->jobs_.empty()) self->detach("its last upstream was removed");
    });
}

void PoolWorker::heartbeat() {
    if (attached_) room_.parts.core.heartbeat(id_);
}

void PoolWorker::give_credit() {
    if (!attached_ || retired_ || room_.stopping) return;
    const auto now = room_.now();
    const auto capacity = capacity_of(members_, now);
    say_unserved(PoolCredit::crowded(capacity, held_));
    auto due = credit_.due(capacity, held_);
    if (due == 0 && capacity > 0) due = credit_.due(capacity + stuck(now), held_);
    if (due == 0) return;
    credit_.given(due);
    const std::uint32_t only = 0;
    room_.parts.core.credit(id_, std::span(&only, 1), due);
}

std::uint32_t PoolWorker::stuck(SteadyTime now) {
    const auto is_up = [now](const Member* member) { return member->up(now); };
    if (!strays_ && std::all_of(members_.begin(), members_.end(), is_up)) return 0;
    strays_ = false;
    std::uint32_t count = 0;
    for (const auto& [id, job] : jobs_) {
        if (!job->server) continue;
        const Server& server = *job->server;
        const bool stray =
            std::find(server.pools.begin(), server.pools.end(), this) == server.pools.end();
        strays_ = strays_ || stray;
        if (stray || !server.member.up(now)) ++count;
    }
    return planted(Plant::stuck_calls_counted) ? 0 : count;
}

void PoolWorker::say_unserved(bool nobody) {
    if (std::exchange(unserved_, nobody) != nobody) {
        room_.parts.core.worker_unserved(id_, nobody);
    }
}

void PoolWorker::pump() {
    for (const auto& each : std::exchange(waiting_, {})) {
        const auto job = each.lock();
        if (job && !planted(Plant::waiter_forgotten)) job->ring();
    }
    room_.waiting.erase(number_);
    give_credit();
}

void PoolWorker::watch_times(SteadyTime now) {
    if (planted(Plant::total_unwatched)) return;
    for (const auto& [id, job] : jobs_) {
        if (job->total_due == SteadyTime{} || job->total_due > now) continue;
        job->total_due = {};
        job->timed_out = true;
        job->abort.trip();
    }
}

/// Those who wait have tried it, or it would not be free: somebody else may want it.
void PoolWorker::offer_idle(SteadyTime now) {
    if (waiting_.empty() || !attached_ || retired_ || credit_.outstanding() > 0) return;
    const auto is_idle = [now](const Member* member) {
        return member->up(now) && member->has_room(now);
    };
    if (std::none_of(members_.begin(), members_.end(), is_idle)) return;
    if (credit_.active() >= capacity_of(members_, now) + PoolCredit::kMostHeld) return;
    credit_.given(1);
    const std::uint32_t only = 0;
    room_.parts.core.credit(id_, std::span(&only, 1), 1);
}

Result<ServerPtr> PoolWorker::next_server() const {
    const SteadyTime now = room_.now();
    const Chosen chosen = choose(members_, now, {});
    if (chosen.choice == Choice::found) return servers_[chosen.index];
    // Who asks here does not wait; one that starts may be there when it is called.
    for (const ServerPtr& server : servers_) {
        const Member& member = server->member;
        const bool starts = member.enabled && member.circuit.expected(now);
        if (starts && member.in_flight < member.room) return server;
    }
    return headrace::fail(ErrorCode::unavailable, "no upstream of the model has room");
}

RunningPtr PoolWorker::find(const JobId& job, const jobs::Fence& fence) const {
    const auto found = jobs_.find(job);
    return found != jobs_.end() && found->second->grant.fence == fence ? found->second : nullptr;
}

void PoolWorker::lease(std::vector<jobs::GrantBatch> batches) {
    std::vector<RunningPtr> fresh;
    for (auto& batch : batches) {
        credit_.leased(1);
        for (auto& grant : batch.grants) {
            auto job = std::make_shared<Running>(room_, *this, std::move(grant));
            jobs_[job->grant.job] = job;
            fresh.push_back(std::move(job));
        }
    }
    // Inside the core: it is told nothing before its call is over.
    room_.parts.loop.post([self = shared_from_this(), fresh = std::move(fresh)] {
        for (const auto& job : fresh) {
            if (!job->ended) self->room_.tasks.spawn("call an upstream", self->run(self, job));
        }
    });
}

void PoolWorker::cancel(JobId id, jobs::Fence fence, jobs::CancelReason /*reason*/) {
    const auto job = find(id, fence);
    if (!job) return;
    job->drop();  // closes the connection now
    const CallError dropped{Fault::cancelled, "cancelled", "", 0, {}};
    if (job->server) job->server->cells.calls[UpstreamMetrics::outcome(&dropped)]->add();
    room_.parts.loop.post([self = shared_from_this(), job] {
        if (self->find(job->grant.job, job->grant.fence) != job) return;
        self->end(job);
        if (self->attached_) {
            (void)self->room_.parts.core.fail(
                self->id_, job->grant.job, job->grant.fence,
                jobs::JobError{"cancelled", "the call was dropped", "", false}, {});
        }
        self->give_credit();
    });
}

void PoolWorker::output_taken(JobId id, jobs::Fence fence, std::uint64_t bytes) {
    if (const auto job = find(id, fence)) job->taken(bytes);
}

void PoolWorker::drain(bool remove) {
    if (!remove) return;
    room_.parts.loop.post([self = shared_from_this()] {
        const auto servers = self->servers_;
        self->detach("removed");
        for (const auto& server : servers) self->add(server);
    });
}

void PoolWorker::kill(std::string reason) {
    log::error("a pool of upstreams is started anew model={} reason={}", model_, reason);
    room_.parts.loop.post([self = shared_from_this(), reason = std::move(reason)] {
        const auto servers = self->servers_;
        self->detach(reason);
        for (const auto& server : servers) self->add(server);
        self->attach();
    });
}

void PoolWorker::end(const RunningPtr& job) {
    const auto found = jobs_.find(job->grant.job);
    if (found == jobs_.end() || found->second != job) return;
    jobs_.erase(found);
    job->ended = true;
    credit_.ended();
    if (retired_) retire();
}

void PoolWorker::fail_job(const RunningPtr& job, CallError error) {
    if (job->ended) return;
    end(job);
    jobs::JobError shown;
    if (error.fault != Fault::request && error.fault != Fault::cancelled) {
        // Its pool knows of all servers; a server's own word stands where its circuit has none.
        int wait = seconds_to_wait(members_, room_.now());
        if (error.fault == Fault::server) wait = std::max(wait, error.retry_after_s);
        shown.retry_after_s = std::clamp(wait, 0, jobs::JobError::kMostRetryAfter);
    }
    shown.code = std::move(error.code);
    shown.message = std::move(error.message);
    // After the first byte, and for one who waits on his connection, there is no second time.
    shown.retryable = job->grant.durable && !job->begun && error.fault != Fault::request;
    (void)room_.parts.core.fail(id_, job->grant.job, job->grant.fence, std::move(shown), {});
    give_credit();
}

}  // namespace headrace::upstreams
