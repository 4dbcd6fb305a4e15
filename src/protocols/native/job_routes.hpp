#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/principal.hpp"
#include "jobs/service.hpp"
#include "jobs/waiting.hpp"
#include "protocols/native/job_json.hpp"
#include "protocols/native/job_request.hpp"
#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

class JobPermit;

/// What a key may see of jobs.
jobs::Scope scope_of(const access::Principal& who);

/// Where the files of this caller's jobs are to be had.
Links links_of(const Site& site, const http::Exchange& exchange);

/// not_found unless the job is there to see for this key, also by the key's list of capabilities.
asio::awaitable<Result<jobs::JobView>> find_job(Site& site, const access::Principal& who,
                                                std::string_view id_text);

/// 202 with Location and the job object.
http::Response accepted_response(std::string body, const JobId& id);

/// Cancels an interactive job when its connection is given up, whatever the way.
class Abandon {
  public:
    Abandon(jobs::Service& jobs, JobId id) : jobs_(&jobs), id_(id) {}
    ~Abandon() {
        if (jobs_ != nullptr) jobs_->hang_up(id_);
    }
    Abandon(const Abandon&) = delete;
    Abandon& operator=(const Abandon&) = delete;
    void release() { jobs_ = nullptr; }

  private:
    jobs::Service* jobs_;
    JobId id_;
};

/// /jobs and below.
class JobRoutes {
  public:
    explicit JobRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    // submit.cpp
    asio::awaitable<void> submit(http::Exchange& exchange);
    asio::awaitable<Result<jobs::Submission>> read_submission(http::Exchange& exchange,
                                                              AnswerForm& form);
    // `permit`: of the limits the job is under; null where there are none.
    asio::awaitable<Reply> run_interactive(http::Exchange& exchange, jobs::Submission submission,
                                           int wait_s, JobPermit* permit);
    asio::awaitable<Reply> run_durable(http::Exchange& exchange, jobs::Submission submission,
                                       int wait_s, JobPermit* permit);
    asio::awaitable<Reply> ended(http::Exchange& exchange, const jobs::JobRecord& job);

    // events.cpp
    asio::awaitable<void> stream_new(http::Exchange& exchange, jobs::Submission submission,
                                     JobPermit* permit);
    asio::awaitable<void> events(http::Exchange& exchange);
    asio::awaitable<bool> pump(http::Exchange& exchange, std::shared_ptr<jobs::EventFeed> feed,
                               JobId job, bool replay, JobPermit* permit);
    asio::awaitable<void> append_done(std::string& out, std::uint64_t id,
                                      const jobs::JobRecord& job, const Links& links);

    // job_routes.cpp
    asio::awaitable<Reply> list(http::Exchange& exchange);
    asio::awaitable<Reply> get(http::Exchange& exchange);
    asio::awaitable<Reply> output(http::Exchange& exchange);
    asio::awaitable<Reply> cancel(http::Exchange& exchange);
    asio::awaitable<Reply> retry(http::Exchange& exchange);
    asio::awaitable<Reply> remove(http::Exchange& exchange);

    Site& site_;
};

/// `{"<plural>":[…],"next_cursor":…}`; shared with the dead letters.
asio::awaitable<Reply> list_jobs(Site& site, const http::Exchange& exchange, jobs::JobQuery query,
                                 std::string_view plural);
/// Reads cursor and limit into `query`.
Result<void> read_page(const http::Exchange& exchange, std::optional<JobId>& before,
                       std::uint32_t& limit);

}  // namespace headrace::protocols::native
