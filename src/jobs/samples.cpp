#include "jobs/samples.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace headrace::jobs {

void JobTotals::add(const JobTotals& other) {
    accepted += other.accepted;
    for (std::size_t i = 0; i < ended.size(); ++i) ended[i] += other.ended[i];
    dead += other.dead;
}

std::uint64_t JobTotals::finished() const {
    return std::accumulate(ended.begin(), ended.end(), std::uint64_t{0});
}

Samples::Flow& Samples::flow_of(const JobRecord& job) {
    const Seen key{job.tenant.name, job.capability, job.version};
    if (job.version_id == 0) return find_flow(key);
    if (job.version_id >= seats_.size()) seats_.resize(job.version_id + 1);
    if (Seat& seat = seats_[job.version_id];
        seat.flow == nullptr || seat.tenant != job.tenant.name) {
        Flow& flow = find_flow(key);  // may empty all seats
        seats_[job.version_id] = {job.tenant.name, &flow};
    }
    Flow& flow = *seats_[job.version_id].flow;
    flow.active = step_;
    return flow;
}

Samples::Flow& Samples::find_flow(const Seen& key) {
    auto found = flows_.find(key);
    if (found == flows_.end()) {
        if (flows_.size() >= kFlows) {
            if (full_) return other_;
            // One that shows nothing any more gives way.
            const auto idle = std::find_if(flows_.begin(), flows_.end(), [this](const auto& each) {
                return each.second.active + kRateSteps < step_;
            });
            full_ = idle == flows_.end();
            if (full_) return other_;
            for (Seat& seat : seats_) {
                if (seat.flow == &idle->second) seat.flow = nullptr;
            }
            flows_.erase(idle);
        }
        const auto& [tenant, capability, version] = key;
        found = flows_.try_emplace(Key(tenant, capability, version)).first;
    }
    found->second.active = step_;
    return found->second;
}

void Samples::ended(const JobRecord& job, std::chrono::nanoseconds ran) {
    Flow& flow = flow_of(job);
    ++flow.totals.ended[static_cast<std::size_t>(job.state)];
    if (job.error && job.error->reason == "dead") ++flow.totals.dead;
    if (ran.count() > 0) flow.run.add(ran);
}

void Samples::Tally::take(const Flow& flow) {
    open.add(flow.totals);
    wait.merge(flow.wait);
    run.merge(flow.run);
}

void Samples::Tally::close(double seconds, ProcessLoad process) {
    const auto per_second = [seconds](std::uint64_t count) {
        return static_cast<float>(static_cast<double>(count) / seconds);
    };
    Sample sample;
    sample.accepted = per_second(open.accepted);
    sample.finished = per_second(open.finished());
    sample.failed = per_second(open.ended_as(JobState::failed) + open.ended_as(JobState::expired));
    sample.queued = static_cast<std::uint32_t>(queued);
    sample.running = static_cast<std::uint32_t>(running);
    sample.wait_p50 = static_cast<float>(wait.at_ms(0.5));
    sample.wait_p99 = static_cast<float>(wait.at_ms(0.99));
    sample.run_p50 = static_cast<float>(run.at_ms(0.5));
    sample.run_p99 = static_cast<float>(run.at_ms(0.99));
    sample.process = process;
    if (ring.empty()) ring.resize(kSteps);
    ring[steps++ % kSteps] = sample;
    before.add(open);
    open = {};
    wait.clear();
    run.clear();
    queued = running = 0;
}

Samples::Tally* Samples::tenant_of(const std::string& name) {
    const auto found = tenants_.find(name);
    if (found != tenants_.end()) return &found->second;
    if (tenants_.size() >= kTenants) {
        const auto idle = std::find_if(tenants_.begin(), tenants_.end(), [this](const auto& each) {
            return each.second.active + kSteps < step_;
        });
        if (idle == tenants_.end()) return nullptr;
        tenants_.erase(idle);
    }
    return &tenants_[name];
}

