#include "stores/sqlite/upstream_store.hpp"

#include <future>

#include "stores/catalog/upstream_row.hpp"

namespace headrace::stores {
namespace {

using upstreams::UpstreamSpec;

Result<void> write(Database& database, const UpstreamSpec& spec, const access::Sealer& sealer) {
    const std::string body = upstream_body(spec, sealer);
    return database
        .prepare("INSERT OR REPLACE INTO upstreams(tenant, name, sum, body) VALUES(?, ?, ?, ?)")
        .run(spec.tenant.name, spec.name, upstream_sum(spec.tenant.name, spec.name, body),
             Blob{body});
}

Result<std::vector<UpstreamSpec>> read_all(Database& database, const access::Sealer& sealer) {
    std::vector<UpstreamSpec> out;
    Statement rows = database.prepare("SELECT tenant, name, sum, body FROM upstreams");
    rows.start();
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        auto spec = read_upstream(std::string(rows.bytes(0)), std::string(rows.bytes(1)),
                                  rows.integer(2), rows.bytes(3), sealer);
        if (!spec) {
            return fail(spec.error().code, "damaged row in catalog.db: " + spec.error().message);
        }
        out.push_back(std::move(*spec));
    }
}

}  // namespace

/// At a start the engines' versions are being written when the upstreams are read, and the database
/// belongs to one thread at a time: its lane.
Result<std::vector<UpstreamSpec>> SqliteUpstreamStore::load() {
    std::promise<Result<std::vector<UpstreamSpec>>> loaded;
    catalog_.lane().run([&] { loaded.set_value(read_all(catalog_.database(), sealer_)); });
    return loaded.get_future().get();
}

void SqliteUpstreamStore::save(UpstreamSpec spec, UniqueFunction<void(Result<void>)> done) {
    catalog_.lane().ask<void>(
        [this, spec = std::move(spec)] { return write(catalog_.database(), spec, sealer_); },
        std::move(done));
}

void SqliteUpstreamStore::remove(TenantId tenant, std::string name,
                                 UniqueFunction<void(Result<void>)> done) {
    catalog_.lane().ask<void>(
        [this, tenant = std::move(tenant), name = std::move(name)] {
            return catalog_.database()
                .prepare("DELETE FROM upstreams WHERE tenant = ? AND name = ?")
                .run(tenant.name, name);
        },
        std::move(done));
}

}  // namespace headrace::stores
