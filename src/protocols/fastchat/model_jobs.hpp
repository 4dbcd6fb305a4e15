#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "access/limits.hpp"
#include "access/principal.hpp"
#include "catalog/values.hpp"
#include "catalog/version.hpp"
#include "http/exchange.hpp"
#include "jobs/service.hpp"
#include "protocols/fastchat/parts.hpp"

namespace headrace::protocols::fastchat {

namespace asio = boost::asio;

/// What is known of a request from the gate on: the exchange's context.
struct Caller {
    std::shared_ptr<const access::Principal> who;
    /// x-ratelimit-…, once a limit was asked; later answers of the request carry them.
    mutable http::Headers limits;
};
inline const access::Principal& caller_of(const http::Exchange& exchange) {
    return *exchange.context_as<Caller>().who;
}
/// Adds how the request's limits stand.
void stamp(http::Response& response, const http::Exchange& exchange);
/// Answers, stamped.
asio::awaitable<void> answer(http::Exchange& exchange, http::Response response);

/// A call of a model as far as it has come.
struct Asked {
    std::string_view operation;  // "chat", "embed"
    std::string model;
    std::string capability;
};
/// Tells of a call that gets no job.
void tell(const Parts& parts, const http::Exchange& exchange, const Asked& asked, int number,
          int status, std::string_view message);
/// Answers one, and tells of it.
asio::awaitable<void> refuse(const Parts& parts, http::Exchange& exchange, const Asked& asked,
                             const Error& error);
/// As above, with a number of FastChat's own.
asio::awaitable<void> refuse(const Parts& parts, http::Exchange& exchange, const Asked& asked,
                             int number, std::string message);

/// The model of this name for this caller. not_found, permission_denied.
Result<catalog::VersionPtr> find_model(const Parts& parts, const access::Principal& who,
                                       std::string_view model);
/// Whether the model's interface has a field of this name that callers give.
bool takes(const catalog::Version& version, std::string_view name);
bool gives(const catalog::Version& version, std::string_view name);

/// An interactive job of the model, its input checked. invalid_argument.
Result<jobs::Submission> submission_of(const http::Exchange& exchange, catalog::VersionPtr version,
                                       catalog::Values input);

/// Holds the request against the limits of its key, app, tenant and model. quota_exceeded. Answers
/// of the request tell of them from then on.
asio::awaitable<Result<access::Permit>> admit(const Parts& parts, const http::Exchange& exchange,
                                              const jobs::Submission& submission,
                                              std::uint64_t jobs);

/// Cancels an interactive job when its connection is given up, whatever the way.
class Abandon {
  public:
    Abandon(jobs::Service& jobs, JobId id) : jobs_(&jobs), id_(id) {}
    ~Abandon() {
        if (jobs_ != nullptr) jobs_->hang_up(id_);
    }
    Abandon(Abandon&& other) noexcept
        : jobs_(std::exchange(other.jobs_, nullptr)), id_(other.id_) {}
    Abandon& operator=(Abandon&&) = delete;
    void release() { jobs_ = nullptr; }

  private:
    jobs::Service* jobs_;
    JobId id_;
};

/// The outputs of a job that succeeded, wherever they lie.
asio::awaitable<Result<catalog::Values>> outputs_of(const Parts& parts,
                                                    std::shared_ptr<const jobs::JobRecord> job);
std::uint64_t meter_of(const jobs::JobRecord& job, std::string_view name);

}  // namespace headrace::protocols::fastchat
