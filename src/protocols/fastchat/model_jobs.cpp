#include "protocols/fastchat/model_jobs.hpp"

#include <algorithm>

#include "access/admission.hpp"
#include "catalog/catalog.hpp"
#include "jobs/blob_io.hpp"
#include "protocols/fastchat/errors.hpp"

namespace headrace::protocols::fastchat {
namespace {

bool has(const std::vector<catalog::FieldSpec>& fields, std::string_view name) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const catalog::FieldSpec& field) { return field.name == name; });
}

/// What the catalog refuses, in a sentence: this wire has no list of violations.
Error in_words(Error error) {
    if (error.violations.empty()) return error;
    const auto& first = error.violations.front();
    error.message = first.path + ": " + first.rule;
    if (!first.limit.empty()) error.message += ' ' + first.limit;
    return error;
}

}  // namespace

void tell(const Parts& parts, const http::Exchange& exchange, const Asked& asked, int number,
          int status, std::string_view message) {
    if (!parts.refused) return;
    const auto& who = caller_of(exchange);
    const auto& trace = exchange.head().trace;
    access::Refusal refusal;
    refusal.tenant = who.tenant;
    refusal.key = who.key_id;
    refusal.capability = asked.capability;
    refusal.model = asked.model;
    refusal.operation = asked.operation;
    refusal.status = status;
    refusal.code = std::to_string(number);
    refusal.message = message;
    refusal.trace = trace.trace_id();
    parts.refused(std::move(refusal));
}

void stamp(http::Response& response, const http::Exchange& exchange) {
    for (const auto& field : exchange.context_as<Caller>().limits.fields()) {
        response.headers.add(field.name, field.value);
    }
}

asio::awaitable<void> answer(http::Exchange& exchange, http::Response response) {
    stamp(response, exchange);
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> refuse(const Parts& parts, http::Exchange& exchange, const Asked& asked,
                             const Error& error) {
    auto response = api_error(error);
    tell(parts, exchange, asked, number_of(error.code), response.status, message_of(error));
    co_await answer(exchange, std::move(response));
}

asio::awaitable<void> refuse(const Parts& parts, http::Exchange& exchange, const Asked& asked,
                             int number, std::string message) {
    auto response = api_error(number, message);
    tell(parts, exchange, asked, number, response.status, message);
    co_await answer(exchange, std::move(response));
}

Result<catalog::VersionPtr> find_model(const Parts& parts, const access::Principal& who,
                                       std::string_view model) {
    auto version = parts.catalog.snapshot()->resolve_model(who.tenant, model);
    if (!version) {
        return fail(ErrorCode::not_found, "there is no model " + std::string(model));
    }
    if (!access::may_use(who, (*version)->name, (*version)->model)) {
        return fail(ErrorCode::permission_denied,
                    "this key may not use the model " + std::string(model));
    }
    return version;
}

bool takes(const catalog::Version& version, std::string_view name) {
    return has(version.interface().parameters, name) || has(version.interface().inputs, name);
}

bool gives(const catalog::Version& version, std::string_view name) {
    return has(version.interface().outputs, name);
}

Result<jobs::Submission> submission_of(const http::Exchange& exchange, catalog::VersionPtr version,
                                       catalog::Values input) {
    if (auto ok = version->validator->check(catalog::Side::input, input); !ok) {
        return fail(in_words(std::move(ok).error()));
    }
    const auto& who = caller_of(exchange);
    const auto& trace = exchange.head().trace;
    jobs::Submission out;
    out.tenant = who.tenant;
    out.caller = who.key_id;
    out.version = std::move(version);
    out.job_class = jobs::JobClass::interactive;
    out.traceparent = trace.traceparent(trace.parent_id());
    out.input.values = catalog::encode(input);
    return out;
}

asio::awaitable<Result<access::Permit>> admit(const Parts& parts, const http::Exchange& exchange,
                                              const jobs::Submission& submission,
                                              std::uint64_t jobs) {
    // A guess until the engine tells: a token has some three bytes.
    constexpr std::uint64_t kBytesPerToken = 3;
    const auto tokens = jobs * (submission.input.values.size() / kBytesPerToken + 1);
    const auto& who = caller_of(exchange);
    std::string model = submission.version->model;
    auto permit = parts.limiter.admit(who, model, tokens);
    if (access::must_wait(permit)) {
        permit = co_await access::admit_with_share(parts.limiter, who, model, tokens);
    }
    auto& headers = exchange.context_as<Caller>().limits;
    const auto view = permit ? permit->view() : parts.limiter.view(who, model);
    for (auto& [name, value] : access::limit_headers(view)) {
        headers.set(std::string(name), std::move(value));
    }
    co_return permit;
}

asio::awaitable<Result<catalog::Values>> outputs_of(const Parts& parts,
                                                    std::shared_ptr<const jobs::JobRecord> job) {
    if (!job->output) co_return catalog::Values{};
    if (!job->output->spilled) co_return catalog::decode(job->output->values);
    auto tenant = job->tenant;
    const auto blob = *job->output->spilled;
    auto bytes = co_await jobs::load_bytes(parts.blobs, std::move(tenant), blob, blob.size);
    if (!bytes) co_return fail(std::move(bytes).error());
    co_return catalog::decode(*bytes);
}

std::uint64_t meter_of(const jobs::JobRecord& job, std::string_view name) {
    for (const auto& meter : job.usage.meters) {
        if (meter.name == name && meter.value > 0) return static_cast<std::uint64_t>(meter.value);
    }
    return 0;
}

}  // namespace headrace::protocols::fastchat
