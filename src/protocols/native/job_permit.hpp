#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "access/limits.hpp"
#include "catalog/version.hpp"
#include "http/exchange.hpp"
#include "jobs/tokens.hpp"
#include "protocols/native/parts.hpp"

namespace headrace::protocols::native {

/// A job's place under the limits of its caller and model, for as long as its request lives. What
/// nobody told how it went counts as it was estimated, so that hanging up saves nothing.
class JobPermit {
  public:
    JobPermit(access::Permit permit, std::uint64_t estimate)
        : permit_(std::move(permit)), estimate_(estimate) {}
    JobPermit(JobPermit&& other) noexcept
        : permit_(std::move(other.permit_)),
          estimate_(other.estimate_),
          open_(std::exchange(other.open_, false)) {}
    JobPermit& operator=(JobPermit&&) = delete;
    ~JobPermit() {
        if (open_) permit_.settle(estimate_);
    }

    /// The job has ended, and this is what it took.
    void ended(const jobs::Usage& usage) {
        const auto tokens = jobs::tokens_of(usage);
        close(tokens);
    }
    /// It is durable, and goes on without this request: its end is counted when it comes.
    void handed_over() { close(0); }
    /// The core did not take it.
    void withdraw() {
        if (std::exchange(open_, false)) permit_.withdraw();
    }
    [[nodiscard]] access::LimitsView view() const { return permit_.view(); }

  private:
    void close(std::uint64_t tokens) {
        if (std::exchange(open_, false)) permit_.settle(tokens);
    }

    access::Permit permit_;
    std::uint64_t estimate_;
    bool open_ = true;
};

/// Admits a job of this version with so many bytes of input: quota_exceeded with the limit it
/// meets. `who` must outlive it.
boost::asio::awaitable<Result<JobPermit>> take_permit(Site& site, const access::Principal& who,
                                                      const catalog::Version& version,
                                                      std::size_t input_bytes);
/// The same, and a refusal is the request's answer, headers and all: then nullopt.
boost::asio::awaitable<std::optional<JobPermit>> admit_job(Site& site, http::Exchange& exchange,
                                                           const catalog::Version& version,
                                                           std::size_t input_bytes);

}  // namespace headrace::protocols::native
