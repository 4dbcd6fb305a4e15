#include "main/job_metrics.hpp"

#include <iterator>

#include <fmt/compile.h>

#include "base/log.hpp"

namespace headrace::main {
namespace {

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

const std::vector<std::string> kVersionLabels{"capability", "version"};

std::vector<std::string> with(std::string label) {
    auto out = kVersionLabels;
    out.push_back(std::move(label));
    return out;
}

}  // namespace

JobMetrics::JobMetrics(telemetry::Registry& registry, std::size_t tenants)
    : accepted_(registry.counter("headrace_jobs_accepted_total", "Jobs accepted.", with("class"))),
      ended_(registry.counter("headrace_jobs_ended_total", "Jobs that reached a terminal state.",
                              with("state"))),
      requeued_(registry.counter("headrace_jobs_requeued_total",
                                 "Attempts that ended without ending their job.", kVersionLabels)),
      refused_(registry.counter("headrace_jobs_refused_total", "Jobs that were not accepted.",
                                {"code"})),
      tenant_ended_(registry.counter("headrace_tenant_jobs_ended_total",
                                     "Jobs that reached a terminal state, by tenant.", {"tenant"})),
      wait_(registry.histogram("headrace_job_queue_seconds",
                               "Time from acceptance to the first attempt.", kVersionLabels)),
      run_(registry.histogram("headrace_job_run_seconds", "Run time of the last attempt.",
                              kVersionLabels)),
      late_(registry
                .counter("headrace_late_results_total",
                         "Results refused because their lease had passed on.")
                .cell()),
      cancels_(registry.counter("headrace_cancels_sent_total", "Cancels sent to engines.").cell()),
      attached_(registry.counter("headrace_workers_attached_total", "Workers that came.").cell()),
      lost_(registry.counter("headrace_workers_lost_total", "Workers that went.").cell()),
      tenant_cap_(tenants) {}

JobMetrics::Cells& JobMetrics::cells_of(const jobs::JobRecord& job) {
    if (job.version_id == 0) return find_cells(job);
    if (job.version_id >= by_number_.size()) by_number_.resize(job.version_id + 1);
    Cells*& known = by_number_[job.version_id];
    if (!known) known = &find_cells(job);
    return *known;
}

JobMetrics::Cells& JobMetrics::find_cells(const jobs::JobRecord& job) {
    const auto found = versions_.find(NamePairView(job.capability, job.version));
    if (found != versions_.end()) return found->second;
    Cells cells{};
    const auto labels = [&job](std::string_view word) {
        return telemetry::LabelValues{job.capability, job.version, std::string(word)};
    };
    cells.accepted[0] = &accepted_.cell(labels("interactive"));
    cells.accepted[1] = &accepted_.cell(labels("durable"));
    for (std::size_t i = 0; i < kStates; ++i) {
        const auto state = static_cast<jobs::JobState>(i);
        cells.ended[i] =
            jobs::is_terminal(state) ? &ended_.cell(labels(jobs::to_string(state))) : nullptr;
    }
    cells.requeued = &requeued_.cell({job.capability, job.version});
    cells.wait = &wait_.cell({job.capability, job.version});
    cells.run = &run_.cell({job.capability, job.version});
    return versions_.emplace(std::pair(job.capability, job.version), cells).first->second;
}

JobMetrics::Tenant& JobMetrics::tenant_of(const TenantId& tenant) {
    if (last_tenant_ && last_tenant_->name == tenant.name) return *last_tenant_;
    const auto found = tenants_.find(tenant.name);
    if (found != tenants_.end()) return *(last_tenant_ = &found->second);
    const auto label = tenant_cap_(tenant.name);
    // Every tenant beyond the cap shares the cells of "other".
    auto shared = tenants_.find(label);
    if (shared == tenants_.end()) {
        shared = tenants_.emplace(label, Tenant{label, &tenant_ended_.cell({label})}).first;
    }
    if (label == tenant.name) last_tenant_ = &shared->second;
    return shared->second;
}

telemetry::Counter& JobMetrics::cell(std::map<std::string, telemetry::Counter*>& cache,
                                     telemetry::Family<telemetry::Counter>& family,
                                     const std::string& label) {
    auto& slot = cache[label];
    if (!slot) slot = &family.cell({label});
    return *slot;
}

void JobMetrics::job_accepted(const jobs::JobRecord& job) {
    cells_of(job).accepted[static_cast<std::size_t>(job.job_class)]->add();
    if (!log::enabled(log::Level::debug)) return;
    log::debug("job accepted job={} tenant={} capability={}@{} class={} priority={}", job.id.text(),
               job.tenant.name, job.capability, job.version,
               job.job_class == jobs::JobClass::durable ? "durable" : "interactive", job.priority);
}

void JobMetrics::job_started(const jobs::JobRecord& job, const std::string& worker,
                             std::chrono::nanoseconds waited) {
    if (job.attempt <= 1) cells_of(job).wait->observe(seconds(waited));
    if (!log::enabled(log::Level::debug)) return;
    log::debug("job started job={} tenant={} worker={} capability={}@{} attempt={}", job.id.text(),
               job.tenant.name, worker, job.capability, job.version, job.attempt);
}

void JobMetrics::job_requeued(const jobs::JobRecord& job, const std::string& reason) {
    cells_of(job).requeued->add();
    log::warn("job runs again job={} tenant={} worker={} capability={}@{} attempt={} reason={}",
              job.id.text(), job.tenant.name,
              job.attempts.empty() ? "" : job.attempts.back().worker, job.capability, job.version,
              job.attempt, reason);
}

void JobMetrics::job_ended(const jobs::JobRecord& job, std::chrono::nanoseconds ran) {
    auto& cells = cells_of(job);
    if (auto* counter = cells.ended[static_cast<std::size_t>(job.state)]) counter->add();
    const double run = seconds(ran);
    if (!job.attempts.empty()) cells.run->observe(run);
    tenant_of(job.tenant).ended->add();
    if (!log::enabled(log::Level::info)) return;
    // One line for every job, put together by hand in memory that stays.
    const auto ran_ms = std::chrono::duration_cast<std::chrono::milliseconds>(ran).count();
    std::string& line = line_;
    line.assign("job ended job=").append(job.id.text()).append(" tenant=").append(job.tenant.name);
    line.append(" worker=");
    if (!job.attempts.empty()) line.append(job.attempts.back().worker);
    line.append(" capability=").append(job.capability).append("@").append(job.version);
    line.append(" state=").append(jobs::to_string(job.state));
    fmt::format_to(std::back_inserter(line), FMT_COMPILE(" attempt={} run_s={}.{:03}"), job.attempt,
                   ran_ms / 1000, ran_ms % 1000);
    if (job.error) line.append(" code=").append(job.error->code);
    log::write(log::Level::info, line);
}

void JobMetrics::refused(const std::string& capability, ErrorCode code) {
    cell(refusals_, refused_, std::string(to_string(code))).add();
    log::debug("job refused capability={} code={}", capability, to_string(code));
}

void JobMetrics::late_result(const JobId& job, const std::string& worker) {
    late_.add();
    log::warn("late result refused job={} worker={}", job.text(), worker);
}

void JobMetrics::worker_attached(const WorkerId& id, const std::string& name) {
    attached_.add();
    log::info("worker attached worker={} id={}", name, id.text());
}

void JobMetrics::worker_lost(const WorkerId& id, const std::string& name,
                             const std::string& reason) {
    lost_.add();
    if (stopping_)
        log::debug("worker stopped worker={} id={}", name, id.text());
    else
        log::warn("worker lost worker={} id={} reason={}", name, id.text(), reason);
}

void JobMetrics::cancel_sent(const jobs::JobRecord& job) {
    cancels_.add();
    log::debug("cancel sent job={} tenant={} capability={}@{}", job.id.text(), job.tenant.name,
               job.capability, job.version);
}

}  // namespace headrace::main
