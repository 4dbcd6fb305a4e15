#include "jobs/tests/rig.hpp"

#include <algorithm>

namespace headrace::jobs {

void FakeWorker::lease(std::vector<GrantBatch> granted) {
    for (GrantBatch& batch : granted) {
        batches.emplace_back();
        for (Grant& grant : batch.grants) {
            batches.back().push_back(grant.job);
            grants.push_back(std::move(grant));
        }
    }
}

std::string FakeWatcher::story() const {
    struct Tell {
        std::string operator()(const StateEvent& event) const {
            return std::string(to_string(event.state)) + std::to_string(event.attempt);
        }
        std::string operator()(const Progress&) const { return "progress"; }
        std::string operator()(const LogEvent&) const { return "log"; }
        std::string operator()(const OutputEvent& event) const { return "output:" + event.values; }
        std::string operator()(const DoneEvent& event) const {
            return "done:" + std::string(to_string(event.record->state));
        }
    };
    std::string story;
    for (const auto& event : events) {
        if (!story.empty()) story += ' ';
        story += std::visit(Tell{}, event->what);
    }
    return story;
}

Rig::Rig(Settings with) : settings(with) {
    start();
}

void Rig::start() {
    log = std::make_unique<stores::MemoryJobLog>(
        disk, time,
        stores::DiskBehaviour{[this] { return std::chrono::nanoseconds(disk_delay); },
                              [this] { return disk_full; }});
    core = std::make_unique<Core>(settings, time, ids, *log, observer);
    const auto epoch = log->begin_epoch().value();
    const auto restored = core->restore(
        epoch, [this](const TenantId&, const std::string& name, const std::string&) -> VersionPtr {
            for (const auto& version : versions) {
                if (version->name == name) return version;
            }
            return nullptr;
        });
    ASSERT_TRUE(restored);
}

void Rig::restart() {
    log->crash(false);
    core.reset();
    log.reset();
    start();
    settle();
}

void Rig::settle() {
    while (time.next() <= time.now()) time.step();
}

void Rig::advance(milliseconds by) {
    const SteadyTime until = time.now() + by;
    for (;;) {
        const SteadyTime tick = core->next_deadline().value_or(SteadyTime::max());
        if (std::min(tick, time.next()) > until) break;
        if (time.next() <= tick) {
            time.step();
        } else {
            time.move_to(std::max(tick, time.now()));
            core->tick();
        }
    }
    time.move_to(until);
}

VersionPtr Rig::version(const std::string& name, catalog::ServingLimits limits) {
    auto version = std::make_shared<catalog::Version>();
    version->id.value = static_cast<std::uint32_t>(versions.size() + 1);
    version->tenant = TenantId("system");
    version->name = name;
    version->limits = limits;
    versions.push_back(version);
    return version;
}

Submission Rig::durable(const VersionPtr& version, const std::string& tenant) {
    Submission submission;
    submission.tenant = TenantId(tenant);
    submission.caller = "key";
    submission.version = version;
    submission.input.values = "in";
    return submission;
}

Submission Rig::interactive(const VersionPtr& version, const std::string& tenant) {
    Submission submission = durable(version, tenant);
    submission.job_class = JobClass::interactive;
    return submission;
}

Result<Accepted> Rig::try_submit(Submission submission) {
    auto answer = std::make_shared<std::optional<Result<Accepted>>>();  // it may come late
    core->submit(std::move(submission),
                 [answer](Result<Accepted> got) { *answer = std::move(got); });
    settle();
    if (!*answer) return headrace::fail(ErrorCode::internal, "not answered");
    return std::move(**answer);
}

JobId Rig::submit(Submission submission) {
    auto accepted = try_submit(std::move(submission));
    EXPECT_TRUE(accepted.has_value());
    return accepted ? accepted->id : JobId();
}

std::shared_ptr<FakeWorker> Rig::worker(std::vector<VersionPtr> of, std::uint32_t slots) {
    auto worker = std::make_shared<FakeWorker>();
    WorkerProfile profile;
    profile.name = "worker";
    profile.versions = std::move(of);
    profile.slots = slots;
    worker->id = core->attach(std::move(profile), worker);
    if (slots > 0) credit(*worker, slots);
    return worker;
}

void Rig::credit(const FakeWorker& worker, std::uint32_t slots) {
    std::vector<std::uint32_t> all;
    for (const auto& view : core->workers()) {
        if (view.id != worker.id) continue;
        for (std::uint32_t i = 0; i < view.profile.versions.size(); ++i) all.push_back(i);
    }
    core->credit(worker.id, all, slots);
    settle();
}

const Grant& Rig::grant_of(const FakeWorker& worker, JobId job) {
    static const Grant kNone;
    const auto at = std::find_if(worker.grants.rbegin(), worker.grants.rend(),
                                 [job](const Grant& grant) { return grant.job == job; });
    EXPECT_NE(at, worker.grants.rend()) << "the job was not leased to this worker";
    return at == worker.grants.rend() ? kNone : *at;
}

Result<void> Rig::complete(const FakeWorker& worker, JobId job, const std::string& values) {
    Completion completion;
    completion.output.values = values;
    auto done = core->complete(worker.id, job, grant_of(worker, job).fence, std::move(completion));
    settle();
    return done;
}

Result<void> Rig::fail(const FakeWorker& worker, JobId job, bool retryable,
                       const std::string& code) {
    JobError error;
    error.code = code;
    error.message = "it failed";
    error.retryable = retryable;
    auto done = core->fail(worker.id, job, grant_of(worker, job).fence, std::move(error), {});
    settle();
    return done;
}

Result<JobView> Rig::get(JobId job, const std::string& tenant) {
    auto answer = std::make_shared<std::optional<Result<JobView>>>();  // it may come late
    Scope scope;
    scope.tenant = TenantId(tenant);
    core->get(scope, job, [answer](Result<JobView> got) { *answer = std::move(got); });
    settle();
    if (!*answer) return headrace::fail(ErrorCode::internal, "not answered");
    return std::move(**answer);
}

JobState Rig::state(JobId job) {
    auto view = get(job);
    EXPECT_TRUE(view.has_value());
    return view ? view->record->state : JobState::queued;
}

Result<CancelOutcome> Rig::cancel(JobId job) {
    auto answer = std::make_shared<std::optional<Result<CancelOutcome>>>();  // it may come late
    Scope scope;
    scope.tenant = TenantId("acme");
    core->cancel(scope, job, [answer](Result<CancelOutcome> got) { *answer = std::move(got); });
    settle();
    if (!*answer) return headrace::fail(ErrorCode::internal, "not answered");
    return std::move(**answer);
}

std::shared_ptr<FakeWatcher> Rig::watch(JobId job, std::uint64_t after) {
    auto watcher = std::make_shared<FakeWatcher>();
    Scope scope;
    scope.tenant = TenantId("acme");
    bool answered = false;
    core->watch(scope, job, after, watcher, [&](Result<WatchTicket> ticket) {
        answered = ticket.has_value() && watcher->events.empty();
    });
    settle();
    EXPECT_TRUE(answered);
    return watcher;
}

}  // namespace headrace::jobs