void Samples::close_step(std::chrono::nanoseconds took, std::span<const TenantLoad> load,
                         ProcessLoad process) {
    const std::size_t slot = step_ % kRateSteps;
    for (auto& [key, flow] : flows_) {
        all_.take(flow);
        const bool used = flow.totals.accepted + flow.totals.finished() + flow.wait.count() > 0;
        if (used) {
            flow.active = step_;
            if (Tally* tenant = tenant_of(std::get<0>(key))) {
                tenant->take(flow);
                tenant->active = step_;
            }
        }
        flow.minute[slot].ended = static_cast<std::uint32_t>(flow.totals.finished());
        flow.minute[slot].run = flow.run;
        flow.totals = {};
        flow.wait.clear();
        flow.run.clear();
    }
    all_.take(other_);
    other_.totals = {};
    other_.wait.clear();
    other_.run.clear();
    for (const TenantLoad& part : load) {
        all_.queued += part.queued;
        all_.running += part.running;
        if (part.queued + part.running == 0) continue;
        if (Tally* tenant = tenant_of(part.tenant.name)) {
            tenant->queued += part.queued;
            tenant->running += part.running;
            tenant->active = step_;
        }
    }
    const double seconds = std::max(std::chrono::duration<double>(took).count(), 0.001);
    all_.close(seconds, process);
    for (auto& [name, tenant] : tenants_) tenant.close(seconds, {});
    ++step_;
    if (!std::exchange(full_, false)) return;
    for (Seat& seat : seats_) {  // one of them may find room now
        if (seat.flow == &other_) seat.flow = nullptr;
    }
}

const Samples::Tally* Samples::tally(const TenantId* tenant) const {
    if (tenant == nullptr) return &all_;
    const auto found = tenants_.find(tenant->name);
    return found == tenants_.end() ? nullptr : &found->second;
}

std::vector<Sample> Samples::series(const TenantId* tenant, std::size_t count) const {
    // A tenant that came late has had nothing before: as many steps as the server has.
    std::vector<Sample> out(std::min({count, all_.steps, kSteps}));
    const Tally* of = tally(tenant);
    if (of == nullptr) return out;
    const std::size_t have = std::min({out.size(), of->steps, kSteps});
    for (std::size_t i = 0; i < have; ++i) {
        out[out.size() - have + i] = of->ring[(of->steps - have + i) % kSteps];
    }
    return out;
}

JobTotals Samples::totals(const TenantId* tenant) const {
    JobTotals out;
    if (const Tally* of = tally(tenant)) out = of->before;
    for (const auto& [key, flow] : flows_) {
        if (tenant == nullptr || std::get<0>(key) == tenant->name) out.add(flow.totals);
    }
    if (tenant == nullptr) out.add(other_.totals);
    return out;
}

std::vector<FlowView> Samples::flows(const TenantId* tenant) const {
    const auto steps = std::min<std::uint64_t>(step_, kRateSteps);
    const double seconds = static_cast<double>(std::max<std::uint64_t>(steps, 1)) *
                           std::chrono::duration<double>(kStep).count();
    struct Sum {
        std::uint64_t ended = 0;
        telemetry::LogHistogram run;
    };
    std::map<std::pair<std::string, std::string>, Sum> sums;
    for (const auto& [key, flow] : flows_) {
        const auto& [owner, capability, version] = key;
        if (tenant != nullptr && owner != tenant->name) continue;
        Sum& sum = sums[{capability, version}];
        for (const Minute& minute : flow.minute) {
            sum.ended += minute.ended;
            sum.run.merge(minute.run);
        }
    }
    std::vector<FlowView> out;
    for (const auto& [name, sum] : sums) {
        out.push_back({name.first, name.second, static_cast<double>(sum.ended) / seconds,
                       sum.run.at_ms(0.5), sum.run.at_ms(0.99)});
    }
    return out;
}

}  // namespace headrace::jobs
