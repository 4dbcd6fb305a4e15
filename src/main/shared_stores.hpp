#pragma once

#include <filesystem>

#include "access/secrets.hpp"
#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "main/stores.hpp"
#include "stores/postgres/settings.hpp"

namespace headrace::upstreams {
class Upstreams;
}

namespace headrace::main {

/// Where the catalog of several servers lies, and the file that opens what they seal.
struct SharedPlace {
    stores::PostgresSettings postgres;  // its node has a name
    std::filesystem::path master_key_file;
};

/// Puts stores in the database into `out`, whose job log and catalog.db are open. What this server
/// kept in catalog.db before is taken over into the database, once. Blocking; the error names the
/// setting.
Result<void> share_catalog(Stores& out, const SharedPlace& place,
                           const access::MasterKeys& master_keys, const Clock& clock);

/// Who is told of what other servers on the database change.
struct Hearers {
    access::KeyRing& keys;
    access::Directory& directory;
    upstreams::Upstreams& upstreams;  // on `core`
    Loop& core;
};
/// From now on, until `stores.shared` is given another listener. Nothing where it is null.
void hear_other_servers(Stores& stores, Hearers hearers);

}  // namespace headrace::main
