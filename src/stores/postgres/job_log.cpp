#include "stores/postgres/job_log.hpp"

#include "stores/base/lane.hpp"
#include "stores/postgres/committer.hpp"
#include "stores/postgres/migrations.hpp"
#include "stores/postgres/node_watch.hpp"
#include "stores/postgres/reader.hpp"
#include "stores/postgres/schema.hpp"
#include "stores/postgres/sweep.hpp"

namespace headrace::stores {
namespace {

class PostgresBlobReferences final : public jobs::BlobReferences {
  public:
    explicit PostgresBlobReferences(const PostgresSettings& settings) : reader_(settings) {}
    Result<std::vector<TenantId>> tenants() override { return reader_.tenants_with_blobs(); }
    Result<bool> refers(const TenantId& tenant, const Sha256& digest) override {
        return reader_.refers(tenant, digest);
    }

  private:
    PgReader reader_;
};

/// A thread with a connection of its own.
struct Desk {
    Desk(const PostgresSettings& settings, const char* name) : reader(settings), lane(name) {}
    PgReader reader;
    Lane lane;  // last: it ends first
};

}  // namespace

class PostgresJobLog::Parts {
  public:
    Parts(PostgresSettings given, const Clock& time) : settings(std::move(given)), clock(time) {}

    [[nodiscard]] WallMs keys_after() const {
        const auto kept =
            std::chrono::duration_cast<std::chrono::milliseconds>(settings.retention.idempotency);
        return clock.wall() - kept.count();
    }

