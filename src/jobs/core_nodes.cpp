// Jobs go to other nodes that share the log, and come from them. A job that has left stands in
// `elsewhere_`, for those here who wait for its end.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "jobs/core_impl.hpp"

namespace headrace::jobs {
namespace {

// What a node holds ready for its slots, in slots; what is beyond twice that, others may have.
constexpr std::uint64_t kReady = 2;
constexpr std::uint64_t kMostMoves = 1024;  // in one turn
constexpr milliseconds kLook{1000};         // between two looks when nothing is heard
constexpr milliseconds kAskAgain{5000};     // for a job whose time has passed
constexpr milliseconds kSoon{2};            // gathers what one moment brings

/// Sessions are pinned to their connection; interactive jobs have no row.
bool may_leave(const Job& job) {
    return job.durable() && !job.session && !job.stays && !job.promoting;
}

std::uint64_t waiting_in(const Queue& queue) {
    return std::uint64_t{queue.together.size()} + queue.alone.size();
}

std::uint64_t ready_for(const Queue& queue) {
    return queue.workers == 0 ? 0 : kReady * std::max(1U, queue.slots) * queue.max_batch;
}

}  // namespace

/// What other nodes say, as turns of the core.
class Core::Impl::News final : public ClaimListener {
  public:
    explicit News(Impl& core) : core_(core) {}
    void offered() override {
        const Turn turn(core_);
        core_.balance_soon();
    }
    void ended(std::vector<JobId> jobs) override {
        const Turn turn(core_);
        for (const JobId& id : jobs) {
            Job* job = core_.jobs_.find(id);
            if (job && job->phase == Phase::elsewhere) core_.look(*job);
        }
    }
    void cancel_asked(TenantId tenant, JobId id) override {
        const Turn turn(core_);
        Job* job = core_.jobs_.find(id);
        if (!job || job->tenant->id != tenant) return;
        if (job->phase != Phase::elsewhere)
            core_.cancel_live(*job, [](Result<CancelOutcome>) {});
        else if (job->detail && job->detail->cancelled_by_caller)
            core_.ask_back(*job, true);  // it was on its way out when it was asked for
    }
    void missed() override {
        const Turn turn(core_);
        for (Job* job = core_.elsewhere_.head(); job; job = job->next) core_.look(*job);
        core_.balance_soon();
    }

