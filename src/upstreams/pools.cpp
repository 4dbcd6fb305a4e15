#include "upstreams/pools.hpp"

#include <algorithm>
#include <vector>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "catalog/catalog.hpp"
#include "catalog/model_id.hpp"
#include "upstreams/faults.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::string_view kVersion = "1.0.0";
constexpr std::size_t kMostName = 63;

/// Kept in the catalog, so that after a restart a version is known to be ours.
std::string description_of(const std::string& model) {
    return "The model " + model + ", served by upstreams";
}

Error taken(const std::string& model, std::string_view by) {
    return Error{ErrorCode::conflict, "the model " + model + " is " + std::string(by), {}, 0};
}

}  // namespace

Result<void> Pools::admit(const UpstreamSpec& spec) const {
    for (const auto& model : spec.models) {
        if (auto admitted = admit_model(spec, model); !admitted) return admitted;
    }
    return {};
}

Result<void> Pools::admit_model(const UpstreamSpec& spec, const ModelSpec& model) const {
    if (auto known = room_.dialers.at(spec.kind)->interface_of(model.profile); !known) {
        return fail(std::move(known).error());
    }
    const auto pool = pools_.find({spec.tenant.name, model.id});
    if (pool != pools_.end()) {
        // The only server of a pool may change what the pool is.
        const auto servers = pool->second->servers();
        const bool alone = servers.size() == 1 && servers.front()->spec->name == spec.name;
        if (alone) return {};
        if (pool->second->kind() != spec.kind) {
            return fail(taken(model.id, "served by upstreams of another kind"));
        }
        if (pool->second->profile() != model.profile) {
            return fail(taken(model.id, "served under another profile"));
        }
        return {};
    }
    const auto found = room_.parts.catalog.latest().resolve_model(spec.tenant, model.id);
    const bool foreign = found && (*found)->tenant == spec.tenant && (*found)->model == model.id &&
                         (*found)->description != description_of(model.id);
    if (foreign) return fail(taken(model.id, "a capability that is there already"));
    return {};
}

/// A capability's name for the model: another one where two ids would share it.
std::string Pools::name_for(const TenantId& tenant, const std::string& model) const {
    const std::string plain = catalog::capability_name_for(model);
    const auto& latest = room_.parts.catalog.latest();
    const auto free = [&](const std::string& name) {
        for (const auto& version : latest.versions(tenant, name)) {
            if (version->tenant == tenant && version->description != description_of(model)) {
                return false;
            }
        }
        return true;
    };
    if (free(plain)) return plain;
    const std::string tail = "-" + to_hex(sha256(model)).substr(0, 10);
    return plain.substr(0, kMostName - tail.size()) + tail;
}

Result<std::shared_ptr<PoolWorker>> Pools::make(const UpstreamSpec& spec, const ModelSpec& model) {
    auto interface = room_.dialers.at(spec.kind)->interface_of(model.profile);
    if (!interface) return fail(std::move(interface).error());
    catalog::Registration registration;
    registration.tenant = spec.tenant;
    registration.name = name_for(spec.tenant, model.id);
    registration.version = kVersion;
    registration.title = model.id;
    registration.description = description_of(model.id);
    registration.interface = std::move(*interface);
    registration.model = model.id;
    const auto old =
        room_.parts.catalog.latest().find(spec.tenant, registration.name, std::string(kVersion));
    auto copy = registration;
    auto version = room_.parts.catalog.add(std::move(registration));
    if (!version && version.error().code == ErrorCode::conflict && old &&
        old->description == copy.description) {
        // Ours from before, when its servers were of another kind or its interface was another.
        if (auto removed = room_.parts.catalog.remove(old->id); !removed) {
            return fail(std::move(removed).error());
        }
        version = room_.parts.catalog.add(std::move(copy));
    }
    if (!version) return fail(std::move(version).error());
    return std::make_shared<PoolWorker>(room_, *version, model.id, spec.kind, model.profile);
}

Result<void> Pools::place(const ServerPtr& server, bool attach) {
    // The core may ask at once for the version of a pool that it is given: all are published first.
    auto placed = place_in_catalog(server);
    for (PoolWorker* pool : std::vector<PoolWorker*>(server->pools)) {
        if (attach) pool->attach();
    }
    return placed;
}

Result<void> Pools::place_in_catalog(const ServerPtr& server) {
    const catalog::Catalog::Batch changes(room_.parts.catalog);
    const UpstreamSpec& spec = *server->spec;
    for (PoolWorker* pool : std::vector<PoolWorker*>(server->pools)) {
        const ModelSpec* model = spec.model(pool->model());
        const bool fits = model && pool->kind() == spec.kind && pool->profile() == model->profile;
        if (fits) continue;
        const Key key{spec.tenant.name, pool->model()};
        pool->remove(*server);
        drop_if_empty(key);
    }
    for (const auto& model : spec.models) {
        auto& pool = pools_[{spec.tenant.name, model.id}];
        if (!pool) {
            auto made = make(spec, model);
            if (!made) {
                pools_.erase({spec.tenant.name, model.id});
                return fail(std::move(made).error());
            }
            pool = std::move(*made);
        }
        pool->add(server);
    }
    return {};
}

void Pools::withdraw(const ServerPtr& server) {
    const catalog::Catalog::Batch changes(room_.parts.catalog);
    for (PoolWorker* pool : std::vector<PoolWorker*>(server->pools)) {
        const Key key{server->spec->tenant.name, pool->model()};
        pool->remove(*server);
        drop_if_empty(key);
    }
}

void Pools::drop_if_empty(const Key& key) {
    const auto at = pools_.find(key);
    if (at == pools_.end() || !at->second->empty()) return;
    const auto pool = at->second;
    pools_.erase(at);
    pool->retire();
    retired_.push_back(pool);
    if (auto hidden = room_.parts.catalog.hide(pool->version()->id); !hidden) {
        log::warn("a model without servers stays in the catalog model={} error={}", pool->model(),
                  hidden.error().message);
    }
}

Result<std::shared_ptr<PoolWorker>> Pools::find(const TenantId& tenant,
                                                std::string_view model) const {
    for (const TenantId* owner : {&tenant, &catalog::kSystemTenant}) {
        const auto found = pools_.find({owner->name, std::string(model)});
        if (found != pools_.end()) return found->second;
    }
    return fail(ErrorCode::not_found, "no upstream offers the model");
}

void Pools::attach_all() {
    for (const auto& [key, pool] : pools_) pool->attach();
}

void Pools::detach_all(const std::string& reason) {
    each([&reason](PoolWorker& pool) { pool.detach(reason); });
}

void Pools::each(const std::function<void(PoolWorker&)>& visit) {
    for (const auto& [key, pool] : pools_) visit(*pool);
    if (planted(Plant::retired_unwatched)) return;
    std::erase_if(retired_, [](const auto& pool) { return pool.expired(); });
    for (const auto& each : retired_) {
        if (const auto pool = each.lock()) visit(*pool);
    }
}

}  // namespace headrace::upstreams
