#include "main/limit_charges.hpp"

#include "access/keys.hpp"
#include "access/limits.hpp"
#include "catalog/catalog.hpp"
#include "jobs/tokens.hpp"

namespace headrace::main {

void LimitCharges::job_ended(const jobs::JobRecord& job, std::chrono::nanoseconds ran) {
    next_.job_ended(job, ran);
    if (!parts_ || job.job_class != jobs::JobClass::durable) return;
    if (parts_->limiter.subjects() == 0) return;
    const auto tokens = jobs::tokens_of(job.usage);
    const auto who = tokens == 0 ? nullptr : parts_->keys.whose(job.caller);
    if (!who || who->tenant != job.tenant) return;
    const auto version = parts_->catalog.snapshot()->find(job.tenant, job.capability, job.version);
    parts_->limiter.charge(*who, version ? version->model : job.capability, tokens);
}

}  // namespace headrace::main
