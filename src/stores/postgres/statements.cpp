#include "stores/postgres/statements.hpp"

// What an accept or an end brings with it, only where the row itself (`done`) was written: blobs
// that are referred to, then files.
#define HEADRACE_REFS_AND_FILES                                                               \
    "refs AS (INSERT INTO blob_refs(tenant, owner, digest) "                                  \
    "SELECT r.tenant, r.owner, r.digest "                                                     \
    "FROM unnest($2::text[], $3::uuid[], $4::bytea[], $5::bytea[]) AS r(tenant, job, owner, " \
    "digest) JOIN done d ON d.tenant = r.tenant AND d.id = r.job ON CONFLICT DO NOTHING), "   \
    "kept AS (INSERT INTO files(tenant, id, job, expires_at, body) "                          \
    "SELECT f.tenant, f.id, f.job, f.expires_at, f.body "                                     \
    "FROM unnest($6::text[], $7::uuid[], $8::uuid[], $9::uuid[], $10::int8[], $11::bytea[]) " \
    "AS f(tenant, of, id, job, expires_at, body) "                                            \
    "JOIN done d ON d.tenant = f.tenant AND d.id = f.of "                                     \
    "ON CONFLICT (tenant, id) DO UPDATE SET job = excluded.job, "                             \
    "expires_at = excluded.expires_at, body = excluded.body)"

// Goes from the changes (`g`) to their rows, each by its key. A plan may be made while the table is
// empty and serve when a million jobs wait, and a plain join then reads all that are open for each
// change; a subquery that locks cannot be turned around. A row that is ours is changed by one
// connection alone, so its place (ctid) is the one this statement sees.
#define HEADRACE_ROWS_OF_CHANGES(condition)                                                 \
    "CROSS JOIN LATERAL (SELECT j.ctid AS place FROM jobs j WHERE j.tenant = g.tenant AND " \
    "j.id = g.id AND " condition " FOR UPDATE) AS found WHERE jobs.ctid = found.place "
#define HEADRACE_OURS_AND_OPEN "j.ended IS NULL AND j.owner = $1::int8"

#define HEADRACE_NEW_ROWS                                                                       \
    "INSERT INTO jobs(tenant, id, state, ended, owner, origin, priority, stamp, caller, "       \
    "capability, version, finished_at, dead, blobs, body, input, output) "                      \
    "SELECT g.tenant, g.id, g.state, CASE WHEN g.state >= 2 THEN g.state END, $1::int8, "       \
    "$1::int8, "                                                                                \
    "g.priority, g.stamp, g.caller, g.capability, g.version, g.finished_at, g.dead, g.blobs, "  \
    "g.body, g.input, g.output "                                                                \
    "FROM unnest($12::text[], $13::uuid[], $14::int2[], $15::int2[], $16::float8[], "           \
    "$17::text[], $18::text[], $19::text[], $20::int8[], $21::boolean[], $22::boolean[], "      \
    "$23::bytea[], $24::bytea[], $25::bytea[]) "                                                \
    "AS g(tenant, id, state, priority, stamp, caller, capability, version, finished_at, dead, " \
    "blobs, body, input, output) "

// A job that was promoted after its end brings its usage record.
#define HEADRACE_USAGE_OF_NEW                                                                     \
    "metered AS (INSERT INTO usage(tenant, job, capability, version, finished_at, body) "         \
    "SELECT u.tenant, u.job, u.capability, u.version, u.finished_at, u.body "                     \
    "FROM unnest($26::text[], $27::uuid[], $28::text[], $29::text[], $30::int8[], $31::bytea[]) " \
    "AS u(tenant, job, capability, version, finished_at, body) "                                  \
    "JOIN done d ON d.tenant = u.tenant AND d.id = u.job ON CONFLICT DO NOTHING)"

