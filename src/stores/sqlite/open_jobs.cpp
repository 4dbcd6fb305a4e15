#include "stores/sqlite/open_jobs.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "stores/sqlite/job_row.hpp"

namespace headrace::stores {
namespace {

/// One tenant's open jobs. The key begins with the tenant, so each tenant's rows lie in the order
/// of their ids, and of their age, but those of all do not.
class TenantJobs {
  public:
    TenantJobs(Database& database, std::string_view tenant)
        : tenant_(std::string(tenant)),
          rows_(database.prepare("SELECT id, state, caller, capability, version, sum, body "
                                 "FROM open_jobs WHERE tenant = ? ORDER BY id")) {
        rows_.start(tenant_.name);
    }
    TenantJobs(const TenantJobs&) = delete;
    TenantJobs& operator=(const TenantJobs&) = delete;

    /// False after the last.
    Result<bool> next() {
        auto row = rows_.step();
        if (!row || !*row) return row;
        auto read = read_job_row("open_jobs", tenant_, rows_);
        if (!read) return fail(std::move(read).error());
        job = std::move(*read);
        return true;
    }

    jobs::JobRecord job;

  private:
    TenantId tenant_;
    Statement rows_;
};

using Tenants = std::vector<std::unique_ptr<TenantJobs>>;

Result<Tenants> tenants_of(Database& database) {
    Tenants tenants;
    Statement next = database.prepare("SELECT min(tenant) FROM open_jobs WHERE tenant > ?");
    std::string last;
    for (;;) {
        next.start(last);
        const auto row = next.step();
        if (!row) return fail(row.error());
        if (!*row || next.is_null(0)) return tenants;
        last = next.bytes(0);
        next.reset();
        tenants.push_back(std::make_unique<TenantJobs>(database, last));
    }
}

bool younger(const std::unique_ptr<TenantJobs>& a, const std::unique_ptr<TenantJobs>& b) {
    return a->job.id > b->job.id;
}

}  // namespace

Result<void> read_open_jobs(Database& database, const jobs::JobLog::TakeJob& take) {
    auto tenants = tenants_of(database);
    if (!tenants) return fail(std::move(tenants).error());
    Tenants oldest_first;  // a heap
    for (auto& tenant : *tenants) {
        const auto more = tenant->next();
        if (!more) return fail(more.error());
        if (*more) oldest_first.push_back(std::move(tenant));
    }
    std::make_heap(oldest_first.begin(), oldest_first.end(), younger);
    while (!oldest_first.empty()) {
        std::pop_heap(oldest_first.begin(), oldest_first.end(), younger);
        TenantJobs& oldest = *oldest_first.back();
        take(std::move(oldest.job));
        const auto more = oldest.next();
        if (!more) return fail(more.error());
        if (*more)
            std::push_heap(oldest_first.begin(), oldest_first.end(), younger);
        else
            oldest_first.pop_back();
    }
    return {};
}

}  // namespace headrace::stores
