// How attempts and jobs end: requeued, or written, shown, metered and let go.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "jobs/core_impl.hpp"
#include "jobs/faults.hpp"

namespace headrace::jobs {
namespace {

constexpr std::size_t kInputOverhead = 160;   // of a payload in memory, beside its bytes
constexpr std::size_t kEndedOverhead = 1200;  // of a job that has ended, without its texts
constexpr std::size_t kMaxUnmetered = 10'000;

}  // namespace

/// Takes the job out of wherever it stands. Afterwards it is in no list and holds no slot.
void Core::Impl::take_out(Job& job) {
    switch (job.phase) {
        case Phase::waiting:
            job.lane->line.erase(job);
            leave_queue(job);
            return;
        case Phase::parked:
            job.queue->parked.erase(job);
            leave_queue(job);
            return;
        case Phase::pausing:
            job.queue->pausing.erase(job);
            leave_queue(job);
            return;
        case Phase::preparing:
            drop_from_batch(job);
            leave_queue(job);
            return;
        case Phase::running:
            if (job.detail->lease.worker) detach_lease(job, "lost");
            return;
        default:
            return;
    }
}

/// Decides the end. A durable job shows it when it is on disk.
void Core::Impl::end(Job& job, JobState state, std::optional<JobError> error,
                     std::shared_ptr<const Payload> output, std::vector<FileRecord> files) {
    job.shown_running = job.phase == Phase::running;
    take_out(job);
    timers_.disarm(job);
    job.phase = Phase::ending;
    Detail& detail = job.more();
    detail.end = std::make_unique<End>();
    End& end = *detail.end;
    end.state = state;
    end.files = std::move(files);
    if (output) {
        detail.usage.bytes_out += output->values.size();
        for (const BlobRef& blob : output->media) detail.usage.bytes_out += blob.size;
    }
    auto record = record_of(job);
    record->state = state;
    record->finished_at = wall_;
    record->error = std::move(error);
    record->output = output;
    if (job.logged()) record->input.reset();  // it is on disk
    end.output = std::move(output);
    end.record = std::move(record);
    if (!job.promoting) write_end(job);  // else promoted() goes on, in order
}

void Core::Impl::write_end(Job& job) {
    if (job.durable()) return write_finish(job);
    if (job.detail->end->record->job_class ==
        JobClass::durable) {  // its promotion has failed since
        auto record = std::make_shared<JobRecord>(*job.detail->end->record);
        record->job_class = JobClass::interactive;
        job.detail->end->record = std::move(record);
    }
    if (job.detail->end->files.empty()) return finalize(job);
    put_files(job);
}

/// Whether more ends would only stand in the log's way, and every accept behind them: jobs that run
/// or are purged faster than the log can write wait where they are, in their queue.
bool Core::Impl::log_is_behind() {
    const bool behind = ends_under_way_ >= settings_.max_ends_under_way;
    held_back_ = held_back_ || behind;
    return behind;
}

void Core::Impl::end_answered() {
    --ends_under_way_;
    if (!held_back_ || ends_under_way_ > settings_.max_ends_under_way / 2) return;
    held_back_ = false;
    if (planted(Fault::held_forgotten)) return;
    for (const auto& pool : pools_) {
        for (const auto& contest : pool->contests) contest->take_back();
        pool->stir();
    }
    for (const auto& queue : queues_) {
        if (queue->purging) timers_.arm(queue->purge_timer, now_);
    }
}

void Core::Impl::write_finish(Job& job) {
    End& end = *job.detail->end;
    LogWrite change;
    change.kind = LogWrite::Kind::finish;
    change.job = end.record;
    change.files = end.files;
    change.usage = std::make_shared<const UsageRecord>(usage_of(*end.record));
    ++ends_under_way_;
    write(std::move(change), [this, id = job.id](Result<void> written) {
        end_answered();
        Job& live = *jobs_.find(id);
        if (written || planted(Fault::finish_not_retried)) return finalize(live);
        const ErrorCode code = written.error().code;
        if (claims_ && code == ErrorCode::conflict) return lose_to_node(live);
        if (code == ErrorCode::conflict || code == ErrorCode::not_found) {
            // The log says that it has ended, or never was, there: writing it again changes
            // nothing.
            log::error("the log refuses the end of a job job={} tenant={} error={}", live.id.text(),
                       live.tenant->id.name, written.error().message);
            return finalize(live);
        }
        const std::uint32_t failures = ++live.detail->end->failures;
        if (failures == 1) {
            log::error("the end of a job cannot be written, trying again job={} tenant={} error={}",
                       live.id.text(), live.tenant->id.name, written.error().message);
        }
        timers_.arm(live, now_ + backoff_.pause(failures));
    });
}

/// The files of an interactive job's output must be known before the caller reads their names.
void Core::Impl::put_files(Job& job) {
    End& end = *job.detail->end;
    end.files_pending = end.files.size();
    for (const FileRecord& file : end.files) {
        ++writes_;
        log_.put_file(file, later([this, id = job.id](Result<void> stored) {
                          --writes_;
                          Job& live = *jobs_.find(id);
                          End& of = *live.detail->end;
                          if (!stored && of.state == JobState::succeeded) {
                              of.state = JobState::failed;
                              auto record = std::make_shared<JobRecord>(*of.record);
                              record->state = of.state;
                              record->output.reset();
                              record->error =
                                  JobError{"unavailable",
                                           "the files of the output cannot be stored", "", true};
                              of.record = std::move(record);
                          }
                          if (--of.files_pending == 0) finalize(live);
                      }));
    }
}

/// The end is safe: it becomes visible, once.
void Core::Impl::finalize(Job& job) {
    emit(job, DoneEvent{job.detail->end->record});
    release_input(job);
    const auto input = std::move(job.input);
    const SteadyTime queued_at = job.since;
    const std::unique_ptr<Detail> detail = std::move(job.detail);
    job.phase = Phase::ended;
    job.since = now_;
    job.limits.reset();
    job.idempotency.reset();
    job.kept = std::make_unique<Kept>();
    job.kept->record = detail->end->record;
    job.kept->events = std::move(detail->events);
    const JobRecord& record = *job.kept->record;
    if (detail->session) {  // whoever waits for room must learn that none will come
        if (auto changed = detail->session->take_callback()) outbox_.call(std::move(changed));
    }
    if (!job.abroad) {
        const Lease& lease = detail->lease;
        EndFacts facts{job.queue->version, input};
        const bool leased = lease.since >= queued_at;  // not one that was waiting for another try
        if (leased) facts.waited = lease.since - queued_at;
        if (leased && lease.first_output != SteadyTime{}) {
            facts.first_output = lease.first_output - queued_at;
            facts.after_first = lease.since + lease.ran - lease.first_output;
        }
        observer_.job_measured(record, facts);
        observer_.job_ended(record, lease.ran);
    }
    if (!job.durable() || planted(Fault::usage_twice)) meter(job.kept->record);
    answer_waiting(job, *detail);
    keep(job);
}

/// Those who wanted to cancel or promote it while its end was being written.
void Core::Impl::answer_waiting(const Job& job, Detail& detail) {
    bool owed = detail.cancelled_by_caller && job.kept->record->state == JobState::cancelled;
    for (auto& done : detail.cancels) {
        Result<CancelOutcome> answer =
            owed ? Result<CancelOutcome>(CancelOutcome{false, view_of(job)})
                 : Result<CancelOutcome>(headrace::fail(ErrorCode::conflict, "the job has ended"));
        owed = false;
        outbox_.call([done = std::move(done), answer = std::move(answer)]() mutable {
            done(std::move(answer));
        });
    }
    for (auto& done : detail.promotions) {
        outbox_.call(
            [done = std::move(done), view = view_of(job)]() mutable { done(std::move(view)); });
    }
}

/// Ended jobs answer from memory for a while.
void Core::Impl::keep(Job& job) {
    Kept& kept = *job.kept;
    kept.bytes = kEndedOverhead + kept.events.bytes();
    if (kept.record->output) kept.bytes += kept.record->output->bytes();
    if (kept.record->input) kept.bytes += kept.record->input->bytes();
    ended_bytes_ += kept.bytes;
    ended_.push_back(job);
    if (ended_timer_.position == Timer::kIdle)
        timers_.arm(ended_timer_, now_ + settings_.keep_ended);
    if (ended_bytes_ > settings_.max_ended_bytes) trim_ended();
}

/// The usage record of an interactive job. Nobody waits for it, and a disk that is full for a while
/// does not lose it.
void Core::Impl::meter(const std::shared_ptr<const JobRecord>& record) {
    LogWrite change;
    change.kind = LogWrite::Kind::usage;
    change.job = record;
    change.usage = std::make_shared<const UsageRecord>(usage_of(*record));
    write(std::move(change), [this, record](Result<void> written) {
        if (written) {
            usage_failures_ = 0;
            return;
        }
        if (unmetered_.size() >= kMaxUnmetered) {
            log::error("a usage record is lost job={} tenant={}", record->id.text(),
                       record->tenant.name);
            return;
        }
        unmetered_.push_back(record);
        if (usage_timer_.position == Timer::kIdle) {
            timers_.arm(usage_timer_, now_ + backoff_.pause(++usage_failures_));
        }
    });
}

void Core::Impl::retry_usage() {
    for (const auto& record : std::exchange(unmetered_, {})) meter(record);
}

/// The job no longer holds its slot: closes the attempt and corrects what the tenant was charged.
void Core::Impl::detach_lease(Job& job, const char* outcome) {
    Detail& detail = *job.detail;
    Lease& lease = detail.lease;
    Worker& worker = *lease.worker;
    lease.ran = now_ - lease.since;
    const double run = std::chrono::duration<double>(lease.ran).count();
    const double slot = run / lease.batch_size;
    lease.share->pool->charge(*lease.share, slot - lease.charged);
    if (outcome != std::string_view("lost")) job.queue->times.add(run, slot);
    Attempt& attempt = detail.attempts.back();
    attempt.outcome = outcome;
    attempt.finished_at = wall_;
    worker.leased.erase(job);
    --worker.running;
    --job.queue->running;
    --running_;
    lease.worker = nullptr;
    lease.share = nullptr;
    worker_eased(worker);
}

/// An attempt is over without an end of the job: another one follows, if it may.
void Core::Impl::lose_attempt(Job& job, const char* outcome, JobError error, bool crashed) {
    const bool cancelled = job.detail->lease.cancelled;
    const bool lost = outcome == std::string_view("lost");
    detach_lease(job, cancelled ? "cancelled" : outcome);
    if (cancelled) {
        return end(job, JobState::cancelled,
                   JobError{"cancelled", "the job was cancelled", "cancelled", false});
    }
    if (job.session && job.detail->session->delivered && !planted(Fault::session_repeated)) {
        if (lost) error.reason = "lost";
        error.retryable = false;
        return end(job, JobState::failed, std::move(error));
    }
    if (job.attempt >= settings_.max_attempts && !planted(Fault::attempts_unlimited)) {
        return fail_dead(job, std::move(error));
    }
    if (draining_ && !job.logged()) {
        return end(job, JobState::failed,
                   JobError{"unavailable", "the server is shutting down", "", true});
    }
    requeue(job, error.message, crashed);
}

void Core::Impl::fail_dead(Job& job, JobError error) {
    error.message = "all attempts are used up; the last: " + error.message;
    error.reason = "dead";
    error.retryable = false;
    end(job, JobState::failed, std::move(error));
}

void Core::Impl::requeue(Job& job, const std::string& reason, bool crashed) {
    Detail& detail = *job.detail;
    job.leased_alone = job.leased_alone || (crashed && !planted(Fault::crash_not_marked));
    job.phase = Phase::pausing;
    job.since = now_;
    // A purge cancels what was queued when it was asked for, and this was not.
    if (job.queue->purging) job.order = ++last_order_;
    detail.paused_until = now_ + backoff_.pause(job.attempt);
    job.queue->pausing.push_back(job);
    ++job.queue->queued;
    ++job.queue->capability->queued;
    rearm(job);
    if (crashed && planted(Fault::lost_worker_forgotten)) timers_.disarm(job);
    drop_input_above_limit(job);
    emit(job, StateEvent{JobState::queued, job.attempt});
    const JobRecord& record = note(job);
    observer_.job_requeued(record, reason);
    if (!job.logged()) return;
    LogWrite change;
    change.kind = LogWrite::Kind::requeue;
    change.job = std::make_shared<JobRecord>(record);
    write(std::move(change), [](Result<void>) {});  // the next attempt's record says it again
}

/// The input of a durable job that waits may stay on disk when there is much of it.
void Core::Impl::drop_input_above_limit(Job& job) {
    if (!job.durable() || !job.input || job.resident || !job.queued()) return;
    const std::size_t bytes = kInputOverhead + job.input->bytes();
    if (resident_bytes_ + bytes > settings_.resident_input_bytes) {
        job.input.reset();
        return;
    }
    resident_bytes_ += bytes;
    job.resident = true;
}

/// An interactive job's input is in memory as long as the job lives.
void Core::Impl::hold_input(Job& job) {
    if (job.durable() || !job.input) return;
    interactive_bytes_ += kInputOverhead + job.input->bytes();
    job.resident = true;
}

void Core::Impl::release_input(Job& job) {
    if (!job.resident) return;
    job.resident = false;
    (job.durable() ? resident_bytes_ : interactive_bytes_) -= kInputOverhead + job.input->bytes();
}

void Core::Impl::forget(Job& job) {
    release_input(job);
    timers_.disarm(job);
    jobs_.erase(job);
    delete &job;
}

/// Lets go of ended jobs that were kept long enough, and of the oldest when they are too many.
void Core::Impl::trim_ended() {
    while (Job* job = ended_.head()) {
        const bool due = job->since + settings_.keep_ended <= now_;
        if (!due && (ended_bytes_ <= settings_.max_ended_bytes || job == ended_.tail())) break;
        ended_.erase(*job);
        ended_bytes_ -= job->kept->bytes;
        if (!planted(Fault::job_leaked) || job->attempt < 2) forget(*job);
    }
    if (Job* job = ended_.head())
        timers_.arm(ended_timer_, job->since + settings_.keep_ended);
    else
        timers_.disarm(ended_timer_);
}

}  // namespace headrace::jobs
