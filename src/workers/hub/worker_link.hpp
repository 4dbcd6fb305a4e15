#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/unique_function.hpp"
#include "jobs/worker_port.hpp"
#include "link/channel.hpp"
#include "link/credit_ledger.hpp"
#include "link/frame.pb.h"
#include "link/protocol.hpp"
#include "link/replay.hpp"
#include "workers/hub/context.hpp"
#include "workers/hub/lease.hpp"
#include "workers/hub/origin.hpp"

namespace headrace::workers::hub {

/// One worker that has said hello: the server's end of its link, and the core's port to it. Keeps
/// what the worker's leases need on the way (windows, chunks, caps); the jobs themselves are the
/// core's.
///
/// A local host's link lives as long as its process. An agent's may break and be resumed: the
/// object stays, the channel is exchanged. Belongs to the core's loop.
class WorkerLink final : public jobs::WorkerPort,
                         public link::ChannelReceiver,
                         public std::enable_shared_from_this<WorkerLink> {
  public:
    WorkerLink(Context& context, Origin origin, std::vector<jobs::VersionPtr> versions,
               UniqueFunction<void(WorkerLink&)> gone);
    ~WorkerLink() override;

    /// Makes the worker known to the core and answers its hello.
    void attach(std::unique_ptr<link::Channel> channel, const wire::Frame& hello);
    /// The same worker is back after a lost link. False when it cannot go on: then it is gone, and
    /// the channel is still the caller's.
    bool resume(std::unique_ptr<link::Channel>& channel, const wire::Frame& hello);
    /// A local host's process has ended.
    void process_ended(const std::string& reason);
    /// Closes the link; nothing is told to anybody.
    void close(std::string_view reason);

    [[nodiscard]] const WorkerId& id() const { return id_; }
    [[nodiscard]] const Origin& origin() const { return origin_; }
    /// True when the versions of this hello are the ones of the worker.
    [[nodiscard]] bool offers_same(std::span<const jobs::VersionPtr> versions) const;

    // jobs::WorkerPort; called inside the core.
    void lease(std::vector<jobs::GrantBatch> batches) override;
    void cancel(JobId job, jobs::Fence fence, jobs::CancelReason reason) override;
    void input(JobId job, jobs::Fence fence, std::string values, bool last) override;
    void output_taken(JobId job, jobs::Fence fence, std::uint64_t bytes) override;
    void drain(bool remove) override;
    void kill(std::string reason) override;

    // link::ChannelReceiver
    void on_frame(wire::Frame& frame, std::string_view bytes) override;
    void on_closed(const link::CloseReason& reason) override;

  private:
    using Self = std::shared_ptr<WorkerLink>;

    // worker_link.cpp: life and frames
    void dispatch(wire::Frame& frame);
    void on_credit(const wire::Credit& credit);
    void on_progress(wire::Progress& progress);
    void on_log(wire::Log& log);
    void on_window(const wire::Window& window);
    void send(const wire::Frame& frame);
    void refuse(const wire::JobRef& ref, std::string_view reason);
    void violation(const std::string& what);
    void finish(const std::string& reason);
    void lose_link(const std::string& why);
    void await_link(std::chrono::milliseconds time);
    wire::Frame welcome() const;
    std::vector<std::pair<JobId, jobs::Fence>> leases_under_way() const;
    LeasePtr find(const wire::JobRef& ref) const;
    LeasePtr find(const JobId& job, const jobs::Fence& fence) const;
    /// Nothing more is told about the lease.
    void end_lease(HeldLease& lease);

    // leasing.cpp: jobs and their input on the way to the worker
    [[nodiscard]] std::uint32_t offer_of(const jobs::GrantBatch& batch) const;
    [[nodiscard]] static bool needs_loading(const jobs::GrantBatch& batch);
    void send_batches(std::vector<jobs::GrantBatch> batches);
    void fill_batch(const jobs::GrantBatch& batch, std::span<const std::string> loaded,
                    wire::Batch& to);
    void sent(const jobs::GrantBatch& batch);
    asio::awaitable<void> load_and_send(Self self, jobs::GrantBatch batch);
    asio::awaitable<void> feed(Self self, LeasePtr lease);
    asio::awaitable<Result<void>> feed_bytes(LeasePtr lease, std::uint32_t number,
                                             std::string bytes);
    asio::awaitable<Result<void>> feed_blob(LeasePtr lease, std::uint32_t number,
                                            jobs::BlobRef blob);
    asio::awaitable<bool> wait_room(LeasePtr lease);
    void send_chunk(HeldLease& lease, std::uint32_t number, std::string_view data, bool last);
    void send_steps(HeldLease& lease);
    void send_cancel(const HeldLease& lease);
    void input_failed(const LeasePtr& lease, Error error);

    // results.cpp: outputs and ends on the way back
    void on_output(wire::Output& output);
    void on_step(const LeasePtr& lease, wire::Step& step);
    void on_chunk(const LeasePtr& lease, wire::Chunk& chunk);
    void on_result(wire::JobResult& result);
    void on_failure(wire::JobFailure& failure);
    asio::awaitable<void> store_chunks(Self self, LeasePtr lease);
    asio::awaitable<void> conclude(Self self, LeasePtr lease, std::string values,
                                   std::uint64_t values_size, jobs::Usage usage);
    asio::awaitable<Result<jobs::Completion>> complete_output(LeasePtr lease, std::string values,
                                                              std::uint64_t values_size);
    asio::awaitable<Result<jobs::FileRecord>> store_media(LeasePtr lease, std::string field,
                                                          catalog::Media& media);
    void give_back(HeldLease& lease, std::uint64_t bytes, bool now);
    /// The engine's own fault: the job fails, the worker is told to stop it.
    void fail_job(const LeasePtr& lease, Error error, jobs::Usage usage, bool tell_worker);

    Context& context_;
    Origin origin_;
    const std::vector<jobs::VersionPtr> versions_;
    UniqueFunction<void(WorkerLink&)> gone_;
    WorkerId id_;
    std::string name_;
    std::unique_ptr<link::Channel> channel_;  // null while the link is lost
    std::unique_ptr<link::Replay> replay_;    // of a worker that can resume its link
    link::CreditLedger credit_;               // kept for those that can resume
    link::ProtocolCheck check_{link::Speaker::worker};
    std::unordered_map<JobId, LeasePtr> leases_;
    std::vector<wire::Frame> deferred_;  // while the link is lost, or being resumed
    asio::steady_timer patience_;  // for the rest of an ended process's frames; for a lost link
    std::string ended_;            // how the local process ended
    bool deferring_ = false;
    bool ready_ = false;
    bool finished_ = false;
};

}  // namespace headrace::workers::hub
