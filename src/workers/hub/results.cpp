// WorkerLink: outputs and ends on their way back from the worker.
#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "base/log.hpp"
#include "catalog/validator.hpp"
#include "jobs/blob_io.hpp"
#include "workers/hub/output_intake.hpp"
#include "workers/hub/worker_link.hpp"

namespace headrace::workers::hub {
namespace {

constexpr std::size_t kMostMessage = 4'096;

template <class Reply>
jobs::Usage usage_of(const Reply& reply) {
    jobs::Usage usage;
    usage.engine_us = reply.engine_us();
    for (const auto& meter : reply.meters()) {
        if (meter.name().size() <= link::kMaxName)
            usage.meters.push_back({meter.name(), meter.value()});
    }
    return usage;
}

/// An engine that breaks its own interface: the message names the fields, never what they held.
Error bad_output(const Error& found) {
    std::string message = "the engine's output is not as declared";
    for (std::size_t i = 0; i < std::min<std::size_t>(found.violations.size(), 3); ++i) {
        const auto& violation = found.violations[i];
        message += fmt::format("{} {} {}{}{}", i == 0 ? ":" : ",", violation.path, violation.rule,
                               violation.limit.empty() ? "" : " ", violation.limit);
    }
    if (found.violations.empty()) message += ": " + found.message;
    return {ErrorCode::engine_failed, std::move(message), {}, 0};
}

bool has_media(const catalog::Values& values) {
    bool found = false;
    catalog::for_each_media(values, [&](std::string_view, const catalog::Media&) { found = true; });
    return found;
}

bool all_inline(const catalog::Values& values) {
    bool all = true;
    catalog::for_each_media(values, [&](std::string_view, const catalog::Media& media) {
        all = all && std::holds_alternative<catalog::InlineBytes>(media.source);
    });
    return all;
}

}  // namespace

void WorkerLink::on_output(wire::Output& output) {
    const auto lease = find(output.ref());
    if (!lease || lease->concluding) return refuse(output.ref(), "no such lease");
    const auto bytes =
        output.has_step() ? output.step().values().size() : output.chunk().data().size();
    if (!lease->from_worker.receive(bytes)) return violation("more output than its window holds");
    if (output.has_step())
        on_step(lease, *output.mutable_step());
    else
        on_chunk(lease, *output.mutable_chunk());
}

void WorkerLink::on_step(const LeasePtr& lease, wire::Step& step) {
    const std::size_t bytes = step.values().size();
    auto values = catalog::decode(step.values());
    if (!values) return fail_job(lease, bad_output(values.error()), {}, true);
    auto sound = lease->version->validator->check(catalog::Side::output, *values,
                                                  catalog::Completeness::step);
    if (!sound) return fail_job(lease, bad_output(sound.error()), {}, true);
    if (!all_inline(*values)) {
        return fail_job(lease, {ErrorCode::engine_failed, "media of a step must be inline", {}, 0},
                        {}, true);
    }
    jobs::OutputEvent event{std::move(*step.mutable_values()), step.last()};
    if (!context_.core.output(id_, lease->job, lease->fence, std::move(event))) {
        wire::JobRef ref;
        write_ref(lease->job, lease->fence, ref);
        return refuse(ref, "the lease is over");
    }
    if (!lease->session) give_back(*lease, bytes, false);
}

void WorkerLink::on_chunk(const LeasePtr& lease, wire::Chunk& chunk) {
    if (!context_.core.holds(id_, lease->job, lease->fence)) {
        // Cancelled or timed out: what it still sends is taken and thrown away.
        return give_back(*lease, chunk.data().size(), chunk.last());
    }
    context_.core.heartbeat(id_);
    if (!lease->output) {
        lease->output =
            std::make_unique<OutputIntake>(context_.settings, context_.blobs, lease->tenant);
    }
    auto added = lease->output->add(chunk.part(), std::move(*chunk.mutable_data()), chunk.last());
    if (!added) return fail_job(lease, std::move(added).error(), {}, true);
    if (lease->output->needs_writer()) {
        context_.tasks.spawn("store output", store_chunks(shared_from_this(), lease));
    }
}

asio::awaitable<void> WorkerLink::store_chunks([[maybe_unused]] Self self, LeasePtr lease) {
    auto consumed = [this, held = lease.get()](std::uint64_t bytes) {
        if (!held->ended) give_back(*held, bytes, false);
    };
    co_await lease->output->write_all(std::move(consumed));
    if (lease->owed > 0 && !lease->ended) give_back(*lease, 0, true);
    if (lease->when_stored)
        std::exchange(lease->when_stored, nullptr)();
    else if (lease->output->error() && !lease->ended)
        fail_job(lease, *lease->output->error(), {}, true);
}

void WorkerLink::give_back(HeldLease& lease, std::uint64_t bytes, bool now) {
    lease.from_worker.consume(bytes);
    lease.owed += bytes;
    if (lease.owed == 0 || (!now && lease.owed < context_.settings.window / 4)) return;
    wire::Frame frame;
    write_ref(lease.job, lease.fence, *frame.mutable_window()->mutable_ref());
    frame.mutable_window()->set_bytes(std::exchange(lease.owed, 0));
    send(frame);
}

void WorkerLink::on_result(wire::JobResult& result) {
    const auto lease = find(result.ref());
    if (!lease || lease->concluding) return refuse(result.ref(), "no such lease");
    jobs::Usage usage = usage_of(result);
    if (lease->cancelled) {
        // Whatever it made, nobody wants it; the core only learns that it has stopped.
        leases_.erase(lease->job);
        end_lease(*lease);
        jobs::Completion stopped;
        stopped.usage = std::move(usage);
        (void)context_.core.complete(id_, lease->job, lease->fence, std::move(stopped));
        return;
    }
    const bool simple = !lease->output && result.values_size() == 0 &&
                        result.values().size() <= jobs::Payload::kInlineBytes;
    if (simple) {
        auto values = catalog::decode(result.values());
        if (!values) return fail_job(lease, bad_output(values.error()), std::move(usage), false);
        if (!has_media(*values)) {
            const auto whole =
                lease->session ? catalog::Completeness::step : catalog::Completeness::whole;
            auto sound = lease->version->validator->check(catalog::Side::output, *values, whole);
            if (!sound) return fail_job(lease, bad_output(sound.error()), std::move(usage), false);
            leases_.erase(lease->job);
            end_lease(*lease);
            jobs::Completion completion;
            completion.output.values = std::move(*result.mutable_values());
            completion.usage = std::move(usage);
            if (!context_.core.complete(id_, lease->job, lease->fence, std::move(completion))) {
                refuse(result.ref(), "the lease is over");
            }
            return;
        }
    }
    lease->concluding = true;
    auto task = [this, lease, values = std::move(*result.mutable_values()),
                 size = result.values_size(), usage = std::move(usage)]() mutable {
        context_.tasks.spawn("store result", conclude(shared_from_this(), lease, std::move(values),
                                                      size, std::move(usage)));
    };
    if (lease->output && !lease->output->idle())
        lease->when_stored = std::move(task);
    else
        task();
}

void WorkerLink::on_failure(wire::JobFailure& failure) {
    const auto lease = find(failure.ref());
    if (!lease || lease->concluding) return refuse(failure.ref(), "no such lease");
    leases_.erase(lease->job);
    end_lease(*lease);
    jobs::JobError error;
    error.code = failure.code();
    error.message = std::move(*failure.mutable_message());
    if (error.message.size() > kMostMessage) error.message = "the engine failed";
    error.retryable = failure.retryable();
    const auto& declared = lease->version->interface().errors;
    const auto known = std::ranges::find(declared, error.code, &catalog::ErrorSpec::code);
    if (known != declared.end())
        error.retryable = error.retryable || known->retryable;
    else if (to_string(error_code_from(error.code)) != error.code)
        error.code = "engine_failed";
    if (!context_.core.fail(id_, lease->job, lease->fence, std::move(error), usage_of(failure)) &&
        !lease->cancelled) {
        refuse(failure.ref(), "the lease is over");
    }
}

asio::awaitable<void> WorkerLink::conclude([[maybe_unused]] Self self, LeasePtr lease,
                                           std::string values, std::uint64_t values_size,
                                           jobs::Usage usage) {
    Result<jobs::Completion> completion =
        fail(ErrorCode::unavailable, "the output could not be stored");
    try {
        completion = co_await complete_output(lease, std::move(values), values_size);
    } catch (const std::exception& error) {
        // Whatever it was, the job must not stay at a worker that has done its part.
        log::error("an output was not stored job={} error={}", lease->job.text(), error.what());
    }
    if (lease->ended) co_return;
    if (!completion) {
        fail_job(lease, std::move(completion).error(), std::move(usage), false);
        co_return;
    }
    completion->usage = std::move(usage);
    leases_.erase(lease->job);
    end_lease(*lease);
    (void)context_.core.complete(id_, lease->job, lease->fence, std::move(*completion));
}

asio::awaitable<Result<jobs::Completion>> WorkerLink::complete_output(LeasePtr lease,
                                                                      std::string bytes,
                                                                      std::uint64_t size) {
    if (lease->output && lease->output->error()) co_return fail(*lease->output->error());
    if (size > 0) {
        auto large = lease->output ? lease->output->take_values(size) : std::nullopt;
        if (!large)
            co_return fail(ErrorCode::engine_failed, "the output's values did not come whole");
        bytes = std::move(*large);
    }
    auto values = catalog::decode(bytes);
    if (!values) co_return fail(bad_output(values.error()));
    const auto whole = lease->session ? catalog::Completeness::step : catalog::Completeness::whole;
    auto sound = lease->version->validator->check(catalog::Side::output, *values, whole);
    if (!sound) co_return fail(bad_output(sound.error()));
    std::vector<std::pair<std::string, catalog::Media*>> media;
    catalog::for_each_media(*values, [&media](std::string_view field, catalog::Media& one) {
        media.emplace_back(field, &one);
    });
    jobs::Completion completion;
    for (auto& [field, one] : media) {
        auto file = co_await store_media(lease, field, *one);
        if (!file) co_return fail(std::move(file).error());
        completion.output.media.push_back(file->blob);
        completion.files.push_back(std::move(*file));
    }
    if (!media.empty()) bytes = catalog::encode(*values);
    if (bytes.size() > jobs::Payload::kInlineBytes) {
        auto spilled = co_await jobs::store_bytes(context_.blobs, lease->tenant, std::move(bytes));
        if (!spilled) co_return fail(std::move(spilled).error());
        completion.output.spilled = *spilled;
    } else {
        completion.output.values = std::move(bytes);
    }
    co_return completion;
}

/// Stores one media value of an output as a file and makes the value refer to it.
asio::awaitable<Result<jobs::FileRecord>> WorkerLink::store_media(LeasePtr lease, std::string field,
                                                                  catalog::Media& media) {
    Result<jobs::BlobRef> blob =
        fail(ErrorCode::engine_failed, fmt::format("output.{}: its content did not come", field));
    if (const auto* part = std::get_if<catalog::PartSource>(&media.source)) {
        const auto stored = lease->output ? lease->output->media(part->part) : std::nullopt;
        if (stored) blob = *stored;
    } else if (auto* held = std::get_if<catalog::InlineBytes>(&media.source)) {
        std::string bytes = std::move(held->bytes);
        blob = co_await jobs::store_bytes(context_.blobs, lease->tenant, std::move(bytes));
    }
    if (!blob) co_return fail(std::move(blob).error());
    jobs::FileRecord file;
    file.id = context_.ids.make<FileId>();
    file.tenant = lease->tenant;
    file.owner = lease->caller;
    file.blob = *blob;
    file.content_type = media.content_type;
    file.name = media.name;
    file.created_at = context_.clock.wall();
    file.expires_at = file.created_at + context_.settings.file_time.count();
    file.job = lease->job;
    media.size = blob->size;
    media.source = catalog::FileSource{file.id.text()};
    co_return file;
}

void WorkerLink::fail_job(const LeasePtr& lease, Error error, jobs::Usage usage, bool tell_worker) {
    if (lease->ended) return;
    leases_.erase(lease->job);
    end_lease(*lease);
    log::info("job failed at the hub job={} tenant={} worker={} reason={}", lease->job.text(),
              lease->tenant.name, name_, error.message);
    if (tell_worker) {
        lease->cancelled = jobs::CancelReason::lost;
        if (lease->sent) send_cancel(*lease);
    }
    jobs::JobError shown;
    shown.code = std::string(to_string(error.code));
    shown.message = std::move(error.message);
    shown.retryable = error.code == ErrorCode::unavailable;
    (void)context_.core.fail(id_, lease->job, lease->fence, std::move(shown), std::move(usage));
}

}  // namespace headrace::workers::hub
