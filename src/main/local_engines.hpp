#pragma once

#include "base/loop.hpp"
#include "catalog/catalog.hpp"
#include "engines/supervisor.hpp"
#include "workers/hub/hub.hpp"

namespace headrace::main {

/// The engines of `--engine`: brings the supervisor's hosts to the hub, and the hub's wishes back
/// to the supervisor. Belongs to the core's loop.
class LocalEngines final : public engines::HostListener {
  public:
    LocalEngines(engines::Settings settings, Loop& core_loop, workers::hub::Hub& hub,
                 const catalog::Catalog& catalog);

    /// Its version is in the catalog already, under the system's tenant.
    void add(catalog::EngineSpec spec) { supervisor_.add(std::move(spec)); }
    void stop(UniqueFunction<void()> done) { supervisor_.stop(std::move(done)); }

    void host_started(engines::StartedHost host) override;
    void host_ended(std::uint64_t id, const std::string& reason) override;

  private:
    workers::hub::Hub& hub_;
    const catalog::Catalog& catalog_;
    engines::Supervisor supervisor_;
};

}  // namespace headrace::main
