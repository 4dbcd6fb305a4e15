#include "protocols/openai/model_call.hpp"

#include <algorithm>
#include <cmath>

#include "access/principal.hpp"
#include "catalog/catalog.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

Error not_allowed(std::string_view model) {
    return Error{ErrorCode::permission_denied,
                 "This API key may not use the model '" + std::string(model) + "'.",
                 {Violation{"model", std::string(code::kModelNotAllowed), ""}},
                 0};
}

Error wrong_profile(std::string_view model, catalog::Profile profile) {
    return Error{ErrorCode::not_found,
                 "The model '" + std::string(model) + "' is no " +
                     std::string(catalog::to_string(profile)) +
                     " model and is not supported by this endpoint.",
                 {Violation{"model", "", ""}},
                 0};
}

}  // namespace

Result<ModelCall> ModelCall::begin(Site& site, const http::Exchange& exchange,
                                   std::string_view model, catalog::Profile profile,
                                   [[maybe_unused]] std::uint64_t estimated_tokens) {
    const auto& who = caller_of(exchange);
    auto version = site.parts.catalog.snapshot()->resolve_model(who.tenant, model);
    if (!version) return fail(no_such_model(model));
    if (!access::may_use(who, (*version)->name)) return fail(not_allowed(model));
    const auto& interface = (*version)->interface();
    if (interface.profile != profile || interface.mode != catalog::Mode::once) {
        return fail(wrong_profile(model, profile));
    }
    return ModelCall(std::move(*version), std::string(model));
}

jobs::Submission ModelCall::submission(const http::Exchange& exchange) const {
    const auto& who = caller_of(exchange);
    const auto& trace = exchange.head().trace;
    jobs::Submission submission;
    submission.tenant = who.tenant;
    submission.caller = who.key_id;
    submission.version = version_;
    submission.job_class = jobs::JobClass::interactive;
    submission.traceparent = trace.traceparent(trace.parent_id());
    return submission;
}

void ModelCall::consumed(const jobs::Usage&) {}

bool has_parameter(const catalog::Interface& interface, std::string_view name) {
    const auto& all = interface.parameters;
    const auto at = std::lower_bound(
        all.begin(), all.end(), name,
        [](const catalog::FieldSpec& spec, std::string_view wanted) { return spec.name < wanted; });
    return at != all.end() && at->name == name;
}

std::uint64_t meter(const jobs::Usage& usage, std::string_view name, std::string_view other) {
    for (const auto& each : usage.meters) {
        if (each.name != name && (other.empty() || each.name != other)) continue;
        return each.value > 0 ? static_cast<std::uint64_t>(std::llround(each.value)) : 0;
    }
    return 0;
}

}  // namespace headrace::protocols::openai
