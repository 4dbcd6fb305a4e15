#pragma once
// Internal: a pool as the core sees it, a worker with slots.

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "catalog/version.hpp"
#include "jobs/submission.hpp"
#include "jobs/worker_port.hpp"
#include "upstreams/pool.hpp"
#include "upstreams/room.hpp"
#include "upstreams/running.hpp"
#include "upstreams/server.hpp"

namespace headrace::upstreams {

/// All servers of one model id of one tenant: one version of the catalog, one worker of the core.
/// Decides which server gets a leased job, and whether another one is tried.
class PoolWorker final : public jobs::WorkerPort, public std::enable_shared_from_this<PoolWorker> {
  public:
    PoolWorker(Room& room, catalog::VersionPtr version, std::string model, Kind kind,
               catalog::Profile profile);

    void add(const ServerPtr& server);
    void remove(const Server& server);
    [[nodiscard]] bool empty() const { return servers_.empty(); }

    /// Makes the pool known to the core and gives it credit.
    void attach();
    /// Drops what is under way and leaves the core.
    void detach(const std::string& reason);
    /// Its last server is gone: leaves the core once what is under way has ended.
    void retire();
    void heartbeat();
    /// Gives credit for what there is room for, and lets those that wait look again.
    void pump();
    /// Takes one more job where a server is free and nobody in the pool can use it. Call now and
    /// then.
    void offer_idle(SteadyTime now);
    /// Ends calls that have taken longer than their total time.
    void watch_times(SteadyTime now);
    [[nodiscard]] Result<ServerPtr> next_server() const;

    [[nodiscard]] const std::string& model() const { return model_; }
    [[nodiscard]] const catalog::VersionPtr& version() const { return version_; }
    [[nodiscard]] const WorkerId& id() const { return id_; }
    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] catalog::Profile profile() const { return profile_; }
    [[nodiscard]] std::vector<ServerPtr> servers() const { return servers_; }

    // jobs::WorkerPort; called inside the core.
    void lease(std::vector<jobs::GrantBatch> batches) override;
    void cancel(JobId job, jobs::Fence fence, jobs::CancelReason reason) override;
    void input(JobId, jobs::Fence, std::string, bool) override {}
    void output_taken(JobId job, jobs::Fence fence, std::uint64_t bytes) override;
    void drain(bool remove) override;
    void kill(std::string reason) override;

  private:
    using Self = std::shared_ptr<PoolWorker>;

    asio::awaitable<void> run(Self self, RunningPtr job);
    asio::awaitable<void> run_checked(RunningPtr job);
    asio::awaitable<Result<catalog::Values>> load_input(RunningPtr job);
    struct Taken {
        Choice choice = Choice::none;
        ServerPtr server;  // null unless one was found
    };
    /// The server for the next try, where one is free.
    Taken take_server(const Running& job);
    /// The same, waiting for one; null: the job has ended, or there is nobody to wait for.
    asio::awaitable<ServerPtr> reserve(RunningPtr job);
    asio::awaitable<CallResult<CallAnswer>> call_server(RunningPtr job,
                                                        const catalog::Values& input);
    asio::awaitable<void> finish(RunningPtr job, CallAnswer answer);
    asio::awaitable<Result<jobs::FileRecord>> store_media(RunningPtr job, catalog::Media& media);
    void fail_job(const RunningPtr& job, CallError error);
    void end(const RunningPtr& job);
    [[nodiscard]] RunningPtr find(const JobId& job, const jobs::Fence& fence) const;
    void give_credit();
    /// Jobs whose call is with a server that takes no more of them (it is down, or was removed):
    /// they may hang there for long, and take no room from the others.
    [[nodiscard]] std::uint32_t stuck(SteadyTime now);
    /// Whether callers wait in vain in the core's queue.
    void say_unserved(bool nobody);

    Room& room_;
    catalog::VersionPtr version_;
    std::string model_;
    Kind kind_;
    catalog::Profile profile_;
    const std::uint64_t number_;  // of the pool, in order of their making
    WorkerId id_;
    bool attached_ = false;
    bool retired_ = false;
    std::vector<ServerPtr> servers_;
    std::vector<const Member*> members_;  // of servers_, in their order
    PoolCredit credit_;
    std::unordered_map<JobId, RunningPtr> jobs_;
    std::vector<std::weak_ptr<Running>> waiting_;
    std::uint32_t held_ = 0;
    bool unserved_ = false;  // said to the core
    bool strays_ = false;    // there may be calls of servers that were removed
};

}  // namespace headrace::upstreams