namespace headrace::stores::sql {

const PgStatement kMark{"mark",
                        "INSERT INTO commits(epoch, number) VALUES($1::int8, $2::int8) "
                        "ON CONFLICT (epoch) DO UPDATE SET number = excluded.number"};

const PgStatement kAccept{"accept",
                          "WITH done AS (" HEADRACE_NEW_ROWS
                          "ON CONFLICT DO NOTHING RETURNING tenant, id), " HEADRACE_REFS_AND_FILES
                          ", " HEADRACE_USAGE_OF_NEW " SELECT id FROM done"};

// A key is claimed for a job that is not there yet; one that is too old is free again.
const PgStatement kAcceptOnce{
    "accept_once",
    "WITH claimed AS (INSERT INTO idempotency AS i(tenant, key, job, created_at, request) "
    "SELECT k.tenant, k.key, k.job, k.created_at, k.request "
    "FROM unnest($32::text[], $33::text[], $34::uuid[], $35::int8[], $36::bytea[]) "
    "AS k(tenant, key, job, created_at, request) "
    "WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.tenant = k.tenant AND j.id = k.job) "
    "ON CONFLICT (tenant, key) DO UPDATE SET job = excluded.job, "
    "created_at = excluded.created_at, request = excluded.request "
    "WHERE i.created_at <= $37::int8 RETURNING job), "
    "done AS (" HEADRACE_NEW_ROWS
    "WHERE g.id IN (SELECT job FROM claimed) "
    "ON CONFLICT DO NOTHING RETURNING tenant, id), " HEADRACE_REFS_AND_FILES
    ", " HEADRACE_USAGE_OF_NEW " SELECT id FROM done"};

const PgStatement kUpdate{
    "update",
    "UPDATE jobs SET state = g.state, body = g.body "
    "FROM unnest($2::text[], $3::uuid[], $4::int2[], $5::bytea[]) AS g(tenant, id, state, "
    "body) " HEADRACE_ROWS_OF_CHANGES(HEADRACE_OURS_AND_OPEN) "RETURNING jobs.id"};

// Blobs are in the data folder of the node that has them.
const PgStatement kRelease{
    "release",
    "UPDATE jobs SET owner = 0 FROM unnest($2::text[], $3::uuid[]) AS g(tenant, "
    "id) " HEADRACE_ROWS_OF_CHANGES(HEADRACE_OURS_AND_OPEN " AND NOT j.blobs") "RETURNING jobs.id"};

// The input of a job that did not succeed stays for a retry.
const PgStatement kFinish{
    "finish",
    "WITH done AS (UPDATE jobs SET state = g.state, ended = g.state, "
    "finished_at = g.finished_at, dead = g.dead, body = g.body, output = g.output, "
    "input = CASE WHEN g.state = 2 THEN NULL ELSE jobs.input END "
    "FROM unnest($12::text[], $13::uuid[], $14::int2[], $15::int8[], $16::boolean[], "
    "$17::bytea[], $18::bytea[], $19::bytea[]) "
    "AS g(tenant, id, state, finished_at, dead, body, output, usage) "
    HEADRACE_ROWS_OF_CHANGES(HEADRACE_OURS_AND_OPEN)
    "RETURNING jobs.tenant, jobs.id, jobs.capability, jobs.version, jobs.finished_at, "
    "g.usage, jobs.blobs AND g.state = 2 AS frees), "
    "metered AS (INSERT INTO usage(tenant, job, capability, version, finished_at, body) "
    "SELECT tenant, id, capability, version, finished_at, usage FROM done "
    "WHERE usage IS NOT NULL ON CONFLICT DO NOTHING), "
    "freed AS (DELETE FROM blob_refs b USING done d WHERE d.frees AND b.tenant = d.tenant "
    "AND b.owner = 'i'::bytea || uuid_send(d.id)), " HEADRACE_REFS_AND_FILES
    " SELECT id FROM done"};

const PgStatement kStrip{
    "strip",
    "WITH done AS (UPDATE jobs SET body = g.body, output = NULL, input = NULL "
    "FROM unnest($1::text[], $2::uuid[], $3::bytea[]) AS g(tenant, id, body) "
    "WHERE jobs.tenant = g.tenant AND jobs.id = g.id AND jobs.ended IS NOT NULL "
    "RETURNING jobs.tenant, jobs.id), "
    "gone AS (DELETE FROM files f USING done d WHERE f.tenant = d.tenant AND f.job = d.id "
    "RETURNING f.tenant, f.id), "
    "owners AS (SELECT tenant, 'i'::bytea || uuid_send(id) AS owner FROM done "
    "UNION ALL SELECT tenant, 'o'::bytea || uuid_send(id) FROM done "
    "UNION ALL SELECT tenant, 'f'::bytea || uuid_send(id) FROM gone), "
    "freed AS (DELETE FROM blob_refs b USING owners o WHERE b.tenant = o.tenant "
    "AND b.owner = o.owner) SELECT id FROM done"};

const PgStatement kMeter{
    "meter",
    "INSERT INTO usage(tenant, job, capability, version, finished_at, body) "
    "SELECT u.tenant, u.job, u.capability, u.version, u.finished_at, u.body "
    "FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::int8[], $6::bytea[]) "
    "AS u(tenant, job, capability, version, finished_at, body) "
    "ON CONFLICT DO NOTHING"};

const PgStatement kPutFiles{
    "put_files",
    "WITH given AS (SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::int8[], "
    "$5::bytea[], $6::bytea[]) AS f(tenant, id, job, expires_at, body, digest)), "
    "done AS (INSERT INTO files(tenant, id, job, expires_at, body) "
    "SELECT tenant, id, job, expires_at, body FROM given "
    "ON CONFLICT DO NOTHING RETURNING tenant, id), "
    "refs AS (INSERT INTO blob_refs(tenant, owner, digest) "
    "SELECT g.tenant, 'f'::bytea || uuid_send(g.id), g.digest FROM given g "
    "JOIN done d ON d.tenant = g.tenant AND d.id = g.id ON CONFLICT DO NOTHING) "
    "SELECT id FROM done"};

const PgStatement kRemoveFiles{
    "remove_files",
    "WITH done AS (DELETE FROM files f USING unnest($1::text[], $2::uuid[]) AS g(tenant, id) "
    "WHERE f.tenant = g.tenant AND f.id = g.id RETURNING f.tenant, f.id), "
    "freed AS (DELETE FROM blob_refs b USING done d WHERE b.tenant = d.tenant "
    "AND b.owner = 'f'::bytea || uuid_send(d.id)) SELECT id FROM done"};

// One message holds 8000 bytes at most.
const PgStatement kTellEnded{
    "tell_ended",
    "SELECT pg_notify('headrace_ended', string_agg(id::text, ' ')) FROM "
    "(SELECT j.id, row_number() OVER () / 200 AS part "
    "FROM unnest($2::text[], $3::uuid[]) AS g(tenant, id) "
    "JOIN jobs j ON j.tenant = g.tenant AND j.id = g.id "
    "WHERE j.origin <> $1::int8 AND j.owner = $1::int8 AND j.ended IS NOT NULL) AS far "
    "GROUP BY part"};

const PgStatement kTellOffered{"tell_offered", "SELECT pg_notify('headrace_offered', '')"};

const PgStatement kLook{"look",
                        "SELECT j.id, j.ended IS NOT NULL, j.owner = $1::int8, j.body "
                        "FROM unnest($2::text[], $3::uuid[]) AS g(tenant, id) "
                        "JOIN jobs j ON j.tenant = g.tenant AND j.id = g.id"};

const PgStatement kMarked{"marked", "SELECT number FROM commits WHERE epoch = $1::int8"};

const PgStatement kUndo{
    "undo",
    "WITH gone AS (DELETE FROM jobs j USING unnest($2::text[], $3::uuid[]) AS g(tenant, id) "
    "WHERE j.tenant = g.tenant AND j.id = g.id AND j.owner = $1::int8 AND j.ended IS NULL "
    "RETURNING j.tenant, j.id), "
    "unclaimed AS (DELETE FROM idempotency i USING gone WHERE i.tenant = gone.tenant "
    "AND i.job = gone.id), "
    "freed AS (DELETE FROM blob_refs b USING gone WHERE b.tenant = gone.tenant "
    "AND b.owner = 'i'::bytea || uuid_send(gone.id)) SELECT id FROM gone"};

}  // namespace headrace::stores::sql
