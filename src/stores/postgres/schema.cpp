#include "stores/postgres/schema.hpp"

namespace headrace::stores {
namespace {

constexpr Step kSteps[] = {
    {1, "first schema", StepKind::expand, R"(
-- One life of one server. Its epoch is in every fence, and owns jobs.
CREATE SEQUENCE epochs;
CREATE TABLE nodes(
    epoch bigint PRIMARY KEY, name text COLLATE "C" NOT NULL, started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL) WITH (fillfactor = 50);
-- The last commit of each life: what tells, after a lost answer, whether it happened.
CREATE TABLE commits(
    epoch bigint PRIMARY KEY, number bigint NOT NULL) WITH (fillfactor = 10);

-- ended: the state, once it is terminal; null before. State and body may change without a new index
-- entry while a job is open; the room for that is left in each page.
-- owner: epoch of the node that has the job; 0 = up for claim. origin: of the one that accepted it.
-- claim: number of the claim by which the owner got it.
-- blobs: the input refers to blobs.
CREATE TABLE jobs(
    tenant text COLLATE "C" NOT NULL, id uuid NOT NULL, state smallint NOT NULL, ended smallint,
    owner bigint NOT NULL, origin bigint NOT NULL, priority smallint NOT NULL,
    claim bigint NOT NULL DEFAULT 0, stamp double precision NOT NULL,
    caller text COLLATE "C" NOT NULL, capability text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL, finished_at bigint NOT NULL, dead boolean NOT NULL,
    blobs boolean NOT NULL, body bytea NOT NULL, input bytea, output bytea,
    PRIMARY KEY(tenant, id)) WITH (
        fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX jobs_open ON jobs(tenant, id) WHERE ended IS NULL;
CREATE INDEX jobs_for_claim ON jobs(capability, version, priority DESC, stamp, id)
    WHERE ended IS NULL AND owner = 0;
CREATE INDEX jobs_by_caller ON jobs(tenant, caller, id) WHERE ended IS NOT NULL;
CREATE INDEX jobs_ended_badly ON jobs(tenant, ended, id) WHERE ended > 2;
CREATE INDEX jobs_by_end ON jobs(finished_at, id) WHERE ended IS NOT NULL;
CREATE INDEX jobs_dead ON jobs(tenant, id) WHERE dead;

CREATE TABLE files(
    tenant text COLLATE "C" NOT NULL, id uuid NOT NULL, job uuid, expires_at bigint NOT NULL,
    body bytea NOT NULL, PRIMARY KEY(tenant, id));
CREATE INDEX files_by_job ON files(tenant, job) WHERE job IS NOT NULL;
CREATE INDEX files_by_expiry ON files(expires_at) WHERE expires_at > 0;

CREATE TABLE usage(
    tenant text COLLATE "C" NOT NULL, job uuid NOT NULL, capability text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL, finished_at bigint NOT NULL, body bytea NOT NULL,
    PRIMARY KEY(tenant, job));
CREATE INDEX usage_by_end ON usage USING brin(finished_at);

-- request: digest of the body that came with the key
CREATE TABLE idempotency(
    tenant text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, job uuid NOT NULL,
    created_at bigint NOT NULL, request bytea NOT NULL, PRIMARY KEY(tenant, key));
CREATE INDEX idempotency_by_age ON idempotency(created_at);

-- owner: 'i', 'o' or 'f' (input, output, file) and the 16 bytes of the id
CREATE TABLE blob_refs(
    tenant text COLLATE "C" NOT NULL, owner bytea NOT NULL, digest bytea NOT NULL,
    PRIMARY KEY(tenant, owner, digest));
CREATE INDEX blob_refs_by_digest ON blob_refs(tenant, digest);
)",
     R"(
DROP TABLE blob_refs, idempotency, usage, files, jobs, commits, nodes;
DROP SEQUENCE epochs;
)"},
    {2, "counters of limits", StepKind::expand, R"(
-- What servers have taken of the budget of one window of a limit. granted: by the last one that
-- asked.
CREATE TABLE counters(
    counter text COLLATE "C" NOT NULL, starts bigint NOT NULL, ends bigint NOT NULL,
    taken bigint NOT NULL, granted bigint NOT NULL,
    PRIMARY KEY(counter, starts)) WITH (fillfactor = 50);
)",
     R"(
DROP TABLE counters;
)"},
    {3, "lists of uploads", StepKind::expand,
     "CREATE INDEX files_uploaded ON files(tenant, id) WHERE job IS NULL;\n",
     "DROP INDEX files_uploaded;\n"},
    {4, "the catalog", StepKind::expand, R"(
-- What servers share of the catalog. Every change takes the next number of its part first, so that
-- changes of a part are committed in the order of their numbers.
CREATE TABLE catalog_changes(part text COLLATE "C" PRIMARY KEY, number bigint NOT NULL)
    WITH (fillfactor = 10);
INSERT INTO catalog_changes VALUES('keys', 0), ('accounts', 0), ('upstreams', 0), ('audit', 0);

-- changed: number of the last change. details: what the body has no room for; empty: nothing.
CREATE TABLE keys(
    tenant text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, changed bigint NOT NULL,
    sum bigint NOT NULL, body bytea NOT NULL, details_sum bigint NOT NULL, details bytea NOT NULL,
    PRIMARY KEY(tenant, id));
CREATE INDEX keys_by_change ON keys(changed);

CREATE TABLE key_uses(
    tenant text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, at bigint NOT NULL,
    PRIMARY KEY(tenant, id)) WITH (fillfactor = 70);

-- kind: 0 = tenant, 1 = app, 2 = user
CREATE TABLE accounts(
    kind smallint NOT NULL, tenant text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
    changed bigint NOT NULL, sum bigint NOT NULL, body bytea NOT NULL,
    PRIMARY KEY(kind, tenant, name));

CREATE TABLE upstreams(
    tenant text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, changed bigint NOT NULL,
    sum bigint NOT NULL, body bytea NOT NULL, PRIMARY KEY(tenant, name));

CREATE TABLE audit(
    tenant text COLLATE "C" NOT NULL, number bigint NOT NULL, at bigint NOT NULL,
    sum bigint NOT NULL, body bytea NOT NULL, PRIMARY KEY(tenant, number));

-- Single things: what shows that a master key is the right one, the first admin's key (both
-- sealed), whose catalog.db was taken over.
CREATE TABLE catalog_facts(name text COLLATE "C" PRIMARY KEY, value bytea NOT NULL);
)",
     R"(
DROP TABLE catalog_facts, audit, upstreams, accounts, key_uses, keys, catalog_changes;
)"},
};

}  // namespace

std::span<const Step> postgres_schema() {
    return kSteps;
}

}  // namespace headrace::stores
