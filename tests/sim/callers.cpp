#include "callers.hpp"

#include <algorithm>

#include "catalog/version.hpp"

namespace headrace::sim {

/// Checks the order of what it gets.
class Callers::Watcher final : public JobWatcher {
  public:
    Watcher(World& world, std::uint64_t after) : world_(world), last_(after) {}

    void on_event(const std::shared_ptr<const JobEvent>& event) override {
        if (done_) world_.referee.violation("an event after the last");
        done_ = std::holds_alternative<DoneEvent>(event->what);
        // A late comer starts with the oldest that is kept.
        if (first_ && event->id <= last_) world_.referee.violation("an event that was seen before");
        const std::uint64_t previous = first_ ? 0 : last_;
        if (done_) job = std::get<DoneEvent>(event->what).record->id;
        world_.note("event", job);
        world_.referee.event(*event, job, previous);
        first_ = false;
        last_ = event->id;
    }

    JobId job;

  private:
    World& world_;
    std::uint64_t last_;
    bool first_ = true;
    bool done_ = false;
};

Plan Callers::plan() {
    Random& random = world_.random;
    Plan plan;
    plan.ms = 1 + random.below(random.chance(20) ? 2'000 : 100);
    const std::uint32_t dice = random.below(100);
    if (dice < 70) return plan;
    if (dice < 78)
        plan.kind = Plan::kFlaky, plan.times = 1 + random.below(5);
    else if (dice < 84)
        plan.kind = Plan::kBad;
    else if (dice < 88)
        plan.kind = Plan::kHopeless;
    else if (dice < 94 && world_.weather.poison)
        plan.kind = Plan::kPoison;
    else if (dice < 97)
        plan.kind = Plan::kHang;
    return plan;
}

Submission Callers::submission(Story& story) {
    Random& random = world_.random;
    Submission submission;
    submission.tenant = TenantId("t" + std::to_string(random.below(3)));
    submission.caller = "k";
    submission.version =
        world_.versions[random.below(static_cast<std::uint32_t>(world_.versions.size()))];
    submission.priority = static_cast<std::uint8_t>(random.below(10));
    story.plan = plan();
    if (random.chance(25)) submission.ttl_ms = 50 + random.below(2'000);
    if (random.chance(25) || story.plan.kind == Plan::kHang)
        submission.timeout_ms = 200 + random.below(2'000);
    if (random.chance(15)) submission.deadline_at = world_.time.wall() + 100 + random.below(4'000);
    submission.input.values = story.plan.text();
    story.ttl_ms = submission.ttl_ms;
    story.timeout_ms = submission.timeout_ms;
    story.deadline_at = submission.deadline_at;
    return submission;
}

void Callers::send(Submission submission, Story story) {
    story.durable = submission.job_class == JobClass::durable || submission.idempotency.has_value();
    world_.core->submit(
        std::move(submission), [this, story = std::move(story)](Result<Accepted> answer) {
            world_.note(answer ? "accepted" : "refused", answer ? answer->id : JobId());
            if (!answer) return;
            world_.referee.accepted(*answer, story);
            known_.push_back(answer->id);
        });
}

void Callers::submit_durable() {
    Story story;
    Submission wanted = submission(story);
    send(std::move(wanted), std::move(story));
}

/// Waits for a while; then the job is promoted, or its caller hangs up, or it has long ended.
void Callers::submit_interactive() {
    Story story;
    Submission wanted = submission(story);
    wanted.job_class = JobClass::interactive;
    const auto watcher = std::make_shared<Watcher>(world_, 0);
    wanted.watcher = watcher;
    const bool promotes = world_.random.chance(60);
    const auto patience = world_.random.between(0, 600);
    const std::uint32_t life = world_.life;
    world_.core->submit(std::move(wanted), [this, story, watcher, promotes, patience,
                                            life](Result<Accepted> answer) {
        world_.note(answer ? "accepted interactive" : "refused", answer ? answer->id : JobId());
        if (!answer) return;
        const JobId id = watcher->job = answer->id;
        world_.referee.accepted(*answer, story);
        known_.push_back(id);
        world_.after(patience, [this, id, promotes, life] {
            if (!world_.up() || world_.life != life) return;
            if (!promotes) {
                world_.note("hang up", id);
                return world_.core->hang_up(id);
            }
            world_.core->promote(id, [this, id](Result<JobView> view) {
                world_.note(view ? "promoted" : "not promoted", id);
                if (view) world_.referee.promoted(*view->record);
            });
        });
    });
}

/// One of few keys with one of two bodies, sometimes twice at once.
void Callers::submit_keyed() {
    Story story;
    const Submission wanted = submission(story);
    const std::string key = std::to_string(world_.random.below(6));
    const auto body = static_cast<std::uint8_t>(world_.random.below(5) == 0 ? 1 : 0);
    story.key = wanted.tenant.name + '/' + key;
    for (std::uint32_t i = 0; i <= world_.random.below(3); ++i) {
        Submission twin;
        twin.tenant = wanted.tenant;
        twin.caller = wanted.caller;
        twin.version = wanted.version;
        twin.ttl_ms = wanted.ttl_ms;
        twin.timeout_ms = wanted.timeout_ms;
        twin.deadline_at = wanted.deadline_at;
        twin.input.values = wanted.input.values;
        twin.idempotency.emplace();
        twin.idempotency->key = key;
        twin.idempotency->body[0] = story.body = world_.random.chance(90) ? body : 2;
        send(std::move(twin), story);
    }
}

void Callers::open_session() {
    Story story;
    Submission wanted = submission(story);
    story.plan = Plan{Plan::kSession, 1, 0};
    wanted.input.values = story.plan.text();
    wanted.job_class = JobClass::interactive;
    wanted.session = story.session = true;
    const auto watcher = std::make_shared<Watcher>(world_, 0);
    wanted.watcher = watcher;
    world_.core->submit(std::move(wanted), [this, story, watcher](Result<Accepted> answer) {
        if (!answer) return;
        watcher->job = answer->id;
        world_.note("session", watcher->job);
        world_.referee.accepted(*answer, story);
        open_sessions_.push_back(watcher->job);
    });
}

void Callers::feed_session() {
    if (open_sessions_.empty()) return open_session();
    const std::size_t which =
        world_.random.below(static_cast<std::uint32_t>(open_sessions_.size()));
    const JobId id = open_sessions_[which];
    const bool last = world_.random.chance(25);
    if (world_.random.chance(5)) {
        world_.core->hang_up(id);
        open_sessions_.erase(open_sessions_.begin() + static_cast<std::ptrdiff_t>(which));
        return;
    }
    const auto given =
        world_.core->session_input(id, std::string(10 + world_.random.below(20), 'x'), last);
    world_.core->output_taken(id, 20);
    world_.note("step", id);
    const bool over = given ? last : given.error().code != ErrorCode::quota_exceeded;
    if (over) open_sessions_.erase(open_sessions_.begin() + static_cast<std::ptrdiff_t>(which));
}

void Callers::say_goodbye() {
    for (const JobId& id : open_sessions_) world_.core->hang_up(id);
    open_sessions_.clear();
}

JobId Callers::any_job() {
    if (known_.empty()) return world_.ids.make<JobId>();
    // The younger ones are where something happens.
    const auto count = static_cast<std::uint32_t>(known_.size());
    const std::uint32_t back = world_.random.chance(70) ? world_.random.below(std::min(count, 10U))
                                                        : world_.random.below(count);
    return known_[count - 1 - back];
}

void Callers::cancel() {
    const JobId id = any_job();
    for (std::uint32_t tenant = 0; tenant < 3; ++tenant) {
        Scope scope;
        scope.tenant = TenantId("t" + std::to_string(tenant));
        world_.core->cancel(scope, id, [this, id](Result<CancelOutcome> outcome) {
            world_.note(outcome ? "cancelled" : "not cancelled", id);
            if (outcome) world_.referee.cancelled(*outcome);
        });
    }
}

void Callers::look() {
    const JobId id = any_job();
    Scope scope;
    scope.tenant = TenantId("t" + std::to_string(world_.random.below(3)));
    world_.core->get(scope, id, [this](Result<JobView> view) {
        if (view) world_.referee.saw(*view->record);
    });
    JobQuery query;
    query.tenant = scope.tenant;
    query.limit = 10;
    world_.core->list(query, [this](Result<std::vector<JobView>> views) {
        if (!views) return;
        for (const JobView& view : *views) world_.referee.saw(*view.record);
    });
}

void Callers::retry() {
    const JobId id = any_job();
    Scope scope;
    scope.tenant = TenantId("t" + std::to_string(world_.random.below(3)));
    world_.core->retry(scope, id, [this, id](Result<JobView> view) {
        world_.note(view ? "retried" : "not retried", id);
        if (!view) return;
        Story story;
        const Story& old = world_.referee.stories[id];
        story.plan = old.plan;
        story.ttl_ms = old.ttl_ms;
        story.timeout_ms = old.timeout_ms;
        story.durable = true;
        world_.referee.accepted(Accepted{view->record->id, *view, false}, story);
        known_.push_back(view->record->id);
    });
}

void Callers::watch() {
    const JobId id = any_job();
    Scope scope;
    scope.tenant = TenantId("t" + std::to_string(world_.random.below(3)));
    const std::uint64_t after = world_.random.chance(30) ? world_.random.below(4) : 0;
    const auto watcher = std::make_shared<Watcher>(world_, 0);
    watcher->job = id;
    const bool stays = world_.random.chance(80);
    world_.core->watch(scope, id, after, watcher, [this, stays](Result<WatchTicket> ticket) {
        if (ticket && !stays) {
            world_.after(world_.random.between(0, 50),
                         [this, ticket = *ticket, life = world_.life] {
                             if (world_.up() && world_.life == life) world_.core->unwatch(ticket);
                         });
        }
    });
}

void Callers::remove_output() {
    Scope scope;
    scope.tenant = TenantId("t" + std::to_string(world_.random.below(3)));
    world_.core->remove_output(scope, any_job(), [](Result<void>) {});
}

void Callers::operate() {
    const auto& version =
        world_.versions[world_.random.below(static_cast<std::uint32_t>(world_.versions.size()))];
    switch (world_.random.below(5)) {
        case 0:
            (void)world_.core->pause(version, world_.random.chance(50));
            break;
        case 1:
            (void)world_.core->drain_queue(version, world_.random.chance(30));
            break;
        case 2:
            if (world_.random.chance(15)) (void)world_.core->purge(version);
            break;
        case 3: {
            const auto workers = world_.core->workers();
            if (!workers.empty() && world_.random.chance(20)) {
                (void)world_.core->drain_worker(workers.front().id, false);
            }
            break;
        }
        default:
            (void)world_.core->queues(TenantId("t0"), true);
    }
}

void Callers::harm() {
    const auto count = static_cast<std::uint32_t>(world_.processes.size());
    Process& process = *world_.processes[world_.random.below(count)];
    switch (world_.random.below(4)) {
        case 0:
            return process.crash(std::nullopt);
        case 1:
            return process.freeze(world_.random.between(100, 25'000));
        default:
            return process.break_link(world_.random.between(0, 2'000),
                                      world_.random.between(10, 20'000));
    }
}

void Callers::act() {
    if (!world_.up()) return;
    const std::uint32_t dice = world_.random.below(100);
    if (dice < 30)
        submit_durable();
    else if (dice < 50)
        submit_interactive();
    else if (dice < 58)
        submit_keyed();
    else if (dice < 65)
        feed_session();
    else if (dice < 74)
        cancel();
    else if (dice < 79)
        look();
    else if (dice < 84)
        retry();
    else if (dice < 89)
        watch();
    else if (dice < 90)
        remove_output();
    else if (dice < 94)
        operate();
    else
        harm();
}

}  // namespace headrace::sim
