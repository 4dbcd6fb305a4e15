// From a submission to a job in its queue, and from interactive to durable.
#include <algorithm>
#include <chrono>

#include "jobs/core_impl.hpp"
#include "jobs/faults.hpp"

namespace headrace::jobs {

Error Core::Impl::unavailable(std::string message) {
    return {ErrorCode::unavailable, std::move(message), {}, kRetryWhenUnavailable};
}

void Core::Impl::refuse(const std::string& capability, Error error, Done<Accepted>& done) {
    observer_.refused(capability, error.code);
    done(headrace::fail(std::move(error)));
}

void Core::Impl::submit(Submission submission, Done<Accepted> done) {
    if (draining_) {
        return refuse(queue_for(submission.version).name,
                      unavailable("the server is shutting down"), done);
    }
    if (!submission.idempotency) return accept(std::move(submission), std::move(done));
    // The answer must be there for a twin after a restart, so the job is durable whatever was
    // asked.
    submission.job_class = JobClass::durable;
    switch (flights_.enter(submission.tenant, *submission.idempotency, done)) {
        case IdempotencyFlights::Entry::first:
            return find_twin(std::move(submission));
        case IdempotencyFlights::Entry::twin:
            return;
        case IdempotencyFlights::Entry::clash:
            return refuse(queue_for(submission.version).name,
                          {ErrorCode::idempotency_clash,
                           "the idempotency key was used with another body",
                           {},
                           0},
                          done);
    }
}

void Core::Impl::find_twin(Submission submission) {
    auto tenant = submission.tenant;
    auto key = submission.idempotency->key;
    auto found = [this, submission = std::move(submission)](
                     Result<std::optional<JobRecord>> record) mutable {
        const TenantId of = submission.tenant;
        const Idempotency wanted = *submission.idempotency;
        if (!record || *record)
            return flights_.land(of, wanted.key, twin_answer(wanted, std::move(record)));
        accept(std::move(submission), [this, of, wanted](Result<Accepted> answer) {
            if (answer || answer.error().code != ErrorCode::conflict) {
                return flights_.land(of, wanted.key, std::move(answer));
            }
            // Somebody else took the key since we looked: what they got is the answer.
            log_.find_idempotent(
                of, wanted.key, later([this, of, wanted](Result<std::optional<JobRecord>> taken) {
                    flights_.land(of, wanted.key, twin_answer(wanted, std::move(taken)));
                }));
        });
    };
    log_.find_idempotent(std::move(tenant), std::move(key), later(std::move(found)));
}

/// What a request gets whose key the log knows.
Result<Accepted> Core::Impl::twin_answer(const Idempotency& wanted,
                                         Result<std::optional<JobRecord>> record) {
    if (!record || !*record) return headrace::fail(unavailable("the job log cannot be read"));
    const auto& first = (*record)->idempotency;
    if (first && first->body != wanted.body && !planted(Fault::body_not_compared)) {
        return headrace::fail(ErrorCode::idempotency_clash,
                              "the idempotency key was used with another body");
    }
    Accepted replay;
    replay.replay = true;
    replay.id = (*record)->id;
    const Job* live = jobs_.find(replay.id);
    if (live)
        replay.view = view_of(*live);
    else
        replay.view.record = std::make_shared<const JobRecord>(std::move(**record));
    return replay;
}

void Core::Impl::accept(Submission submission, Done<Accepted> done) {
    Queue& queue = queue_for(submission.version);
    if (draining_) return refuse(queue.name, unavailable("the server is shutting down"), done);
    if (queue.draining) return refuse(queue.name, unavailable("the queue is being drained"), done);
    if (queue.unserved && submission.job_class == JobClass::interactive) {
        return refuse(queue.name, unavailable(std::string(kNobodyServes)), done);
    }
    if (queue.capability->queued >= settings_.max_queued_per_capability &&
        !planted(Fault::queue_unbounded)) {
        return refuse(queue.name,
                      {ErrorCode::quota_exceeded, "the queue is full", {}, queue.seconds_to_room()},
                      done);
    }
    auto watcher = std::move(submission.watcher);
    Job& job = create(submission, queue);
    if (watcher) {
        auto subscription = std::make_shared<Subscription>();
        subscription->number = ++last_ticket_;
        subscription->watcher = std::move(watcher);
        job.more().watchers.push_back(std::move(subscription));
    }
    if (!job.durable()) return accepted(job, nullptr, done);
    if (planted(Fault::answer_before_write)) {
        done(Accepted{job.id, view_of(job), false});
        done = [](Result<Accepted>) {};
    }
    LogWrite change;
    change.kind = LogWrite::Kind::accept;
    change.job = record_of(job);
    auto written = [this, record = change.job,
                    done = std::move(done)](Result<void> result) mutable {
        Job& waiting = *jobs_.find(record->id);
        if (result) return accepted(waiting, std::move(record), done);
        const std::string name = waiting.queue->name;
        --waiting.queue->capability->queued;
        forget(waiting);
        if (result.error().code == ErrorCode::conflict) return done(headrace::fail(result.error()));
        refuse(name, unavailable("the job cannot be stored: " + result.error().message), done);
    };
    write(std::move(change), std::move(written));
}

Job& Core::Impl::create(Submission& submission, Queue& queue) {
    auto owned = std::make_unique<Job>();
    Job& job = *owned;
    job.id = ids_.make<JobId>();
    job.queue = &queue;
    job.tenant = &tenant_of(submission.tenant);
    job.caller = caller_of(submission.caller);
    job.job_class = submission.job_class;
    job.priority = std::min<std::uint8_t>(submission.priority, 9);
    job.created_at = wall_;
    job.since = now_;  // the time of its accept write counts as waiting
    job.session = submission.session;
    if (!job.trace.pack(submission.traceparent) && !submission.traceparent.empty()) {
        job.more().traceparent = std::move(submission.traceparent);
    }
    if (submission.idempotency) {
        job.idempotency = std::make_unique<Idempotency>(std::move(*submission.idempotency));
    }
    if (submission.retry_of) job.more().retry_of = submission.retry_of;
    if (submission.session) {
        job.more().session = std::make_unique<SessionFlow>(settings_.session_window);
    }
    if (submission.timeout_ms > 0 || submission.ttl_ms > 0 || submission.deadline_at > 0) {
        job.limits = std::make_unique<JobLimits>();
        job.limits->timeout_ms = submission.timeout_ms;
        job.limits->ttl_ms = submission.ttl_ms;
        job.limits->deadline_at = submission.deadline_at;
        if (submission.deadline_at > 0) {
            job.limits->deadline = now_ + milliseconds(submission.deadline_at - wall_);
        }
    }
    job.input = std::make_shared<const Payload>(std::move(submission.input));
    Lane& lane = queue.together.lane_of(*job.tenant);
    job.share_stamp = std::max(lane.stamp_end, queue.stamp_served);
    lane.stamp_end = job.share_stamp + queue.estimated_cost();
    ++queue.capability->queued;
    jobs_.insert(*owned.release());
    return job;
}

/// `written`: the record that was, of a durable job; it still says how the job stands.
void Core::Impl::accepted(Job& job, std::shared_ptr<const JobRecord> written,
                          Done<Accepted>& done) {
    ++job.queue->queued;
    enqueue(job);
    observer_.job_accepted(written ? *written : note(job));
    if (job.detail && !job.detail->watchers.empty()) {
        emit(job, StateEvent{JobState::queued, job.attempt});
    }
    Accepted answer;
    answer.id = job.id;
    if (written) {
        answer.view.record = std::move(written);
        answer.view.queue = job.queue->place_of(job);
        drop_input_above_limit(job);
    } else {
        hold_input(job);
    }
    done(std::move(answer));
}

void Core::Impl::promote(JobId id, Done<JobView> done) {
    Job* job = jobs_.find(id);
    if (!job || job->phase == Phase::accepting) {
        return done(headrace::fail(ErrorCode::not_found, "no such job"));
    }
    // One that has ended has its answer; one that is durable is on disk.
    if (job->durable() || job->phase == Phase::ended) return done(view_of(*job));
    if (job->phase == Phase::ending) {  // its files are being stored: it ends in a moment
        job->more().promotions.push_back(std::move(done));
        return;
    }
    job->more().promotions.push_back(std::move(done));
    if (job->promoting) return;
    job->promoting = true;
    LogWrite change;
    change.kind = LogWrite::Kind::accept;
    change.job = record_of(*job);
    write(std::move(change), [this, id](Result<void> written) {
        if (Job* live = jobs_.find(id)) promoted(*live, std::move(written));
    });
}

void Core::Impl::promoted(Job& job, Result<void> written) {
    job.promoting = false;
    auto waiting = std::move(job.detail->promotions);
    job.detail->promotions.clear();
    if (written) {
        release_input(job);
        job.job_class = JobClass::durable;
    }
    for (auto& done : waiting) {
        if (written) {
            outbox_.call(
                [done = std::move(done), view = view_of(job)]() mutable { done(std::move(view)); });
        } else {
            outbox_.call(
                [done = std::move(done), error = unavailable("the job cannot be stored: " +
                                                             written.error().message)]() mutable {
                    done(headrace::fail(std::move(error)));
                });
        }
    }
    if (job.phase == Phase::ending) return write_end(job);
    // Picked as an interactive job, it waits for others of its batch: from now on its attempt must
    // be on disk, too.
    if (job.phase == Phase::preparing && !job.detail->lease.awaited) prepare(job);
    if (job.durable()) drop_input_above_limit(job);
}

}  // namespace headrace::jobs
