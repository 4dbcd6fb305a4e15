#pragma once

#include <span>
#include <string>
#include <vector>

#include "access/principal.hpp"
#include "jobs/activity.hpp"
#include "jobs/samples.hpp"
#include "jobs/worker_port.hpp"
#include "protocols/native/parts.hpp"

/// What the status page is told, as JSON. All of it is of one tenant, or of the whole server for a
/// system admin.
namespace headrace::protocols::native {

/// What one look at the core brings back.
struct StatusView {
    std::vector<jobs::TenantLoad> load;
    std::vector<jobs::QueueView> queues;
    std::vector<jobs::WorkerView> workers;
    std::vector<jobs::FlowView> flows;
    jobs::JobTotals totals;
    std::vector<jobs::Sample> last;  // none before the first step
};

/// The tenant whose jobs `who` sees here, or null for those of all.
const TenantId* seen_tenant(const access::Principal& who);

/// The whole answer of GET /status.
std::string status_text(const StatusView& view, const ServerFacts& server,
                        const access::Principal& who, WallMs now);
/// The whole answer of GET /status/series.
std::string series_text(std::span<const jobs::Sample> samples, bool with_process, WallMs end);
/// The data of a `sample` event. `last` may be empty.
std::string sample_text(std::span<const jobs::Sample> last, bool with_process,
                        const std::string& totals, WallMs now);
/// {"queued","running","accepted",…}.
std::string totals_text(const jobs::JobTotals& totals, std::span<const jobs::TenantLoad> load,
                        const access::Principal& who);
/// The data of a `job` event.
std::string change_text(const jobs::StateChange& change);

}  // namespace headrace::protocols::native
