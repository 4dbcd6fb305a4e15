#include "jobs/core.hpp"

#include <cstring>

#include "jobs/core_impl.hpp"

namespace headrace::jobs {
namespace {

std::uint64_t seed_from(IdSource& ids) {
    const Uuid id = ids.next();
    std::uint64_t seed = 0;
    std::memcpy(&seed, id.bytes.data() + 8, sizeof seed);
    return seed;
}

}  // namespace

CoreState::CoreState(Settings settings, const Clock& clock, IdSource& ids, JobLog& log,
                     CoreObserver& observer)
    : settings_(settings),
      clock_(clock),
      ids_(ids),
      log_(log),
      observer_(observer),
      backoff_(settings.retry_base, settings.retry_max, seed_from(ids)) {}

CoreState::~CoreState() {
    std::vector<Job*> jobs;
    jobs_.for_each([&jobs](Job& job) { jobs.push_back(&job); });
    for (Job* job : jobs) delete job;
}

void Core::Impl::begin_turn() {
    if (depth_++ > 0) return;
    now_ = clock_.now();
    wall_ = clock_.wall();
}

void Core::Impl::end_turn() {
    if (depth_ > 1) {
        --depth_;
        return;
    }
    settle();
    if (draining_ && idle_ && is_idle()) {
        auto idle = std::move(idle_);
        idle_ = nullptr;
        idle();
        settle();
    }
    --depth_;
    const SteadyTime next = timers_.next().value_or(SteadyTime::max());
    if (next >= told_deadline_) return;
    told_deadline_ = next;
    if (deadline_moved_) deadline_moved_();
}

void Core::Impl::settle() {
    for (;;) {
        while (!stirred_.empty()) {
            Pool* pool = stirred_.back();
            stirred_.pop_back();
            match(*pool);
        }
        for (std::size_t i = 0; i < departing_.size(); ++i) {
            Worker& worker = *departing_[i];
            worker.departing = false;
            auto batches = std::move(worker.outgoing);
            worker.outgoing.clear();
            if (worker.port) worker.port->lease(std::move(batches));
        }
        departing_.clear();
        if (outbox_.empty() && stirred_.empty()) return;
        outbox_.flush();
    }
}

Core::Core(Settings settings, const Clock& clock, IdSource& ids, JobLog& log,
           CoreObserver& observer)
    : impl_(std::make_unique<Impl>(settings, clock, ids, log, observer)) {}
Core::Impl::~Impl() = default;
Core::~Core() = default;

Result<std::uint64_t> Core::restore(std::uint64_t epoch, ResolveVersion resolve) {
    const Impl::Turn turn(*impl_);
    return impl_->restore(epoch, std::move(resolve));
}
void Core::version_added(const VersionPtr& version) {
    const Impl::Turn turn(*impl_);
    impl_->version_added(version);
}
void Core::join(JobClaims& claims) {
    const Impl::Turn turn(*impl_);
    impl_->join(claims);
}
void Core::submit(Submission submission, Done<Accepted> done) {
    const Impl::Turn turn(*impl_);
    impl_->submit(std::move(submission), std::move(done));
}
void Core::promote(JobId id, Done<JobView> done) {
    const Impl::Turn turn(*impl_);
    impl_->promote(id, std::move(done));
}
void Core::hang_up(JobId id) {
    const Impl::Turn turn(*impl_);
    impl_->hang_up(id);
}
void Core::cancel(Scope scope, JobId id, Done<CancelOutcome> done) {
    const Impl::Turn turn(*impl_);
    impl_->cancel(scope, id, std::move(done));
}
void Core::retry(Scope scope, JobId id, Done<JobView> done) {
    const Impl::Turn turn(*impl_);
    impl_->retry(scope, id, std::move(done));
}
void Core::remove_output(Scope scope, JobId id, Done<void> done) {
    const Impl::Turn turn(*impl_);
    impl_->remove_output(scope, id, std::move(done));
}
void Core::get(Scope scope, JobId id, Done<JobView> done) {
    const Impl::Turn turn(*impl_);
    impl_->get(scope, id, std::move(done));
}
void Core::list(JobQuery query, Done<std::vector<JobView>> done) {
    const Impl::Turn turn(*impl_);
    impl_->list(std::move(query), std::move(done));
}
void Core::watch(Scope scope, JobId id, std::uint64_t after, std::shared_ptr<JobWatcher> watcher,
                 Done<WatchTicket> done) {
    const Impl::Turn turn(*impl_);
    impl_->watch(scope, id, after, std::move(watcher), std::move(done));
}
void Core::unwatch(WatchTicket ticket) {
    const Impl::Turn turn(*impl_);
    impl_->unwatch(ticket);
}
Result<void> Core::session_input(JobId id, std::string values, bool last) {
    const Impl::Turn turn(*impl_);
    return impl_->session_input(id, std::move(values), last);
}
std::uint64_t Core::session_window(JobId id, UniqueFunction<void()> changed) {
    const Impl::Turn turn(*impl_);
    return impl_->session_window(id, std::move(changed));
}
void Core::output_taken(JobId id, std::uint64_t bytes) {
    const Impl::Turn turn(*impl_);
    impl_->output_taken(id, bytes);
}

WorkerId Core::attach(WorkerProfile profile, std::shared_ptr<WorkerPort> port) {
    const Impl::Turn turn(*impl_);
    return impl_->attach(std::move(profile), std::move(port));
}
Result<std::vector<Fence>> Core::reattach(WorkerId worker, std::shared_ptr<WorkerPort> port,
                                          std::span<const Fence> held) {
    const Impl::Turn turn(*impl_);
    return impl_->reattach(worker, std::move(port), held);
}
void Core::link_lost(WorkerId worker) {
    const Impl::Turn turn(*impl_);
    impl_->link_lost(worker);
}
void Core::detach(WorkerId id, const std::string& reason) {
    const Impl::Turn turn(*impl_);
    if (Worker* worker = impl_->find_worker(id)) impl_->lose_worker(*worker, reason, false);
}
void Core::credit(WorkerId worker, std::span<const std::uint32_t> versions, std::uint32_t slots) {
    const Impl::Turn turn(*impl_);
    impl_->credit(worker, versions, slots);
}
void Core::worker_draining(WorkerId id) {
    const Impl::Turn turn(*impl_);
    Worker* worker = impl_->find_worker(id);
    if (!worker) return;
    worker->draining = true;
    impl_->relist(*worker);
}
void Core::worker_unserved(WorkerId id, bool nobody) {
    const Impl::Turn turn(*impl_);
    if (Worker* worker = impl_->find_worker(id)) impl_->unserved(*worker, nobody);
}
bool Core::has_worker(WorkerId id) const {
    return impl_->find_worker(id) != nullptr;
}
void Core::heartbeat(WorkerId id) {
    if (Worker* worker = impl_->find_worker(id)) worker->last_seen = impl_->clock_.now();
}
Result<void> Core::progress(WorkerId worker, JobId id, Fence fence, Progress progress) {
    const Impl::Turn turn(*impl_);
    auto job = impl_->hold(worker, id, fence);
    if (!job) return headrace::fail(std::move(job.error()));
    if (!*job) return {};
    (*job)->detail->progress = progress;
    impl_->emit(**job, std::move(progress));
    return {};
}
Result<void> Core::output(WorkerId worker, JobId id, Fence fence, OutputEvent step) {
    const Impl::Turn turn(*impl_);
    return impl_->output(worker, id, fence, std::move(step));
}
Result<void> Core::log(WorkerId worker, JobId id, Fence fence, LogEvent line) {
    const Impl::Turn turn(*impl_);
    auto job = impl_->hold(worker, id, fence);
    if (!job) return headrace::fail(std::move(job.error()));
    if (!*job) return {};
    impl_->emit(**job, std::move(line));
    return {};
}
Result<void> Core::complete(WorkerId worker, JobId id, Fence fence, Completion completion) {
    const Impl::Turn turn(*impl_);
    return impl_->complete(worker, id, fence, std::move(completion));
}
Result<void> Core::fail(WorkerId worker, JobId id, Fence fence, JobError error, Usage usage) {
    const Impl::Turn turn(*impl_);
    return impl_->fail_attempt(worker, id, fence, std::move(error), std::move(usage));
}
Result<void> Core::input_taken(WorkerId worker, JobId id, Fence fence, std::uint64_t bytes) {
    const Impl::Turn turn(*impl_);
    auto job = impl_->hold(worker, id, fence);
    if (!job) return headrace::fail(std::move(job.error()));
    if (!*job) return {};
    impl_->input_consumed(**job, bytes);
    return {};
}
bool Core::holds(WorkerId worker, JobId id, Fence fence) const {
    return impl_->holder(worker, id, fence) != nullptr;
}

std::optional<SteadyTime> Core::next_deadline() const {
    return impl_->timers_.next();
}
void Core::tick() {
    const Impl::Turn turn(*impl_);
    impl_->tick();
}
void Core::on_deadline_moved(UniqueFunction<void()> moved) {
    impl_->deadline_moved_ = std::move(moved);
}

}  // namespace headrace::jobs
