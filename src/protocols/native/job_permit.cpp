#include "protocols/native/job_permit.hpp"

#include <string>

#include "access/admission.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/limits_json.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {
namespace {

/// Of the prompt; the answer's are counted when they are there. Only what is text to a model has
/// tokens.
std::uint64_t expected_tokens(const catalog::Version& version, std::size_t input_bytes) {
    const auto profile = version.interface().profile;
    const bool has_tokens =
        profile && (*profile == catalog::Profile::chat || *profile == catalog::Profile::embed ||
                    *profile == catalog::Profile::rerank);
    return has_tokens ? access::estimated_tokens(input_bytes) : 0;
}

}  // namespace

boost::asio::awaitable<Result<JobPermit>> take_permit(Site& site, const access::Principal& who,
                                                      const catalog::Version& version,
                                                      std::size_t input_bytes) {
    const auto tokens = expected_tokens(version, input_bytes);
    auto& limits = site.parts.limits;
    auto permit = limits.admit(who, version.model, tokens);
    if (access::must_wait(permit)) {
        permit = co_await access::admit_with_share(limits, who, version.model, tokens);
    }
    if (!permit) co_return fail(std::move(permit).error());
    co_return JobPermit(std::move(*permit), tokens);
}

boost::asio::awaitable<std::optional<JobPermit>> admit_job(Site& site, http::Exchange& exchange,
                                                           const catalog::Version& version,
                                                           std::size_t input_bytes) {
    const auto& who = caller_of(exchange);
    auto permit = co_await take_permit(site, who, version, input_bytes);
    if (permit) co_return std::move(*permit);
    const auto& error = permit.error();
    auto response = problem(error, status_of(error.code), exchange.head());
    add_limit_headers(response.headers, site.parts.limits.view(who, version.model));
    co_await exchange.respond(std::move(response));
    co_return std::nullopt;
}

}  // namespace headrace::protocols::native
