// WorkerLink: leases and inputs on their way to the worker.
#include <algorithm>

#include <google/protobuf/arena.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "jobs/blob_io.hpp"
#include "workers/hub/worker_link.hpp"

namespace headrace::workers::hub {
namespace {

constexpr std::size_t kMostInFrame = 512 * 1024;  // bytes of values in one lease frame

}  // namespace

/// Values that were spilled and have media must be rewritten before they go, so they are loaded
/// first.
bool WorkerLink::needs_loading(const jobs::GrantBatch& batch) {
    return std::ranges::any_of(batch.grants, [](const jobs::Grant& grant) {
        return grant.input->spilled && !grant.input->media.empty();
    });
}

std::uint32_t WorkerLink::offer_of(const jobs::GrantBatch& batch) const {
    const auto same = [&batch](const auto& version) { return version->id == batch.version->id; };
    const auto found = std::ranges::find_if(versions_, same);
    return static_cast<std::uint32_t>(found - versions_.begin());
}

void WorkerLink::lease(std::vector<jobs::GrantBatch> batches) {
    std::vector<jobs::GrantBatch> now;
    for (auto& batch : batches) {
        if (replay_) credit_.take(offer_of(batch));
        for (const auto& grant : batch.grants) {
            leases_[grant.job] =
                std::make_shared<HeldLease>(grant, batch.version, context_.settings);
        }
        if (needs_loading(batch)) {
            context_.tasks.spawn("load input", load_and_send(shared_from_this(), std::move(batch)));
        } else {
            now.push_back(std::move(batch));
        }
    }
    if (!now.empty()) send_batches(std::move(now));
}

void WorkerLink::send_batches(std::vector<jobs::GrantBatch> batches) {
    std::size_t next = 0;
    while (next < batches.size()) {
        google::protobuf::Arena arena;  // up to 64 jobs of some ten objects each
        auto& frame = *google::protobuf::Arena::CreateMessage<wire::Frame>(&arena);
        std::size_t jobs = 0;
        std::size_t bytes = 0;
        const std::size_t first = next;
        while (next < batches.size()) {
            const auto& batch = batches[next];
            std::size_t size = 0;
            for (const auto& grant : batch.grants) size += grant.input->values.size();
            const bool full =
                jobs + batch.grants.size() > link::kMaxJobsPerFrame || bytes + size > kMostInFrame;
            if (full && next > first) break;
            fill_batch(batch, {}, *frame.mutable_lease()->add_batches());
            jobs += batch.grants.size();
            bytes += size;
            ++next;
        }
        send(frame);
        for (std::size_t i = first; i < next; ++i) sent(batches[i]);
    }
}

void WorkerLink::fill_batch(const jobs::GrantBatch& batch, std::span<const std::string> loaded,
                            wire::Batch& to) {
    to.set_offer(offer_of(batch));
    std::size_t inline_left = kMostInFrame;
    for (std::size_t i = 0; i < batch.grants.size(); ++i) {
        const auto& grant = batch.grants[i];
        const auto lease = find(grant.job, grant.fence);
        if (!lease) continue;
        const bool is_loaded = i < loaded.size() && !loaded[i].empty();
        const std::string_view values = is_loaded ? loaded[i] : grant.input->values;
        auto written = write_job(grant, values, inline_left, *lease, *to.add_jobs());
        if (written) continue;
        to.mutable_jobs()->RemoveLast();
        // Inside the core: it is told later.
        context_.loop.post([self = shared_from_this(), lease, error = written.error()]() mutable {
            self->input_failed(lease, std::move(error));
        });
    }
}

void WorkerLink::sent(const jobs::GrantBatch& batch) {
    for (const auto& grant : batch.grants) {
        const auto lease = find(grant.job, grant.fence);
        if (!lease) continue;
        lease->sent = true;
        if (lease->cancelled) send_cancel(*lease);
        if (lease->input && !lease->input->parts.empty()) {
            context_.tasks.spawn("send input", feed(shared_from_this(), lease));
        } else if (lease->input) {
            send_steps(*lease);
        }
    }
}

asio::awaitable<void> WorkerLink::load_and_send([[maybe_unused]] Self self,
                                                jobs::GrantBatch batch) {
    std::vector<std::string> loaded;
    for (const auto& grant : batch.grants) {
        loaded.emplace_back();
        if (!grant.input->spilled || grant.input->media.empty()) continue;
        auto values = co_await jobs::load_bytes(context_.blobs, grant.tenant, *grant.input->spilled,
                                                context_.settings.most_values);
        if (values) {
            loaded.back() = std::move(*values);
        } else if (const auto lease = find(grant.job, grant.fence)) {
            input_failed(lease, std::move(values).error());
        }
    }
    wire::Frame frame;
    auto* to = frame.mutable_lease()->add_batches();
    fill_batch(batch, loaded, *to);
    if (finished_ || to->jobs_size() == 0) co_return;
    send(frame);
    sent(batch);
}

asio::awaitable<void> WorkerLink::feed([[maybe_unused]] Self self, LeasePtr lease) {
    Result<void> fed;
    while (fed && !lease->ended && !lease->input->parts.empty()) {
        // It stays at the front until it is through: steps wait for that.
        InputPart& part = lease->input->parts.front();
        if (auto* bytes = std::get_if<std::string>(&part.content)) {
            std::string all = std::move(*bytes);
            fed = co_await feed_bytes(lease, part.number, std::move(all));
        } else {
            const jobs::BlobRef blob = std::get<jobs::BlobRef>(part.content);
            fed = co_await feed_blob(lease, part.number, blob);
        }
        lease->input->parts.pop_front();
    }
    if (!fed)
        input_failed(lease, std::move(fed).error());
    else if (!lease->ended)
        send_steps(*lease);
}

asio::awaitable<Result<void>> WorkerLink::feed_bytes(LeasePtr lease, std::uint32_t number,
                                                     std::string bytes) {
    std::string_view rest = bytes;
    do {
        const bool room = co_await wait_room(lease);
        if (!room) break;
        const auto piece = rest.substr(0, link::kMaxChunk);
        rest.remove_prefix(piece.size());
        send_chunk(*lease, number, piece, rest.empty());
    } while (!rest.empty());
    co_return Result<void>{};
}

asio::awaitable<Result<void>> WorkerLink::feed_blob(LeasePtr lease, std::uint32_t number,
                                                    jobs::BlobRef blob) {
    auto source = co_await jobs::open_blob(context_.blobs, lease->tenant, blob);
    if (!source) co_return fail(std::move(source).error());
    std::uint64_t at = 0;
    do {
        const bool room = co_await wait_room(lease);
        if (!room) break;
        auto piece = co_await jobs::read_piece(**source, at, link::kMaxChunk);
        if (!piece) co_return fail(std::move(piece).error());
        at += piece->size();
        if (lease->ended) break;
        if (piece->empty() && at < blob.size)
            co_return fail(ErrorCode::internal, "a stored input is cut short");
        send_chunk(*lease, number, *piece, at >= blob.size);
    } while (at < blob.size);
    co_return Result<void>{};
}

/// False when the lease has ended meanwhile.
asio::awaitable<bool> WorkerLink::wait_room(LeasePtr lease) {
    while (!lease->ended && !lease->to_worker.open()) {
        auto timer = std::make_shared<asio::steady_timer>(context_.loop.io(),
                                                          asio::steady_timer::time_point::max());
        lease->input->when_room = [timer] { timer->cancel(); };
        boost::system::error_code ignored;
        co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return !lease->ended;
}

void WorkerLink::send_chunk(HeldLease& lease, std::uint32_t number, std::string_view data,
                            bool last) {
    lease.to_worker.spend(data.size());
    lease.input->chunk_bytes += data.size();
    wire::Frame frame;
    write_ref(lease.job, lease.fence, *frame.mutable_input()->mutable_ref());
    auto* chunk = frame.mutable_input()->mutable_chunk();
    chunk->set_part(number);
    chunk->set_data(data.data(), data.size());
    chunk->set_last(last);
    send(frame);
}

void WorkerLink::input(JobId job, jobs::Fence fence, std::string values, bool last) {
    const auto lease = find(job, fence);
    if (!lease) return;
    if (!lease->input) lease->input = std::make_unique<InputFlow>();
    lease->input->steps.push_back({std::move(values), last});
    send_steps(*lease);
}

void WorkerLink::send_steps(HeldLease& lease) {
    InputFlow& flow = *lease.input;
    while (lease.sent && flow.parts.empty() && !flow.steps.empty()) {
        // The end of the input weighs nothing, so it need not wait for room.
        if (!lease.to_worker.open() && !flow.steps.front().values.empty()) return;
        InputFlow::Step step = std::move(flow.steps.front());
        flow.steps.pop_front();
        lease.to_worker.spend(step.values.size());
        wire::Frame frame;
        write_ref(lease.job, lease.fence, *frame.mutable_input()->mutable_ref());
        auto* to = frame.mutable_input()->mutable_step();
        to->set_seq(flow.steps_sent++);
        to->set_values(std::move(step.values));
        to->set_last(step.last);
        send(frame);
    }
}

void WorkerLink::cancel(JobId job, jobs::Fence fence, jobs::CancelReason reason) {
    const auto lease = find(job, fence);
    if (!lease) return;
    lease->cancelled = reason;
    if (lease->sent) send_cancel(*lease);
}

void WorkerLink::send_cancel(const HeldLease& lease) {
    wire::Frame frame;
    write_ref(lease.job, lease.fence, *frame.mutable_cancel()->add_refs());
    frame.mutable_cancel()->set_reason(std::string(jobs::to_string(*lease.cancelled)));
    send(frame);
}

void WorkerLink::output_taken(JobId job, jobs::Fence fence, std::uint64_t bytes) {
    const auto lease = find(job, fence);
    // Of a job that is no session, steps were given back when they came.
    if (lease && lease->session) give_back(*lease, bytes, true);
}

void WorkerLink::drain(bool remove) {
    wire::Frame frame;
    frame.mutable_drain()->set_reason(remove ? "removed" : "drained");
    send(frame);
}

void WorkerLink::kill(std::string reason) {
    log::warn("worker is ended worker={} reason={}", name_, reason);
    if (origin_.is_local()) return origin_.kill(std::move(reason));
    wire::Frame frame;
    frame.mutable_kill()->set_reason(reason);
    send(frame);
    context_.loop.post([self = shared_from_this(), reason] { self->finish(reason); });
}

void WorkerLink::input_failed(const LeasePtr& lease, Error error) {
    if (lease->ended) return;
    log::warn("input cannot be read job={} tenant={} reason={}", lease->job.text(),
              lease->tenant.name, error.message);
    const bool passing = error.code == ErrorCode::unavailable;
    Error shown{passing ? ErrorCode::unavailable : ErrorCode::internal,
                "the stored input of the job cannot be read",
                {},
                0};
    fail_job(lease, std::move(shown), {}, true);
}

}  // namespace headrace::workers::hub
