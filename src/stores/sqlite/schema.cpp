#include "stores/sqlite/schema.hpp"

#include "stores/sqlite/usage_row.hpp"

namespace headrace::stores {
namespace {

// A job stands in one of two tables. What is open is small, is read whole at a start and is written
// often; what has ended is large and does not change. Ending a job is a delete here and an insert
// there, so that it can happen once only, and no index over states is needed.
constexpr Step kJobs[] = {
    {1, "first schema", StepKind::expand, R"(
CREATE TABLE meta(
    name TEXT PRIMARY KEY, value INTEGER NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID, STRICT;

-- extras: 1 = the input is in inputs, 2 = the input refers to blobs
CREATE TABLE open_jobs(
    tenant TEXT NOT NULL, id BLOB NOT NULL, state INTEGER NOT NULL, caller TEXT NOT NULL,
    capability TEXT NOT NULL, version TEXT NOT NULL, extras INTEGER NOT NULL, sum INTEGER NOT NULL,
    body BLOB NOT NULL, input BLOB, PRIMARY KEY(tenant, id)) WITHOUT ROWID, STRICT;

CREATE TABLE ended_jobs(
    tenant TEXT NOT NULL, id BLOB NOT NULL, state INTEGER NOT NULL, caller TEXT NOT NULL,
    capability TEXT NOT NULL, version TEXT NOT NULL, finished_at INTEGER NOT NULL,
    dead INTEGER NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL, output BLOB,
    PRIMARY KEY(tenant, id)) WITHOUT ROWID, STRICT;
CREATE INDEX ended_by_caller ON ended_jobs(tenant, caller, id);
CREATE INDEX ended_badly ON ended_jobs(tenant, state, id) WHERE state > 2;
CREATE INDEX ended_dead ON ended_jobs(tenant, id) WHERE dead = 1;

-- inputs above 1 kB, and those kept for a retry
CREATE TABLE inputs(
    tenant TEXT NOT NULL, job BLOB NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(tenant, job)) WITHOUT ROWID, STRICT;

CREATE TABLE files(
    tenant TEXT NOT NULL, id BLOB NOT NULL, job BLOB, expires_at INTEGER NOT NULL,
    sum INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(tenant, id)) WITHOUT ROWID, STRICT;
CREATE INDEX files_by_job ON files(tenant, job) WHERE job IS NOT NULL;
CREATE INDEX files_by_expiry ON files(expires_at) WHERE expires_at > 0;

CREATE TABLE usage(
    tenant TEXT NOT NULL, job BLOB NOT NULL, capability TEXT NOT NULL, version TEXT NOT NULL,
    finished_at INTEGER NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(tenant, job)) WITHOUT ROWID, STRICT;

-- request: digest of the body that came with the key; a job's own row does not keep it
CREATE TABLE idempotency(
    tenant TEXT NOT NULL, key TEXT NOT NULL, job BLOB NOT NULL, created_at INTEGER NOT NULL,
    request BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(tenant, key)) WITHOUT ROWID, STRICT;
CREATE INDEX idempotency_by_age ON idempotency(created_at);

-- owner: 'i', 'o' or 'f' (input, output, file) and the 16 bytes of the id
CREATE TABLE blob_refs(
    tenant TEXT NOT NULL, owner BLOB NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY(tenant, owner, digest)) WITHOUT ROWID, STRICT;
CREATE INDEX blob_refs_by_digest ON blob_refs(tenant, digest);
)",
     R"(
DROP TABLE blob_refs;
DROP TABLE idempotency;
DROP TABLE usage;
DROP TABLE files;
DROP TABLE inputs;
DROP TABLE ended_jobs;
DROP TABLE open_jobs;
DROP TABLE meta;
)"},
    {2, "lists of uploads", StepKind::expand,
     "CREATE INDEX files_uploaded ON files(tenant, id) WHERE job IS NULL;\n",
     "DROP INDEX files_uploaded;\n"},
    {kUsageBlocksStep, "usage in blocks", StepKind::expand, R"(
-- body: records of one tenant, all of one commit, whose job ids begin with the same 36 bits.
-- number: tells blocks apart that end with the same job; earliest, latest: ends of their jobs.
-- Rows of usage stay where they are until their time is over.
CREATE TABLE usage_blocks(
    tenant TEXT NOT NULL, last_job BLOB NOT NULL, number INTEGER NOT NULL, first_job BLOB NOT NULL,
    earliest INTEGER NOT NULL, latest INTEGER NOT NULL, records INTEGER NOT NULL,
    sum INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(tenant, last_job, number))
    WITHOUT ROWID, STRICT;
)",
     // SqliteSteps::before_down() does it.
     "-- headrace migrate down first turns their records into rows of usage; this alone loses them.\n"
     "DROP TABLE usage_blocks;\n"},
};

constexpr Step kCatalog[] = {
    {1, "first schema", StepKind::expand, R"(
CREATE TABLE keys(
    tenant TEXT NOT NULL, id TEXT NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(tenant, id)) WITHOUT ROWID, STRICT;

CREATE TABLE versions(
    tenant TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, sum INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY(tenant, name, version)) WITHOUT ROWID, STRICT;

CREATE TABLE audit(
    tenant TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, sum INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY(tenant, number)) WITHOUT ROWID, STRICT;
)",
     R"(
DROP TABLE audit;
DROP TABLE versions;
DROP TABLE keys;
)"},
    {2, "upstreams", StepKind::expand, R"(
CREATE TABLE upstreams(
    tenant TEXT NOT NULL, name TEXT NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(tenant, name)) WITHOUT ROWID, STRICT;
)",
     "DROP TABLE upstreams;\n"},
    {3, "tenants, apps, users, more about keys", StepKind::expand, R"(
-- kind: 0 = tenant, 1 = app, 2 = user
CREATE TABLE accounts(
    kind INTEGER NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL, sum INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY(kind, tenant, name)) WITHOUT ROWID, STRICT;

-- What keys(body) has no room for: the program before this step still reads that.
CREATE TABLE key_details(
    tenant TEXT NOT NULL, id TEXT NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(tenant, id)) WITHOUT ROWID, STRICT;

CREATE TABLE key_uses(
    tenant TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY(tenant, id)) WITHOUT ROWID, STRICT;
)",
     R"(
DROP TABLE key_uses;
DROP TABLE key_details;
DROP TABLE accounts;
)"},
};

}  // namespace

std::span<const Step> jobs_schema() {
    return kJobs;
}
std::span<const Step> catalog_schema() {
    return kCatalog;
}

}  // namespace headrace::stores
