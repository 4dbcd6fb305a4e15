// Events to those who watch, and both directions of a session.
#include <algorithm>
#include <utility>

#include "jobs/core_impl.hpp"
#include "jobs/faults.hpp"

namespace headrace::jobs {

/// Keeps an event and sends it to all who watch. A ring that is new begins with the job's
/// acceptance, also for a job that nobody watched then: so all jobs' events have the same numbers.
void Core::Impl::emit(Job& job, EventRing::What what) {
    Detail& detail = job.more();
    EventRing& ring = detail.events;
    const auto add = [&](EventRing::What event) {
        return ring.add(std::move(event), settings_.max_events_per_job,
                        settings_.max_event_bytes_per_job);
    };
    if (ring.last() == 0) {
        if (job.restored) ring.start_after(fence_.epoch << 20);
        const auto* state = std::get_if<StateEvent>(&what);
        if (!state || state->state != JobState::queued) {
            const bool running = job.phase == Phase::running;
            const std::uint32_t before = running ? job.attempt - 1 : job.attempt;
            add(StateEvent{JobState::queued, job.restored ? before : 0});
        }
    }
    const auto event = add(std::move(what));
    for (const auto& subscription : detail.watchers) outbox_.event(subscription, event);
}

void Core::Impl::watch(const Scope& scope, JobId id, std::uint64_t after,
                       std::shared_ptr<JobWatcher> watcher, Done<WatchTicket> done) {
    auto subscription = std::make_shared<Subscription>();
    subscription->number = ++last_ticket_;
    subscription->watcher = std::move(watcher);
    const WatchTicket ticket{id, subscription->number};
    if (Job* job = visible(scope, id)) {
        outbox_.call([done = std::move(done), ticket]() mutable { done(ticket); });
        if (!job->kept && job->more().events.last() == 0) {
            emit(*job,
                 StateEvent{job->phase == Phase::running ? JobState::running : JobState::queued,
                            job->attempt});
        }
        const EventRing& ring = job->kept ? job->kept->events : job->detail->events;
        // Of one that has ended the newest is its DoneEvent, which is never left out.
        if (job->kept) after = std::min(after, ring.last() - 1);
        ring.for_each_after(
            after, [&](const EventRing::EventPtr& event) { outbox_.event(subscription, event); });
        if (!job->kept) job->detail->watchers.push_back(std::move(subscription));
        return;
    }
    get_record(scope, id,
               [this, scope, ticket, after, subscription,
                done = std::move(done)](Result<JobRecord> record) mutable {
                   if (!record) return done(headrace::fail(std::move(record.error())));
                   if (visible(scope, ticket.job)) {  // it has come home meanwhile
                       return watch(scope, ticket.job, after, std::move(subscription->watcher),
                                    std::move(done));
                   }
                   if (!is_terminal(record->state)) {
                       return done(headrace::fail(ErrorCode::not_found, "no such job"));
                   }
                   done(ticket);
                   auto event = std::make_shared<JobEvent>();
                   event->id = after + 1;
                   event->what = DoneEvent{std::make_shared<const JobRecord>(std::move(*record))};
                   outbox_.event(std::move(subscription), std::move(event));
               });
}

void Core::Impl::unwatch(WatchTicket ticket) {
    Job* job = jobs_.find(ticket.job);
    if (!job || !job->detail) return;
    std::erase_if(job->detail->watchers, [&ticket](const auto& subscription) {
        if (subscription->number != ticket.number) return false;
        subscription->active = false;
        return true;
    });
}

Result<void> Core::Impl::session_input(JobId id, std::string values, bool last) {
    Job* job = jobs_.find(id);
    if (!job || !job->session) return headrace::fail(ErrorCode::not_found, "no such session");
    if (job->phase == Phase::ending || job->phase == Phase::ended) {
        return headrace::fail(ErrorCode::conflict, "the session has ended");
    }
    SessionFlow& session = *job->detail->session;
    if (auto given = session.give(values.size(), last); !given) return given;
    if (job->phase != Phase::running) {
        session.buffer({std::move(values), last});
        return {};
    }
    session.delivered = true;
    if (!job->detail->lease.worker->port) {  // the link is lost for the moment
        session.buffer({std::move(values), last});
        return {};
    }
    outbox_.call([port = job->detail->lease.worker->port, id, fence = job->detail->lease.fence,
                  values = std::move(values),
                  last]() mutable { port->input(id, fence, std::move(values), last); });
    return {};
}

std::uint64_t Core::Impl::session_window(JobId id, UniqueFunction<void()> changed) {
    Job* job = jobs_.find(id);
    if (!job || !job->session || !job->detail->session) return 0;
    job->detail->session->when_room(std::move(changed));
    return job->detail->session->room();
}

void Core::Impl::input_consumed(Job& job, std::uint64_t bytes) {
    if (!job.detail->session) return;
    if (auto changed = job.detail->session->consumed(bytes)) outbox_.call(std::move(changed));
}

void Core::Impl::output_taken(JobId id, std::uint64_t bytes) {
    Job* job = jobs_.find(id);
    if (!job || job->phase != Phase::running) return;
    const Lease& lease = job->detail->lease;
    if (job->detail->session) job->detail->session->output_taken(bytes);
    if (!lease.worker->port) {
        job->detail->taken_while_lost += bytes;
        return;
    }
    outbox_.call([port = lease.worker->port, id, fence = lease.fence, bytes] {
        port->output_taken(id, fence, bytes);
    });
}

/// The link is back: what the caller did meanwhile, in order.
void Core::Impl::catch_up(Job& job) {
    const Lease& lease = job.detail->lease;
    if (lease.cancelled) {
        outbox_.call([port = lease.worker->port, id = job.id, fence = lease.fence] {
            port->cancel(id, fence, CancelReason::cancelled);
        });
    }
    if (const auto bytes = std::exchange(job.detail->taken_while_lost, 0); bytes > 0) {
        output_taken(job.id, bytes);
    }
    if (job.detail->session) send_buffered_input(job);
}

void Core::Impl::send_buffered_input(Job& job) {
    const Lease& lease = job.detail->lease;
    auto steps = job.detail->session->take_buffered();
    if (steps.empty()) return;
    job.detail->session->delivered = true;
    outbox_.call([port = lease.worker->port, id = job.id, fence = lease.fence,
                  steps = std::move(steps)]() mutable {
        for (auto& step : steps) port->input(id, fence, std::move(step.values), step.last);
    });
}

}  // namespace headrace::jobs
