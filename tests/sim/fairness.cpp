#include "fairness.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "catalog/version.hpp"
#include "jobs/core.hpp"
#include "jobs/observer.hpp"
#include "random.hpp"
#include "stores/memory/memory_job_log.hpp"

namespace headrace::sim {
namespace {

using namespace jobs;  // NOLINT

constexpr std::uint32_t kTenants = 3;
constexpr std::uint32_t kJobs = 60;  // of each tenant

/// A worker that takes what it is given, for as long as the job says.
class Slot final : public WorkerPort {
  public:
    void lease(std::vector<GrantBatch> batches) override {
        for (GrantBatch& batch : batches) {
            for (Grant& grant : batch.grants) grants.push_back(std::move(grant));
        }
    }
    void cancel(JobId, Fence, CancelReason) override {}
    void input(JobId, Fence, std::string, bool) override {}
    void output_taken(JobId, Fence, std::uint64_t) override {}
    void drain(bool) override {}
    void kill(std::string) override {}
    WorkerId id;
    std::vector<Grant> grants;
};

struct Contest {
    explicit Contest(std::uint64_t seed) : random(seed), ids(time, seed) {
        auto made = std::make_shared<catalog::Version>();
        made->id.value = 1;
        made->tenant = TenantId("system");
        made->name = "echo";
        version = made;
    }

    void submit(std::uint32_t tenant) {
        Submission submission;
        submission.tenant = TenantId("t" + std::to_string(tenant));
        submission.version = version;
        submission.job_class = JobClass::interactive;
        submission.priority = static_cast<std::uint8_t>(random.below(10));
        submission.input.values = std::to_string(1 + random.below(longest[tenant]));
        core.submit(std::move(submission), [](Result<Accepted>) {});
        ++waiting[tenant];
    }

    void start_granted() {
        for (const auto& slot : slots) {
            for (Grant& grant : std::exchange(slot->grants, {})) {
                const auto tenant = static_cast<std::uint32_t>(grant.tenant.name[1] - '0');
                --waiting[tenant];
                const std::uint32_t ms =
                    static_cast<std::uint32_t>(std::stoul(grant.input->values));
                got[tenant] += ms;
                time.after(milliseconds(ms), [this, slot, id = grant.job, fence = grant.fence] {
                    core.heartbeat(slot->id);
                    (void)core.complete(slot->id, id, fence, {});
                    core.credit(slot->id, std::vector<std::uint32_t>{0}, 1);
                });
            }
        }
    }

    Random random;
    stores::VirtualTime time;
    IdSource ids;
    stores::MemoryDisk disk;
    stores::MemoryJobLog log{disk, time};
    CoreObserver observer;
    Core core{Settings{}, time, ids, log, observer};
    VersionPtr version;
    std::vector<std::shared_ptr<Slot>> slots;
    std::uint32_t longest[kTenants] = {};
    std::uint32_t waiting[kTenants] = {};
    std::uint64_t got[kTenants] = {};  // ms of slot time
};

}  // namespace

std::optional<std::string> run_fairness(std::uint64_t seed) {
    Contest contest(seed);
    std::uint32_t longest = 0;
    for (auto& each : contest.longest) {
        each = 1 + contest.random.below(200);
        longest = std::max(longest, each);
    }
    const std::uint32_t workers = 1 + contest.random.below(3);
    for (std::uint32_t i = 0; i < workers; ++i) {
        auto slot = std::make_shared<Slot>();
        WorkerProfile profile;
        profile.versions = {contest.version};
        slot->id = contest.core.attach(std::move(profile), slot);
        contest.core.credit(slot->id, std::vector<std::uint32_t>{0}, 1);
        contest.slots.push_back(std::move(slot));
    }
    const std::uint32_t late_after = contest.random.below(kJobs);  // jobs of the others
    for (std::uint32_t i = 0; i < kJobs; ++i) {
        for (std::uint32_t tenant = 0; tenant + 1 < kTenants; ++tenant) contest.submit(tenant);
    }
    // Both were estimated and corrected while they ran: a few of the longest jobs may lie between
    // them.
    const std::uint64_t most = longest * (2 * workers + 2) + 100;
    std::uint64_t base[kTenants] = {};
    bool late_is_there = false;
    contest.start_granted();
    while (contest.time.step()) {
        contest.start_granted();
        if (!late_is_there && contest.waiting[0] + contest.waiting[1] < 2 * kJobs - late_after) {
            late_is_there = true;
            for (std::uint32_t i = 0; i < kJobs / 2; ++i) contest.submit(kTenants - 1);
            std::copy(std::begin(contest.got), std::end(contest.got), std::begin(base));
        }
        for (std::uint32_t a = 0; a < kTenants; ++a) {
            for (std::uint32_t b = 0; b < kTenants; ++b) {
                if (contest.waiting[a] == 0 || contest.waiting[b] == 0) continue;
                const bool late = a == kTenants - 1 || b == kTenants - 1;
                const std::uint64_t of_a = contest.got[a] - (late ? base[a] : 0);
                const std::uint64_t of_b = contest.got[b] - (late ? base[b] : 0);
                if (of_a <= of_b + most) continue;
                return fmt::format(
                    "tenant {} got {} ms of slots and tenant {}, which waited too, {} ms", a, of_a,
                    b, of_b);
            }
        }
    }
    return std::nullopt;
}

}  // namespace headrace::sim
