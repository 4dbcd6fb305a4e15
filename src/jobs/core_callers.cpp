// What callers ask about jobs, in memory or in the log, and what they tell them.
#include <utility>

#include "jobs/core_impl.hpp"

namespace headrace::jobs {
namespace {

Error no_such_job() {
    return {ErrorCode::not_found, "no such job", {}, 0};
}

}  // namespace

/// A job that is not in memory. It may have come there when `done` runs: home from another node.
void Core::Impl::get_record(const Scope& scope, JobId id, Done<JobRecord> done) {
    const Job* job = jobs_.find(id);
    if (job && job->phase != Phase::elsewhere) {
        return done(headrace::fail(no_such_job()));  // it is, but not for this scope
    }
    log_.get(scope.tenant, id,
             later([scope, done = std::move(done)](Result<std::optional<JobRecord>> found) mutable {
                 if (!found) return done(headrace::fail(std::move(found.error())));
                 if (!*found || !may_see(scope, (*found)->tenant, (*found)->caller)) {
                     return done(headrace::fail(no_such_job()));
                 }
                 done(std::move(**found));
             }));
}

void Core::Impl::get(const Scope& scope, JobId id, Done<JobView> done) {
    const Job* job = visible(scope, id);
    if (job && job->phase != Phase::elsewhere) return done(view_of(*job));
    get_record(
        scope, id, [this, scope, id, done = std::move(done)](Result<JobRecord> record) mutable {
            if (!record) return done(headrace::fail(std::move(record.error())));
            const Job* live = visible(scope, id);
            if (live && live->phase != Phase::elsewhere) return done(view_of(*live));
            done(JobView{std::make_shared<const JobRecord>(std::move(*record)), std::nullopt});
        });
}

void Core::Impl::list(JobQuery query, Done<std::vector<JobView>> done) {
    log_.list(
        std::move(query),
        later([this, done = std::move(done)](Result<std::vector<JobRecord>> records) mutable {
            if (!records) return done(headrace::fail(std::move(records.error())));
            std::vector<JobView> views;
            views.reserve(records->size());
            for (JobRecord& record : *records) {
                const Job* live = jobs_.find(record.id);
                if (live && live->phase != Phase::accepting && live->phase != Phase::elsewhere)
                    views.push_back(view_of(*live));
                else
                    views.push_back(
                        {std::make_shared<const JobRecord>(std::move(record)), std::nullopt});
            }
            done(std::move(views));
        }));
}

void Core::Impl::cancel(const Scope& scope, JobId id, Done<CancelOutcome> done) {
    if (Job* job = visible(scope, id)) return cancel_live(*job, std::move(done));
    get_record(scope, id,
               [this, scope, id, done = std::move(done)](Result<JobRecord> record) mutable {
                   if (!record) return done(headrace::fail(std::move(record.error())));
                   if (Job* live = visible(scope, id)) return cancel_live(*live, std::move(done));
                   if (claims_ && !is_terminal(record->state)) {
                       return cancel_abroad(std::move(*record), std::move(done));
                   }
                   done(headrace::fail(ErrorCode::conflict, "the job has ended"));
               });
}

/// A job that another node accepted: taken here to end if nobody has it, else whoever has it is
/// told.
void Core::Impl::cancel_abroad(JobRecord record, Done<CancelOutcome> done) {
    auto tenant = record.tenant;
    const JobId id = record.id;
    claims_->recall(std::move(tenant), id, true,
                    later([this, record = std::move(record),
                           done = std::move(done)](Result<std::optional<JobRecord>> back) mutable {
                        if (!back) return done(headrace::fail(std::move(back.error())));
                        if (*back) take_in(**back);
                        if (Job* live = jobs_.find(record.id)) {
                            return cancel_live(*live, std::move(done));
                        }
                        auto known = std::make_shared<const JobRecord>(std::move(record));
                        done(CancelOutcome{true, JobView{std::move(known), std::nullopt}});
                    }));
}

void Core::Impl::cancel_live(Job& job, Done<CancelOutcome> done) {
    switch (job.phase) {
        case Phase::ended:
            return done(headrace::fail(ErrorCode::conflict, "the job has ended"));
        case Phase::ending:  // whatever it is: told when it is on disk
            job.detail->cancels.push_back(std::move(done));
            return;
        case Phase::running:
            if (!job.detail->lease.cancelled) send_cancel(job, CancelReason::cancelled);
            return done(CancelOutcome{true, view_of(job)});
        case Phase::elsewhere:
            job.more().cancelled_by_caller = true;
            ask_back(job, true);
            return done(CancelOutcome{true, view_of(job)});
        default:
            break;
    }
    job.more().cancels.push_back(std::move(done));
    job.detail->cancelled_by_caller = true;
    end(job, JobState::cancelled,
        JobError{"cancelled", "the job was cancelled", "cancelled", false});
}

void Core::Impl::hang_up(JobId id) {
    Job* job = jobs_.find(id);
    if (!job || job->logged() || job->phase == Phase::ending || job->phase == Phase::ended) return;
    cancel_live(*job, [](Result<CancelOutcome>) {});
}

void Core::Impl::retry(const Scope& scope, JobId id, Done<JobView> done) {
    if (const Job* job = visible(scope, id)) {
        if (job->phase != Phase::ended) {
            return done(headrace::fail(ErrorCode::conflict, "the job has not ended"));
        }
        return retry_record(*job->kept->record, std::move(done));
    }
    get_record(scope, id, [this, done = std::move(done)](Result<JobRecord> record) mutable {
        if (!record) return done(headrace::fail(std::move(record.error())));
        retry_record(std::move(*record), std::move(done));
    });
}

void Core::Impl::retry_record(JobRecord record, Done<JobView> done) {
    if (record.state == JobState::succeeded || !is_terminal(record.state)) {
        return done(headrace::fail(ErrorCode::conflict,
                                   "only a failed, cancelled or expired job is run again"));
    }
    if (record.session) {
        return done(headrace::fail(ErrorCode::conflict, "a session cannot be run again"));
    }
    if (record.input) {
        auto input = record.input;
        return accept_retry(record, std::move(input), std::move(done));
    }
    auto tenant = record.tenant;
    const JobId id = record.id;
    log_.load_input(
        std::move(tenant), id,
        later([this, record = std::move(record),
               done = std::move(done)](Result<std::shared_ptr<const Payload>> input) mutable {
            if (!input) return done(headrace::fail(std::move(input.error())));
            if (!*input) {
                return done(headrace::fail(ErrorCode::gone, "the job's input was removed"));
            }
            accept_retry(record, std::move(*input), std::move(done));
        }));
}

/// A new job with the same input and limits, always durable: its id is handed out before its
/// answer.
void Core::Impl::accept_retry(const JobRecord& record, std::shared_ptr<const Payload> input,
                              Done<JobView> done) {
    VersionPtr version;
    if (resolve_) version = resolve_(record.tenant, record.capability, record.version);
    if (!version) {
        for (const auto& queue : queues_) {
            if (queue->name == record.capability && queue->semver == record.version &&
                (queue->owner == record.tenant || queue->owner.name == "system")) {
                version = queue->version;
            }
        }
    }
    if (!version) {
        return done(headrace::fail(ErrorCode::not_found, "the job's version is no longer served"));
    }
    Submission again;
    again.tenant = record.tenant;
    again.caller = record.caller;
    again.version = std::move(version);
    again.input = *input;
    again.priority = record.priority;
    again.timeout_ms = record.timeout_ms;
    again.ttl_ms = record.ttl_ms;
    again.traceparent = record.traceparent;
    again.retry_of = record.id;
    accept(std::move(again), [done = std::move(done)](Result<Accepted> accepted) mutable {
        if (!accepted) return done(headrace::fail(std::move(accepted.error())));
        done(std::move(accepted->view));
    });
}

void Core::Impl::remove_output(const Scope& scope, JobId id, Done<void> done) {
    if (const Job* job = visible(scope, id)) {
        if (job->phase != Phase::ended) {
            return done(headrace::fail(ErrorCode::conflict, "the job has not ended"));
        }
        return remove_output_of(*job->kept->record, std::move(done));
    }
    get_record(scope, id, [this, done = std::move(done)](Result<JobRecord> record) mutable {
        if (!record) return done(headrace::fail(std::move(record.error())));
        if (!is_terminal(record->state)) {
            return done(headrace::fail(ErrorCode::conflict, "the job has not ended"));
        }
        remove_output_of(std::move(*record), std::move(done));
    });
}

void Core::Impl::remove_output_of(JobRecord record, Done<void> done) {
    if (record.output_removed) return done({});
    record.output.reset();
    record.output_removed = true;
    auto changed = std::make_shared<const JobRecord>(std::move(record));
    auto forget_it = [this, changed, done = std::move(done)](Result<void> written) mutable {
        if (!written) return done(headrace::fail(std::move(written.error())));
        Job* live = jobs_.find(changed->id);
        if (live && live->kept) live->kept->record = changed;
        done({});
    };
    if (changed->job_class == JobClass::interactive) return forget_it({});
    LogWrite change;
    change.kind = LogWrite::Kind::remove_output;
    change.job = changed;
    write(std::move(change), std::move(forget_it));
}

}  // namespace headrace::jobs
