#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "jobs/claims.hpp"
#include "stores/base/job_store.hpp"
#include "stores/postgres/settings.hpp"

namespace headrace::stores {

/// The durable record of jobs on PostgreSQL, which any number of servers (nodes) may share.
/// Callable from any thread; answers on the calling loop, which must outlive it.
///
/// At most six connections: one commits, one serves point reads, one lists, one claims, one sweeps,
/// one renews the lease and hears other nodes.
class PostgresJobLog final : public JobStore, public jobs::JobClaims {
  public:
    /// Blocking: connects, brings the schema up. `invalid_argument` when the server refuses us,
    /// `conflict` when the schema is another program's.
    static Result<std::unique_ptr<PostgresJobLog>> open(PostgresSettings settings,
                                                        const Clock& clock,
                                                        CommitObserver observer = {});
    /// Commits and answers what is queued, and gives up the lease.
    ~PostgresJobLog() override;

    /// Begins the life that all writes belong to: comes before the first of them.
    Result<std::uint64_t> begin_epoch() override;
    Result<void> load_open(const TakeJob& take) override;
    void write(jobs::LogWrite write, jobs::Done<void> done) override;
    void get(TenantId tenant, JobId id, jobs::Done<std::optional<jobs::JobRecord>> done) override;
    void list(jobs::JobQuery query, jobs::Done<std::vector<jobs::JobRecord>> done) override;
    void load_input(TenantId tenant, JobId id,
                    jobs::Done<std::shared_ptr<const jobs::Payload>> done) override;
    void find_idempotent(TenantId tenant, std::string key,
                         jobs::Done<std::optional<jobs::JobRecord>> done) override;
    void usage(jobs::UsageQuery query, jobs::Done<std::vector<jobs::UsageRecord>> done) override;
    void put_file(jobs::FileRecord file, jobs::Done<void> done) override;
    void get_file(TenantId tenant, FileId id,
                  jobs::Done<std::optional<jobs::FileRecord>> done) override;
    void list_files(jobs::FileQuery query, jobs::Done<std::vector<jobs::FileRecord>> done) override;
    void remove_file(TenantId tenant, FileId id, jobs::Done<bool> done) override;

    void expire(WallMs now, jobs::Done<Expired> done) override;
    [[nodiscard]] bool writable() const override;
    Result<std::unique_ptr<jobs::BlobReferences>> references() const override;

    [[nodiscard]] bool alone() const override;
    void claim(std::vector<jobs::ClaimWish> wishes,
               jobs::Done<std::vector<jobs::JobRecord>> done) override;
    void recall(TenantId tenant, JobId job, bool cancel,
                jobs::Done<std::optional<jobs::JobRecord>> done) override;
    void listen(std::weak_ptr<jobs::ClaimListener> listener) override;

  private:
    class Parts;
    explicit PostgresJobLog(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace headrace::stores
