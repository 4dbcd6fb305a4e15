#include "main/local_engines.hpp"

#include "base/log.hpp"
#include "link/channel.hpp"

namespace headrace::main {

LocalEngines::LocalEngines(engines::Settings settings, Loop& core_loop, workers::hub::Hub& hub,
                           const catalog::Catalog& catalog)
    : hub_(hub), catalog_(catalog), supervisor_(std::move(settings), core_loop, *this) {}

void LocalEngines::host_started(engines::StartedHost host) {
    const auto& spec = *host.spec;
    auto version = catalog_.snapshot()->find(catalog::kSystemTenant, spec.capability, spec.version);
    if (!version) {
        log::error("engine without a version worker={} capability={}@{}", host.name,
                   spec.capability, spec.version);
        return;
    }
    workers::hub::LocalHost local;
    local.id = host.id;
    local.link = std::move(host.link);
    local.versions.push_back(std::move(version));
    local.kill = [this, id = host.id](const std::string& reason) { supervisor_.kill(id, reason); };
    local.gpus = std::move(host.gpus);
    local.ready = [this, id = host.id] { supervisor_.ready(id); };
    hub_.add_local(std::move(local));
}

void LocalEngines::host_ended(std::uint64_t id, const std::string& reason) {
    hub_.local_ended(id, reason);
}

}  // namespace headrace::main
