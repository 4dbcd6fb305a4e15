#include "workers/hub/lease.hpp"

#include "catalog/values.hpp"
#include "link/frame.pb.h"
#include "workers/hub/output_intake.hpp"

namespace headrace::workers::hub {
namespace {

/// Media that lie in the blob store become parts of the link, numbered depth first.
Result<std::string> with_parts(std::string_view values, InputFlow& flow) {
    auto decoded = catalog::decode(values);
    if (!decoded) return fail(std::move(decoded).error());
    std::uint32_t number = 0;
    catalog::for_each_media(*decoded, [&](std::string_view, catalog::Media& media) {
        const auto* blob = std::get_if<catalog::BlobSource>(&media.source);
        if (blob == nullptr) return;
        flow.parts.push_back({++number, jobs::BlobRef{blob->digest, media.size}});
        media.source = catalog::PartSource{number};
    });
    return catalog::encode(*decoded);
}

}  // namespace

HeldLease::HeldLease(const jobs::Grant& grant, jobs::VersionPtr of, const Settings& settings)
    : job(grant.job),
      fence(grant.fence),
      tenant(grant.tenant),
      caller(grant.caller),
      version(std::move(of)),
      session(grant.session),
      to_worker(settings.window),
      from_worker(settings.window),
      progress(settings.progress_per_second),
      log(settings.log_lines_per_second) {}

HeldLease::~HeldLease() = default;

void write_ref(const JobId& job, const jobs::Fence& fence, wire::JobRef& to) {
    to.set_job(job.bytes.data(), job.bytes.size());
    to.set_epoch(fence.epoch);
    to.set_counter(fence.counter);
}

Result<void> write_job(const jobs::Grant& grant, std::string_view values, std::size_t& inline_left,
                       HeldLease& lease, wire::LeasedJob& to) {
    write_ref(grant.job, grant.fence, *to.mutable_ref());
    to.set_attempt(grant.attempt);
    if (grant.timeout_ms > 0) to.set_timeout_ms(static_cast<std::uint64_t>(grant.timeout_ms));
    to.set_traceparent(grant.traceparent);
    to.set_tenant(grant.tenant.name);
    to.set_stream(grant.session);
    to.set_stream_outputs(grant.wants_stream);
    std::string rewritten;
    if (!grant.input->media.empty()) {
        if (!lease.input) lease.input = std::make_unique<InputFlow>();
        auto made = with_parts(values, *lease.input);
        if (!made) return fail(std::move(made).error());
        rewritten = std::move(*made);
        values = rewritten;
        to.set_parts(static_cast<std::uint32_t>(lease.input->parts.size()));
    }
    if (values.empty() && grant.input->spilled) {
        // Goes from the store to the worker without a stop here.
        if (!lease.input) lease.input = std::make_unique<InputFlow>();
        to.set_values_size(grant.input->spilled->size);
        lease.input->parts.push_front({0, *grant.input->spilled});
    } else if (values.size() <= inline_left) {
        inline_left -= values.size();
        to.set_values(values.data(), values.size());
    } else {
        if (!lease.input) lease.input = std::make_unique<InputFlow>();
        to.set_values_size(values.size());
        lease.input->parts.push_front({0, std::string(values)});
    }
    return {};
}

}  // namespace headrace::workers::hub
