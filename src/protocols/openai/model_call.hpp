#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "access/limits.hpp"
#include "catalog/version.hpp"
#include "http/exchange.hpp"
#include "jobs/submission.hpp"
#include "protocols/openai/parts.hpp"

namespace headrace::protocols::openai {

namespace asio = boost::asio;

/// One call of a model by one key: the one place between a body's `model` and its jobs. What a key
/// may use and how much of it is decided here and nowhere else. Its end settles what was used: what
/// the engine counted, or, where a client left before that, what it was seen to do.
class ModelCall {
  public:
    /// not_found (model_not_found) for what is not there or is no model of this profile,
    /// permission_denied (model_not_allowed) for what the key may not use, quota_exceeded.
    /// `prompt_tokens` and `most_tokens`: guesses before any model has seen the request; most is
    /// what the answer may have.
    static asio::awaitable<Result<ModelCall>> begin(Site& site, const http::Exchange& exchange,
                                                    std::string_view model,
                                                    catalog::Profile profile,
                                                    std::uint64_t prompt_tokens,
                                                    std::uint64_t most_tokens = 0);
    ModelCall(ModelCall&&) noexcept = default;
    ModelCall& operator=(ModelCall&&) = delete;
    ~ModelCall();

    [[nodiscard]] const catalog::Version& version() const { return *version_; }
    /// As the body named it; answers repeat it.
    [[nodiscard]] const std::string& model() const { return model_; }

    /// An interactive job of this call, its input to be filled in.
    [[nodiscard]] jobs::Submission submission(const http::Exchange& exchange) const;

    /// What one of its jobs consumed.
    void consumed(const jobs::Usage& usage);
    /// A part of an answer went out.
    void streamed() { ++steps_; }
    /// Its jobs are with the core: from here on it counts.
    void started();

  private:
    ModelCall(const http::Exchange& exchange, catalog::VersionPtr version, std::string model,
              std::uint64_t prompt_tokens)
        : exchange_(&exchange),
          version_(std::move(version)),
          model_(std::move(model)),
          guess_(prompt_tokens) {}

    const http::Exchange* exchange_;
    catalog::VersionPtr version_;  // null once moved from
    std::string model_;
    access::Permit permit_;
    std::uint64_t guess_;
    std::uint64_t used_ = 0;
    std::uint64_t steps_ = 0;
    bool started_ = false;
};

/// What begin() does without limits: for jobs that nobody waits for.
Result<catalog::VersionPtr> find_model(Site& site, const access::Principal& who,
                                       std::string_view model, catalog::Profile profile);

/// Whether an interface has a parameter of this name.
bool has_parameter(const catalog::Interface& interface, std::string_view name);

/// A meter of a job by any of two names; 0 where it has none.
std::uint64_t meter(const jobs::Usage& usage, std::string_view name, std::string_view other = {});

}  // namespace headrace::protocols::openai
