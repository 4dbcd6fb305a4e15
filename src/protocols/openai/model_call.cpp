#include "protocols/openai/model_call.hpp"

#include <algorithm>
#include <cmath>

#include "access/admission.hpp"
#include "access/principal.hpp"
#include "catalog/catalog.hpp"
#include "catalog/profile.hpp"
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
    if (profile == catalog::Profile::embed) {
        return bad_field("model", code::kInvalid,
                         "The model '" + std::string(model) + "' makes no embeddings.");
    }
    return Error{ErrorCode::not_found,
                 "The model '" + std::string(model) + "' is no " +
                     std::string(catalog::to_string(profile)) +
                     " model and is not supported by this endpoint.",
                 {Violation{"model", "", ""}},
                 0};
}

/// Answers carry the limits from here on, refusals too.
void note_limits(const http::Exchange& exchange, const access::LimitsView& view) {
    auto& headers = context_of(exchange).limits;
    for (auto& [name, value] : access::limit_headers(view)) {
        headers.set(std::string(name), std::move(value));
    }
}

}  // namespace

Result<catalog::VersionPtr> find_model(Site& site, const access::Principal& who,
                                       std::string_view model, catalog::Profile profile) {
    auto version = site.parts.catalog.snapshot()->resolve_model(who.tenant, model);
    if (!version) return fail(no_such_model(model));
    if (!access::may_use(who, (*version)->name, (*version)->model)) return fail(not_allowed(model));
    const auto& interface = (*version)->interface();
    if (!catalog::serves(interface, profile) || interface.mode != catalog::Mode::once) {
        return fail(wrong_profile(model, profile));
    }
    return version;
}

asio::awaitable<Result<ModelCall>> ModelCall::begin(Site& site, const http::Exchange& exchange,
                                                    std::string_view model,
                                                    catalog::Profile profile,
                                                    std::uint64_t prompt_tokens,
                                                    std::uint64_t most_tokens) {
    const auto& who = caller_of(exchange);
    auto& asked = context_of(exchange).asked;
    const bool told = !asked.operation.empty();
    if (told) asked.name = model;
    auto version = find_model(site, who, model, profile);
    if (!version) co_return fail(std::move(version).error());
    if (told) asked.capability = (*version)->name;
    ModelCall call(exchange, std::move(*version), std::string(model), prompt_tokens);
    auto& limiter = site.parts.limiter;
    const std::string& name = call.version_->model;
    const auto tokens = prompt_tokens + most_tokens;
    auto permit = limiter.admit(who, name, tokens);
    if (access::must_wait(permit)) {
        permit = co_await access::admit_with_share(limiter, who, name, tokens);
    }
    note_limits(exchange, permit ? permit->view() : limiter.view(who, name));
    if (!permit) co_return fail(std::move(permit).error());
    call.permit_ = std::move(*permit);
    co_return Result<ModelCall>(std::move(call));
}

ModelCall::~ModelCall() {
    if (!version_ || !started_) return;
    permit_.settle(used_ > 0 ? used_ : guess_ + steps_);
}

void ModelCall::started() {
    started_ = true;
    context_of(*exchange_).asked.has_job = true;
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

void ModelCall::consumed(const jobs::Usage& usage) {
    used_ += meter(usage, "prompt_tokens", "input_tokens") +
             meter(usage, "completion_tokens", "output_tokens");
}

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
