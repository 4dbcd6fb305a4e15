#pragma once
// Internal: all pools, and the versions of the catalog that stand for them.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "upstreams/room.hpp"
#include "upstreams/server.hpp"
#include "upstreams/worker.hpp"

namespace headrace::upstreams {

/// Makes a pool for each (tenant, model id) that some server offers. Core's loop.
class Pools {
  public:
    explicit Pools(Room& room) : room_(room) {}

    /// Whether the models of a spec may stand where they want to: conflict when one is an engine's,
    /// or served by servers of another kind or under another profile.
    [[nodiscard]] Result<void> admit(const UpstreamSpec& spec) const;
    /// Puts a server into the pools of its models and takes it out of the others. The catalog
    /// changes once, however many models there are; withdraw(), too.
    Result<void> place(const ServerPtr& server, bool attach);
    /// Takes a server out of all pools.
    void withdraw(const ServerPtr& server);

    /// Of the tenant, else of the system. not_found.
    [[nodiscard]] Result<std::shared_ptr<PoolWorker>> find(const TenantId& tenant,
                                                           std::string_view model) const;
    void attach_all();
    void detach_all(const std::string& reason);
    /// Those too that have lost their last server and still have calls under way.
    void each(const std::function<void(PoolWorker&)>& visit);

  private:
    using Key = std::pair<std::string, std::string>;  // tenant, model id

    Result<void> place_in_catalog(const ServerPtr& server);
    [[nodiscard]] Result<void> admit_model(const UpstreamSpec& spec, const ModelSpec& model) const;
    Result<std::shared_ptr<PoolWorker>> make(const UpstreamSpec& spec, const ModelSpec& model);
    [[nodiscard]] std::string name_for(const TenantId& tenant, const std::string& model) const;
    void drop_if_empty(const Key& key);

    Room& room_;
    std::map<Key, std::shared_ptr<PoolWorker>> pools_;
    std::vector<std::weak_ptr<PoolWorker>> retired_;
};

}  // namespace headrace::upstreams