  private:
    Impl& core_;
};

void Core::Impl::join(JobClaims& claims) {
    claims_ = &claims;
    news_ = std::make_shared<News>(*this);
    claims.listen(news_);
    balance_soon();
}

void Core::Impl::balance_soon() {
    if (!claims_ || draining_ || std::exchange(balance_due_, true)) return;
    timers_.arm(claim_timer_, now_ + kSoon);
}

/// Gives away what others may run sooner, and takes what this node has room for.
void Core::Impl::balance() {
    if (draining_) return;
    balance_due_ = false;
    timers_.arm(claim_timer_, now_ + kLook);
    if (!claims_->alone()) {
        std::uint64_t moves = kMostMoves;
        for (const auto& queue : queues_) release_excess(*queue, moves);
        for (const auto& queue : parking_) release_excess(*queue, moves);
        if (moves == 0) balance_soon();
    }
    claim_more();
}

void Core::Impl::release_excess(Queue& queue, std::uint64_t& moves) {
    if (queue.purging) return;
    while (moves > 0 && !queue.parked.empty()) {
        Job& job = *queue.parked.head();
        if (!may_leave(job)) break;
        release(job);
        --moves;
    }
    const std::uint64_t ready = ready_for(queue);
    for (Line* line : {&queue.together, &queue.alone}) {
        for (const auto& lane : line->lanes()) {
            while (moves > 0 && waiting_in(queue) > 2 * ready) {
                Job* job = lane->last(may_leave);
                if (!job) break;
                release(*job);
                --moves;
            }
        }
    }
}

/// The job is up for claim once that is written. It still counts as one of its capability here.
void Core::Impl::release(Job& job) {
    take_out(job);
    go_elsewhere(job);
    LogWrite change;
    change.kind = LogWrite::Kind::release;
    change.job = record_of(job);
    release_input(job);
    job.input.reset();
    write(std::move(change), [this, id = job.id](Result<void> done) {
        Job* live = jobs_.find(id);
        if (done || !live || live->phase != Phase::elsewhere) return;
        live->stays = done.error().code == ErrorCode::conflict;  // its blobs are here
        come_home(*live);
    });
}

void Core::Impl::go_elsewhere(Job& job) {
    job.phase = Phase::elsewhere;
    ++job.queue->capability->queued;
    elsewhere_.push_back(job);
    rearm(job);
}

/// Afterwards the job is counted nowhere, and stands in no list.
void Core::Impl::leave_elsewhere(Job& job) {
    elsewhere_.erase(job);
    --job.queue->capability->queued;
    timers_.disarm(job);
}

void Core::Impl::come_home(Job& job) {
    leave_elsewhere(job);
    ++job.queue->queued;
    ++job.queue->capability->queued;
    enqueue(job);
}

void Core::Impl::claim_more() {
    if (claiming_) return;
    std::vector<ClaimWish> wishes;
    for (const auto& queue : queues_) {
        if (!queue->version || !queue->leasable()) continue;
        const std::uint64_t ready = ready_for(*queue);
        const std::uint64_t waiting = waiting_in(*queue);
        if (waiting >= (ready + 1) / 2) continue;
        wishes.push_back({queue->name, queue->semver, static_cast<std::uint32_t>(ready - waiting)});
    }
    if (wishes.empty()) return;
    claiming_ = true;
    claims_->claim(std::move(wishes), later([this](Result<std::vector<JobRecord>> claimed) {
                       claiming_ = false;
                       if (!claimed) return;
                       for (JobRecord& record : *claimed) take_in(record);
                       if (!claimed->empty()) balance_soon();
                   }));
}

/// A job that is this node's now; perhaps it was before.
void Core::Impl::take_in(JobRecord& record) {
    const bool was_running = record.state == JobState::running;
    Job* known = jobs_.find(record.id);
    if (!known) return resume(restore_job(record), was_running);
    if (known->phase != Phase::elsewhere) return;
    leave_elsewhere(*known);
    known->attempt = record.attempt;
    known->leased_alone = record.leased_alone;
    if (record.attempt > 0) {
        Detail& detail = known->more();
        detail.attempts = std::move(record.attempts);
        detail.started_at = record.started_at;
        detail.usage = std::move(record.usage);
    }
    resume(*known, was_running);
}

/// Has it ended?
void Core::Impl::look(Job& job) {
    log_.get(job.tenant->id, job.id,
             later([this, id = job.id](Result<std::optional<JobRecord>> found) {
                 Job* live = jobs_.find(id);
                 if (!live || live->phase != Phase::elsewhere || !found || !*found) return;
                 if (is_terminal((*found)->state)) conclude(*live, std::move(**found));
             }));
}

/// The job has ended on another node, which counts and meters it.
void Core::Impl::conclude(Job& job, JobRecord record) {
    leave_elsewhere(job);
    job.phase = Phase::ending;
    Detail& detail = job.more();
    detail.end = std::make_unique<End>();
    detail.end->state = record.state;
    detail.end->record = std::make_shared<const JobRecord>(std::move(record));
    job.abroad = true;
    finalize(job);
}

/// Wants a job back, to end it here; with `cancel` whoever has it is told to cancel it.
void Core::Impl::ask_back(Job& job, bool cancel) {
    claims_->recall(job.tenant->id, job.id, cancel,
                    later([this, id = job.id](Result<std::optional<JobRecord>> back) {
                        Job* live = jobs_.find(id);
                        if (!live || live->phase != Phase::elsewhere || !back || !*back) return;
                        come_home(*live);
                        const bool cancelled = live->detail && live->detail->cancelled_by_caller;
                        if (cancelled) cancel_live(*live, [](Result<CancelOutcome>) {});
                    }));
}

/// Its time in the queue, or all of its time, has passed. A node that has it keeps the time itself;
/// while nobody has it, it is ended here.
void Core::Impl::elsewhere_due(Job& job) {
    ask_back(job, false);
    timers_.arm(job, now_ + kAskAgain);
}

/// The log says that another node has taken the job over: what this one did does not count.
void Core::Impl::lose_to_node(Job& job) {
    log::warn("another node has taken a job over job={} tenant={}", job.id.text(),
              job.tenant->id.name);
    take_out(job);
    if (job.detail) job.detail->end.reset();
    release_input(job);
    job.input.reset();
    go_elsewhere(job);
    look(job);
}

}  // namespace headrace::jobs
