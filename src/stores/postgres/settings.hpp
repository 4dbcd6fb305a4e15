#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "stores/base/job_store.hpp"
#include "stores/migrations/migrate.hpp"

namespace headrace::stores {

struct PostgresSettings {
    /// libpq connection string or URI without a password; TLS by `sslmode`, `sslrootcert` and so
    /// on.
    std::string url;
    std::string password;  // never logged
    /// Who this server is among those that share the database: a restart under the same name takes
    /// its jobs up again at once.
    std::string node;
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds statement_timeout{10'000};
    /// Silence after which a node counts as dead and its jobs are up for claim.
    std::chrono::milliseconds lease{15'000};
    /// How long writes wait for a lost connection before they are answered `unavailable`.
    std::chrono::milliseconds patience{3'000};
    /// How long keys that are known go on working while nothing is heard from the database.
    std::chrono::milliseconds offline{60'000};
    Retention retention;
    MigrateOptions migrate;
};

}  // namespace headrace::stores
