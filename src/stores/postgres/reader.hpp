#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "jobs/claims.hpp"
#include "jobs/ports.hpp"
#include "stores/postgres/connection.hpp"

namespace headrace::stores {

/// Reads the job log on a connection of its own, which comes back by itself. Belongs to one thread.
/// `unavailable` while the database cannot be reached.
class PgReader {
  public:
    explicit PgReader(const PostgresSettings& settings) : settings_(settings) {}

    Result<std::optional<jobs::JobRecord>> get(const TenantId& tenant, const JobId& id);
    Result<std::vector<jobs::JobRecord>> list(const jobs::JobQuery& query);
    Result<std::shared_ptr<const jobs::Payload>> load_input(const TenantId& tenant,
                                                            const JobId& id);
    /// `after`: only a key claimed later than this.
    Result<std::optional<jobs::JobRecord>> find_idempotent(const TenantId& tenant,
                                                           const std::string& key, WallMs after);
    Result<std::vector<jobs::UsageRecord>> usage(const jobs::UsageQuery& query, WallMs now);
    Result<std::optional<jobs::FileRecord>> get_file(const TenantId& tenant, const FileId& id,
                                                     WallMs now);
    Result<std::vector<jobs::FileRecord>> list_files(const jobs::FileQuery& query, WallMs now);

    // As jobs::JobClaims.
    Result<std::vector<jobs::JobRecord>> claim(const std::vector<jobs::ClaimWish>& wishes,
                                               std::uint64_t epoch);
    Result<std::optional<jobs::JobRecord>> recall(const TenantId& tenant, const JobId& id,
                                                  bool cancel, std::uint64_t epoch);

    // As jobs::BlobReferences.
    Result<std::vector<TenantId>> tenants_with_blobs();
    Result<bool> refers(const TenantId& tenant, const Sha256& digest);

    /// One call; tries once more on a new connection when this one turns out to be lost. Only for
    /// what may be said twice.
    Result<PgRows> call(const PgStatement& statement, const PgParameters& parameters);

  private:
    Result<void> connect();
    Result<void> give_back_doubted(std::uint64_t epoch);

    const PostgresSettings& settings_;
    std::optional<PgConnection> connection_;
    std::chrono::steady_clock::time_point next_try_{};
    std::int64_t claim_ = 0;      // number of the last one
    bool claim_doubted_ = false;  // its answer was lost
};

/// Hands over the open jobs of this life, oldest first, a page at a time.
Result<void> read_open_jobs(PgConnection& connection, std::uint64_t epoch,
                            const jobs::JobLog::TakeJob& take);

/// The statement that serves a list, for the test that holds it against the indexes.
const PgStatement& list_statement(const jobs::JobQuery& query);
PgParameters list_parameters(const jobs::JobQuery& query);

}  // namespace headrace::stores
