#include "main/shared_stores.hpp"

#include <mutex>
#include <set>

#include <fmt/format.h>

#include "base/log.hpp"
#include "protocols/fastchat/parts.hpp"
#include "stores/postgres/catalog_setup.hpp"
#include "stores/postgres/catalog_stores.hpp"
#include "stores/sqlite/account_store.hpp"
#include "stores/sqlite/audit_log.hpp"
#include "stores/sqlite/key_store.hpp"
#include "stores/sqlite/upstream_store.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::main {
namespace {

using protocols::fastchat::kOrigin;
using upstreams::UpstreamSpec;

/// FastChat's workers beat at the server that they registered with, and only that one knows when
/// they are gone: they stay in its own catalog.db. Everything else is in the database.
class SplitUpstreamStore final : public upstreams::UpstreamStore {
  public:
    SplitUpstreamStore(stores::CatalogDatabase& own, const access::Sealer& sealer,
                       stores::SharedCatalog& shared)
        : own_(own, sealer), shared_(shared) {}

    Result<std::vector<UpstreamSpec>> load() override {
        auto own = own_.load();
        if (!own) return own;
        std::erase_if(*own, [](const UpstreamSpec& spec) { return spec.origin != kOrigin; });
        for (const auto& spec : *own) note(spec);
        auto all = shared_.load();
        if (!all) return all;
        for (auto& spec : *own) all->push_back(std::move(spec));
        return all;
    }
    void save(UpstreamSpec spec, UniqueFunction<void(Result<void>)> done) override {
        if (spec.origin != kOrigin) return shared_.save(std::move(spec), std::move(done));
        note(spec);
        own_.save(std::move(spec), std::move(done));
    }
    void remove(TenantId tenant, std::string name,
                UniqueFunction<void(Result<void>)> done) override {
        if (forget(tenant, name))
            own_.remove(std::move(tenant), std::move(name), std::move(done));
        else
            shared_.remove(std::move(tenant), std::move(name), std::move(done));
    }

  private:
    void note(const UpstreamSpec& spec) {
        const std::lock_guard lock(mutex_);
        names_.emplace(spec.tenant.name, spec.name);
    }
    bool forget(const TenantId& tenant, const std::string& name) {
        const std::lock_guard lock(mutex_);
        return names_.erase({tenant.name, name}) > 0;
    }

    stores::SqliteUpstreamStore own_;
    stores::PostgresUpstreamStore shared_;
    std::mutex mutex_;                                     // guards names_
    std::set<std::pair<std::string, std::string>> names_;  // of own_
};

/// What catalog.db holds that belongs into the database.
Result<stores::OwnCatalog> own_catalog(stores::CatalogDatabase& catalog,
                                       const access::Sealer& sealer) {
    stores::OwnCatalog out;
    auto keys = stores::SqliteKeyStore(catalog).load_all();
    if (!keys) return fail(std::move(keys).error());
    out.keys = std::move(*keys);
    auto accounts = stores::SqliteAccountStore(catalog).load_all();
    if (!accounts) return fail(std::move(accounts).error());
    out.accounts = std::move(*accounts);
    auto upstreams = stores::SqliteUpstreamStore(catalog, sealer).load();
    if (!upstreams) return fail(std::move(upstreams).error());
    std::erase_if(*upstreams, [](const UpstreamSpec& spec) { return spec.origin == kOrigin; });
    out.upstreams = std::move(*upstreams);
    auto audit = stores::SqliteAuditLog(catalog).load_all();
    if (!audit) return fail(std::move(audit).error());
    out.audit = std::move(*audit);
    return out;
}

Result<void> take_over(Stores& stores, const std::string& node) {
    auto& shared = *stores.shared;
    const auto before = shared.ask_now<bool>(false, [&](stores::PgConnection& connection) {
        return stores::was_imported(connection, node);
    });
    if (!before) return fail(before.error());
    if (*before) return {};
    const auto own = own_catalog(*stores.catalog, *stores.sealer);
    if (!own) return fail(own.error());
    if (own->empty()) return {};
    const auto done = shared.ask_now<stores::Imported>(true, [&](stores::PgConnection& connection) {
        return stores::import_catalog(connection, shared.upstream_sealer(), node, *own);
    });
    if (!done) return fail(done.error());
    log::info(
        "catalog.db is taken over into the database keys={} accounts={} upstreams={} audit={}",
        done->keys, done->accounts, done->upstreams, done->audit);
    for (const auto& name : done->kept) {
        log::warn("not taken over, the database has one of that name: {}", name);
    }
    return {};
}

}  // namespace

Result<void> share_catalog(Stores& out, const SharedPlace& place,
                           const access::MasterKeys& master_keys, const Clock& clock) {
    auto shared = stores::SharedCatalog::open(place.postgres, master_keys);
    if (!shared && shared.error().code == ErrorCode::permission_denied) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("server.master_key_file: {} {}: copy the master key file of a "
                                "server that runs on it, or set postgres.share_catalog = false "
                                "to keep this server's keys apart",
                                place.master_key_file.string(), shared.error().message));
    }
    if (!shared) return fail(shared.error().code, "postgres.url: " + shared.error().message);
    out.shared = std::move(*shared);
    out.keys = std::make_unique<stores::PostgresKeyStore>(*out.shared, clock);
    out.accounts = std::make_unique<stores::PostgresAccountStore>(*out.shared);
    out.audit = std::make_unique<stores::PostgresAuditLog>(*out.shared);
    out.upstreams = std::make_unique<SplitUpstreamStore>(*out.catalog, *out.sealer, *out.shared);
    return take_over(out, place.postgres.node);
}

void hear_other_servers(Stores& stores, Hearers hearers) {
    if (!stores.shared) return;
    stores::SharedCatalog::Listener listener;
    listener.keys = [hearers](auto records) { hearers.keys.take(std::move(records)); };
    listener.uses = [hearers](auto uses) { hearers.keys.take_uses(uses); };
    listener.accounts = [hearers](auto all) { hearers.directory.take(std::move(all)); };
    listener.upstreams = [hearers](auto all) {
        hearers.core.post([hearers, all = std::move(all)]() mutable {
            hearers.upstreams.take(std::move(all), kOrigin);
        });
    };
    stores.shared->listen(std::move(listener));
}

}  // namespace headrace::main
