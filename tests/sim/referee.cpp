#include "referee.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "catalog/version.hpp"

namespace headrace::sim {
namespace {

constexpr std::int64_t kOnTimeMs = 2;
constexpr std::uint32_t kEnding = 6;

std::string name(const JobId& id) {
    return id.text().substr(24);
}

bool on_disk(const stores::MemoryDisk& disk, const JobId& id) {
    return disk.jobs.contains(id);
}

}  // namespace

void Referee::violation(std::string what) {
    if (first_) return;
    const auto ms = std::chrono::duration_cast<milliseconds>(time_.now().time_since_epoch());
    first_ = fmt::format("at {} ms: {}", ms.count(), what);
}

void Referee::server_crashed() {
    live_.clear();
    poisoned_.clear();
    waiting_.clear();
    for (auto& [id, story] : stories) {
        // What the disk does not have was never promised; what it has may be a step behind.
        story.must_be_alone = false;
        story.downed_by.clear();
        story.attempt = 0;
        story.waits = story.waits && story.durable && !story.end;
        if (story.waits) ++waiting_[story.capability];
    }
}

void Referee::job_accepted(const JobRecord& record) {
    Story& story = stories[record.id];
    story.life = life_;
    story.accepted_at = time_.wall();
    story.created_at = record.created_at;
    story.capability = record.capability;
    story.waits = true;
    const std::uint32_t waiting = ++waiting_[record.capability];
    // Those whose end is being written have left the queue, which is not to be seen from here.
    if (waiting > settings_.max_queued_per_capability + kEnding) {
        violation(fmt::format("the queue of {} holds {} jobs", record.capability, waiting));
    }
}

void Referee::accepted(const Accepted& answer, Story told) {
    Story& story = stories[answer.id];
    if (answer.replay) {
        if (story.key.empty()) {  // accepted in a crash, its answer lost
            story.key = told.key;
            story.body = told.body;
        }
        if (story.key != told.key) violation("a replay of another key's job");
        if (story.body != told.body) violation("a replay for another body");
        saw(*answer.view.record);
        return;
    }
    told.life = life_;
    told.waits = story.waits;
    told.accepted_at = story.accepted_at;
    told.capability = story.capability;
    told.fence = story.fence;
    told.worker = story.worker;
    told.attempt = story.attempt;
    told.ended_calls = story.ended_calls;
    told.created_at = story.created_at;
    if (!told.key.empty()) {
        for (const auto& [id, other] : stories) {
            if (id != answer.id && other.key == told.key) {
                violation(fmt::format("two jobs for the key {}", told.key));
            }
        }
    }
    story = std::move(told);
    if (story.durable && !on_disk(disk_, answer.id)) {
        violation(fmt::format("job {} was answered before it was on disk", name(answer.id)));
    }
}

void Referee::promoted(const JobRecord& record) {
    if (record.job_class != JobClass::durable) return;  // it had ended
    if (!on_disk(disk_, record.id)) violation("a promoted job is not on disk");
    stories[record.id].durable = true;
}

void Referee::saw(const JobRecord& record) {
    Story& story = stories[record.id];
    if (!is_terminal(record.state)) {
        if (story.end) violation(fmt::format("job {} came back to life", name(record.id)));
        return;
    }
    if (story.end && *story.end != record.state) {
        violation(fmt::format("job {} changed its end from {} to {}", name(record.id),
                              to_string(*story.end), to_string(record.state)));
    }
    story.end = record.state;
    const auto row = disk_.jobs.find(record.id);
    if (record.job_class == JobClass::durable &&
        (row == disk_.jobs.end() || row->second.record.state != record.state)) {
        violation(fmt::format("the end of job {} is shown but not on disk", name(record.id)));
    }
    if (story.cancel_life == life_ && record.state == JobState::succeeded) {
        violation(fmt::format("job {} succeeded after its cancel was accepted", name(record.id)));
    }
}

void Referee::event(const JobEvent& event, JobId job, std::uint64_t previous) {
    if (previous != 0 && event.id != previous + 1) {
        violation(fmt::format("event {} of job {} follows {}", event.id, name(job), previous));
    }
    if (const auto* done = std::get_if<DoneEvent>(&event.what)) {
        ++stories[job].done_events;
        saw(*done->record);
    }
    if (std::holds_alternative<OutputEvent>(event.what)) stories[job].delivered = true;
}

void Referee::cancelled(const CancelOutcome& outcome) {
    Story& story = stories[outcome.view.record->id];
    if (outcome.was_running)
        story.cancel_life = life_;
    else if (outcome.view.record->state != JobState::cancelled)
        violation("a cancel that did not end the job");
    else
        saw(*outcome.view.record);
}

void Referee::leased(const WorkerId& worker, const GrantBatch& batch, const Core& core) {
    if (batch.grants.size() > batch.version->limits.max_batch) {
        violation(fmt::format("a batch of {} where {} are allowed", batch.grants.size(),
                              batch.version->limits.max_batch));
    }
    check_alone(worker, batch);
    for (const Grant& grant : batch.grants) {
        Story& story = stories[grant.job];
        if (!(story.fence < grant.fence)) violation("a fence that does not rise");
        if (story.fence.counter != 0 && core.holds(story.worker, grant.job, story.fence)) {
            violation(fmt::format("job {} has two valid leases", name(grant.job)));
        }
        if (grant.attempt > settings_.max_attempts) {
            violation(fmt::format("job {} in attempt {}", name(grant.job), grant.attempt));
        }
        if (grant.attempt <= story.attempt) violation("an attempt is counted twice");
        if (story.end) violation(fmt::format("job {} is leased after its end", name(grant.job)));
        if (story.session && story.delivered)
            violation("a session is run again after a step was delivered");
        if (!grant.input || grant.input->values != story.plan.text()) {
            if (story.created_at != 0) violation("a lease with another input");
        }
        const auto row = disk_.jobs.find(grant.job);
        if (grant.attempt > 1 && story.durable && story.life != 0 &&
            (row == disk_.jobs.end() || row->second.record.attempt != grant.attempt ||
             row->second.record.fence != grant.fence)) {
            violation(fmt::format("attempt {} of job {} left before it was on disk", grant.attempt,
                                  name(grant.job)));
        }
        story.fence = grant.fence;
        story.worker = worker;
        story.attempt = grant.attempt;
        if (story.waits) --waiting_[batch.version->name];
        story.waits = false;
        live_[worker][grant.fence] = grant.job;
    }
}

void Referee::check_alone(const WorkerId& worker, const GrantBatch& batch) {
    const auto& others = live_[worker];
    for (const auto& [fence, job] : others) {
        if (stories[job].must_be_alone) violation("a job was leased beside one that must be alone");
    }
    for (const Grant& grant : batch.grants) {
        if (!stories[grant.job].must_be_alone) continue;
        if (batch.grants.size() > 1 || !others.empty()) {
            violation(fmt::format(
                "job {} shared a crash and is leased with others, such as {}", name(grant.job),
                name(others.empty() ? batch.grants.back().job : others.begin()->second)));
        }
    }
}

void Referee::session_step(JobId job) {
    stories[job].delivered = true;
}

void Referee::released(const WorkerId& worker, const Fence& fence) {
    const auto at = live_.find(worker);
    if (at != live_.end()) at->second.erase(fence);
}

void Referee::reattached(const WorkerId& worker, const std::vector<Fence>& held) {
    const auto at = live_.find(worker);
    if (at == live_.end()) return;
    std::erase_if(at->second, [&held](const auto& lease) {
        return std::find(held.begin(), held.end(), lease.first) == held.end();
    });
}

void Referee::worker_lost(const WorkerId& worker, const std::string&, const std::string&) {
    const auto at = live_.find(worker);
    if (at == live_.end()) return;
    const auto poison = poisoned_.find(worker);
    for (const auto& [fence, job] : at->second) {
        Story& story = stories[job];
        if (story.end || story.fence != fence) continue;
        story.must_be_alone = true;
        if (poison == poisoned_.end() || poison->second == job) continue;
        if (++story.downed_by[poison->second] > 1) {
            violation(fmt::format("job {} was taken down twice by the same poison", name(job)));
        }
    }
    live_.erase(at);
}

void Referee::job_ended(const JobRecord& record, std::chrono::nanoseconds) {
    Story& story = stories[record.id];
    if (++story.ended_calls > 1) violation(fmt::format("job {} ended twice", name(record.id)));
    if (story.waits) --waiting_[record.capability];
    story.waits = false;
    saw(record);
    if (story.created_at != 0 && story.life == life_) check_times(story, record);
}

WallMs Referee::on_time(WallMs due) const {
    for (const auto& [from, to] : standstills_) {
        if (from <= due && due < to) return to + kOnTimeMs;
    }
    return due + kOnTimeMs;
}

void Referee::check_times(const Story& story, const JobRecord& record) {
    const auto late = [&](WallMs due) {
        return record.finished_at - on_time(std::max(due, story.accepted_at));
    };
    const WallMs ttl = record.created_at + story.ttl_ms;
    if (record.attempts.empty() && story.ttl_ms > 0 && late(ttl) > 0) {
        violation(fmt::format("job {} outlived its ttl by {} ms", name(record.id), late(ttl)));
    }
    if (story.deadline_at > 0 && late(story.deadline_at) > 0) {
        violation(fmt::format("job {} outlived its deadline by {} ms", name(record.id),
                              late(story.deadline_at)));
    }
    for (const Attempt& attempt : record.attempts) {
        const std::int64_t ran = attempt.finished_at - attempt.started_at;
        const bool stopping = attempt.outcome == "cancelled" || attempt.outcome == "lost";
        const bool late_end = attempt.finished_at > on_time(attempt.started_at + story.timeout_ms);
        if (story.timeout_ms > 0 && !stopping && late_end) {
            violation(fmt::format("an attempt of job {} ran {} ms", name(record.id), ran));
        }
        if (attempt.outcome == "timeout" && ran < story.timeout_ms)
            violation("a timeout that came early");
    }
}

void Referee::check_end(const CoreCounts& counts) {
    if (counts.jobs != 0) violation(fmt::format("{} jobs are never let go", counts.jobs));
    if (counts.running + counts.preparing + counts.writes + counts.flights + counts.timers != 0) {
        violation(fmt::format(
            "left over: {} running, {} preparing, {} writes, {} flights, {} timers", counts.running,
            counts.preparing, counts.writes, counts.flights, counts.timers));
    }
    if (counts.resident_input_bytes != 0) violation("resident inputs are counted wrong");
    if (counts.interactive_input_bytes != 0) violation("interactive inputs are counted wrong");
    if (disk_.refused_ends != 0) violation("an end was written that the log refuses");
    std::set<std::string> keys;
    for (const auto& [id, row] : disk_.jobs) {
        if (row.record.idempotency &&
            !keys.insert(row.record.tenant.name + '/' + row.record.idempotency->key).second) {
            violation(fmt::format("two jobs for the key {}", row.record.idempotency->key));
        }
        const auto metered = disk_.metered.find(id);
        if (!is_terminal(row.record.state)) {
            violation(fmt::format("job {} is {} for ever", name(id), to_string(row.record.state)));
        } else if (metered == disk_.metered.end() || metered->second != 1) {
            violation(fmt::format("job {} was metered {} times", name(id),
                                  metered == disk_.metered.end() ? 0 : metered->second));
        }
    }
    for (const auto& [id, story] : stories) {
        if (story.durable && !on_disk(disk_, id))
            violation(fmt::format("job {} is lost", name(id)));
        const auto metered = disk_.metered.find(id);
        const std::uint32_t times = metered == disk_.metered.end() ? 0 : metered->second;
        if (times > 1) violation(fmt::format("job {} was metered {} times", name(id), times));
        if (!story.durable && story.end && story.life == life_ && times != 1) {
            violation(fmt::format("interactive job {} was metered {} times", name(id), times));
        }
    }
}

}  // namespace headrace::sim