    const PostgresSettings settings;
    const Clock& clock;
    CommitObserver observer;
    PgNode node{settings};
    Desk points{settings, "jobs-read"};
    Desk lists{settings, "jobs-list"};
    Desk claims{settings, "jobs-claim"};
    Desk sweeps{settings, "jobs-sweep"};
    PgSweep sweep{sweeps.reader, settings.retention};
    std::unique_ptr<NodeWatch> watch;
    std::unique_ptr<PgCommitter> committer;  // gives up the lease at its end
};

PostgresJobLog::PostgresJobLog(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

PostgresJobLog::~PostgresJobLog() {
    parts_->watch.reset();  // or it would renew the lease that the committer gives up
}

Result<std::unique_ptr<PostgresJobLog>> PostgresJobLog::open(PostgresSettings settings,
                                                             const Clock& clock,
                                                             CommitObserver observer) {
    auto connection = PgConnection::open(settings, PgRole::listener);
    if (!connection) return fail(connection.error());
    PostgresSteps steps(*connection);
    auto ready = migrate_at_start(steps, postgres_schema(), settings.migrate);
    if (!ready) return fail(ready.error().code, "the database " + ready.error().message);
    auto parts = std::make_unique<Parts>(std::move(settings), clock);
    parts->observer = std::move(observer);
    return std::unique_ptr<PostgresJobLog>(new PostgresJobLog(std::move(parts)));
}

Result<std::uint64_t> PostgresJobLog::begin_epoch() {
    parts_->watch.reset();
    parts_->committer.reset();
    auto connection = PgConnection::open(parts_->settings, PgRole::writer);
    if (!connection) return fail(connection.error());
    const auto epoch = parts_->node.begin_life(*connection);
    if (!epoch) return epoch;
    if (auto beat = parts_->node.beat(*connection); !beat) return fail(beat.error());
    Parts& parts = *parts_;
    const auto observe = [&parts](std::size_t changes, std::chrono::microseconds took,
                                  bool stored) {
        if (parts.observer) parts.observer(changes, took, stored);
    };
    parts.committer = std::make_unique<PgCommitter>(std::move(*connection), parts.node,
                                                    parts.settings, parts.clock, observe);
    parts.watch = std::make_unique<NodeWatch>(parts.node, parts.settings);
    return epoch;
}

Result<void> PostgresJobLog::load_open(const TakeJob& take) {
    auto connection = PgConnection::open(parts_->settings, PgRole::reader);
    if (!connection) return fail(connection.error());
    return read_open_jobs(*connection, parts_->node.epoch(), take);
}

void PostgresJobLog::write(jobs::LogWrite write, jobs::Done<void> done) {
    parts_->committer->write(std::move(write), std::move(done));
}

void PostgresJobLog::get(TenantId tenant, JobId id,
                         jobs::Done<std::optional<jobs::JobRecord>> done) {
    parts_->points.lane.ask<std::optional<jobs::JobRecord>>(
        [this, tenant = std::move(tenant), id] { return parts_->points.reader.get(tenant, id); },
        std::move(done));
}

void PostgresJobLog::list(jobs::JobQuery query, jobs::Done<std::vector<jobs::JobRecord>> done) {
    parts_->lists.lane.ask<std::vector<jobs::JobRecord>>(
        [this, query = std::move(query)] { return parts_->lists.reader.list(query); },
        std::move(done));
}

void PostgresJobLog::load_input(TenantId tenant, JobId id,
                                jobs::Done<std::shared_ptr<const jobs::Payload>> done) {
    parts_->points.lane.ask<std::shared_ptr<const jobs::Payload>>(
        [this, tenant = std::move(tenant), id] {
            return parts_->points.reader.load_input(tenant, id);
        },
        std::move(done));
}

void PostgresJobLog::find_idempotent(TenantId tenant, std::string key,
                                     jobs::Done<std::optional<jobs::JobRecord>> done) {
    parts_->points.lane.ask<std::optional<jobs::JobRecord>>(
        [this, tenant = std::move(tenant), key = std::move(key)] {
            return parts_->points.reader.find_idempotent(tenant, key, parts_->keys_after());
        },
        std::move(done));
}

void PostgresJobLog::usage(jobs::UsageQuery query,
                           jobs::Done<std::vector<jobs::UsageRecord>> done) {
    parts_->lists.lane.ask<std::vector<jobs::UsageRecord>>(
        [this, query = std::move(query)] {
            return parts_->lists.reader.usage(query, parts_->clock.wall());
        },
        std::move(done));
}

void PostgresJobLog::put_file(jobs::FileRecord file, jobs::Done<void> done) {
    parts_->committer->put_file(std::move(file), std::move(done));
}

void PostgresJobLog::get_file(TenantId tenant, FileId id,
                              jobs::Done<std::optional<jobs::FileRecord>> done) {
    parts_->points.lane.ask<std::optional<jobs::FileRecord>>(
        [this, tenant = std::move(tenant), id] {
            return parts_->points.reader.get_file(tenant, id, parts_->clock.wall());
        },
        std::move(done));
}

void PostgresJobLog::list_files(jobs::FileQuery query,
                                jobs::Done<std::vector<jobs::FileRecord>> done) {
    parts_->lists.lane.ask<std::vector<jobs::FileRecord>>(
        [this, query = std::move(query)] {
            return parts_->lists.reader.list_files(query, parts_->clock.wall());
        },
        std::move(done));
}

void PostgresJobLog::remove_file(TenantId tenant, FileId id, jobs::Done<bool> done) {
    parts_->committer->remove_file(std::move(tenant), id, std::move(done));
}

void PostgresJobLog::expire(WallMs now, jobs::Done<Expired> done) {
    parts_->sweeps.lane.ask<Expired>([this, now] { return parts_->sweep.run(now); },
                                     std::move(done));
}

bool PostgresJobLog::writable() const {
    return parts_->committer->writable() && parts_->watch->beating();
}

Result<std::unique_ptr<jobs::BlobReferences>> PostgresJobLog::references() const {
    return std::unique_ptr<jobs::BlobReferences>(
        std::make_unique<PostgresBlobReferences>(parts_->settings));
}

bool PostgresJobLog::alone() const {
    return parts_->node.alone();
}

void PostgresJobLog::claim(std::vector<jobs::ClaimWish> wishes,
                           jobs::Done<std::vector<jobs::JobRecord>> done) {
    parts_->claims.lane.ask<std::vector<jobs::JobRecord>>(
        [this, wishes = std::move(wishes)] {
            return parts_->claims.reader.claim(wishes, parts_->node.epoch());
        },
        std::move(done));
}

void PostgresJobLog::recall(TenantId tenant, JobId job, bool cancel,
                            jobs::Done<std::optional<jobs::JobRecord>> done) {
    parts_->claims.lane.ask<std::optional<jobs::JobRecord>>(
        [this, tenant = std::move(tenant), job, cancel] {
            return parts_->claims.reader.recall(tenant, job, cancel, parts_->node.epoch());
        },
        std::move(done));
}

void PostgresJobLog::listen(std::weak_ptr<jobs::ClaimListener> listener) {
    parts_->watch->listen(std::move(listener));
}

}  // namespace headrace::stores
