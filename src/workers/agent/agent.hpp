#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/task_group.hpp"
#include "base/unique_function.hpp"
#include "catalog/engine_toml.hpp"
#include "engines/supervisor.hpp"
#include "http/url.hpp"
#include "workers/agent/settings.hpp"

namespace headrace::workers::agent {

class HostLink;

/// `headrace worker`: supervises engine hosts as `serve` does, and carries the frames of each over
/// a WebSocket of its own to the server, untouched. A link that is lost is dialled again; the host
/// goes on meanwhile, and if the link is back within the lease, so do its jobs. Belongs to one
/// loop, whose thread must outlive the hosts.
class Agent final : public engines::HostListener {
  public:
    /// Error invalid_argument: the URL is not one that can be dialled.
    static Result<std::unique_ptr<Agent>> create(Settings settings, Loop& loop);
    ~Agent() override;
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    /// Starts an engine's hosts and keeps them running.
    void add(catalog::EngineSpec spec);
    /// Lets running jobs end within the hosts' stop grace, closes all links; ends when all is gone.
    asio::awaitable<void> stop();

    struct LinkView {
        std::string name;
        bool linked = false;   // the server has welcomed it
        std::size_t held = 0;  // leases
    };
    [[nodiscard]] std::vector<LinkView> links() const;

    void host_started(engines::StartedHost host) override;
    void host_ended(std::uint64_t id, const std::string& reason) override;

  private:
    Agent(Settings settings, http::Url url, Loop& loop);

    Settings settings_;
    http::Url url_;
    Loop& loop_;
    TaskGroup tasks_;
    engines::Supervisor supervisor_;
    std::list<std::shared_ptr<HostLink>> links_;
};

}  // namespace headrace::workers::agent
