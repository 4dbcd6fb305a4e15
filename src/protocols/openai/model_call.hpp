#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "catalog/version.hpp"
#include "http/exchange.hpp"
#include "jobs/submission.hpp"
#include "protocols/openai/parts.hpp"

namespace headrace::protocols::openai {

/// One call of a model by one key: the one place between a body's `model` and its jobs. What a key
/// may use and how much of it is decided here and nowhere else.
class ModelCall {
  public:
    /// not_found (model_not_found) for what is not there or is no model of this profile,
    /// permission_denied (model_not_allowed) for what the key may not use, quota_exceeded.
    /// `estimated_tokens`: of prompt and answer together, settled at the end.
    static Result<ModelCall> begin(Site& site, const http::Exchange& exchange,
                                   std::string_view model, catalog::Profile profile,
                                   std::uint64_t estimated_tokens);

    [[nodiscard]] const catalog::Version& version() const { return *version_; }
    /// As the body named it; answers repeat it.
    [[nodiscard]] const std::string& model() const { return model_; }

    /// An interactive job of this call, its input to be filled in.
    [[nodiscard]] jobs::Submission submission(const http::Exchange& exchange) const;

    /// What one of its jobs consumed.
    void consumed(const jobs::Usage& usage);

  private:
    ModelCall(catalog::VersionPtr version, std::string model)
        : version_(std::move(version)), model_(std::move(model)) {}

    catalog::VersionPtr version_;
    std::string model_;
};

/// Whether an interface has a parameter of this name.
bool has_parameter(const catalog::Interface& interface, std::string_view name);

/// A meter of a job by any of two names; 0 where it has none.
std::uint64_t meter(const jobs::Usage& usage, std::string_view name, std::string_view other = {});

}  // namespace headrace::protocols::openai
