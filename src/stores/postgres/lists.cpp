// Lists of jobs, newest first. Each statement walks one index from the cursor downwards.
#include "stores/postgres/reader.hpp"

namespace headrace::stores {
namespace {

#define HEADRACE_LISTED                                                                    \
    "SELECT j.id, j.state, j.caller, j.capability, j.version, j.body, j.tenant, j.output " \
    "FROM jobs j WHERE tenant = $1::text AND id < $2::uuid "                               \
    "AND ($3::int2 < 0 OR state = $3) AND ($4::text = '' OR capability = $4) "             \
    "AND ($5::text = '' OR version = $5) AND (NOT $6::boolean OR caller = $7::text) "
#define HEADRACE_PAGE " ORDER BY id DESC LIMIT $8::int8"

const PgStatement kAll{"list_all", HEADRACE_LISTED HEADRACE_PAGE};
const PgStatement kOpen{"list_open", HEADRACE_LISTED "AND ended IS NULL" HEADRACE_PAGE};
const PgStatement kBad{"list_bad", HEADRACE_LISTED "AND ended = $3 AND ended > 2" HEADRACE_PAGE};
const PgStatement kDead{"list_dead", HEADRACE_LISTED "AND dead" HEADRACE_PAGE};
// A caller's open jobs are few among few; the ended ones have an index of their own.
const PgStatement kOfCaller{"list_of_caller", "(" HEADRACE_LISTED "AND ended IS NULL" HEADRACE_PAGE
                                              ") UNION ALL (" HEADRACE_LISTED
                                              "AND caller = $7 AND ended IS NOT NULL" HEADRACE_PAGE
                                              ")" HEADRACE_PAGE};

}  // namespace

const PgStatement& list_statement(const jobs::JobQuery& query) {
    if (query.dead_only) return kDead;
    if (query.state && !jobs::is_terminal(*query.state)) return kOpen;
    if (query.caller) return kOfCaller;
    return query.state && *query.state > jobs::JobState::succeeded ? kBad : kAll;
}

PgParameters list_parameters(const jobs::JobQuery& query) {
    const auto at = query.capability.find('@');
    PgParameters out;
    out.text(query.tenant.name)
        .uuid(query.before ? Uuid(*query.before) : *Uuid::from_raw(std::string(16, '\xff')))
        .small(query.state ? static_cast<std::int16_t>(*query.state) : std::int16_t{-1})
        .text(query.capability.substr(0, at))
        .text(at == std::string::npos ? "" : query.capability.substr(at + 1))
        .boolean(query.caller.has_value())
        .text(query.caller.value_or(""))
        .big(query.limit);
    return out;
}

}  // namespace headrace::stores
