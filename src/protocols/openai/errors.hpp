#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"
#include "jobs/job.hpp"

/// The one table from ErrorCode to this dialect's wire, and the shape of an error on it:
/// {"error":{"message","type","param","code"}}, all four always there.
///
/// An Error carries `param` as the path and `code` as the rule of its first violation; rules that
/// are the catalog's own ("type:string", "required") become one of the codes below.
namespace headrace::protocols::openai {

namespace code {
inline constexpr std::string_view kMissing = "missing_required_parameter";
inline constexpr std::string_view kUnsupported = "unsupported_parameter";
inline constexpr std::string_view kInvalid = "invalid_value";
inline constexpr std::string_view kContext = "context_length_exceeded";
inline constexpr std::string_view kNoModel = "model_not_found";
inline constexpr std::string_view kModelNotAllowed = "model_not_allowed";
inline constexpr std::string_view kNoQuota = "insufficient_quota";
inline constexpr std::string_view kNoWorker = "no_worker";
inline constexpr std::string_view kOverloaded = "overloaded";
}  // namespace code

/// HTTP status of an error.
int status_of(ErrorCode code);

/// What a caller is told of an error: of our own faults only where to look.
std::string_view message_of(const Error& error);
/// The member `code` of an error, empty for null.
std::string_view code_of(const Error& error, int status);
/// {"error":{…}}; `status` is what http or a handler has decided.
std::string error_body(const Error& error, int status);
/// A whole answer, without the headers that every answer has (see context.hpp).
http::Response error_response(const Error& error, int status, std::string_view path);
/// `data: {"error":{…}}` for a stream that is under way.
std::string error_event(const Error& error);

/// invalid_argument about one field.
Error bad_field(std::string param, std::string_view code, std::string message);
Error missing_field(std::string_view param);
Error unsupported_field(std::string_view param);
/// A refusal of the catalog's, in words of this wire.
Error invalid_input(Error error);
/// not_found of a model: for what is not there, and for what this key may not see.
Error no_such_model(std::string_view model);

/// What the caller is told of a job that did not succeed.
Error job_failure(const jobs::JobRecord& job);

}  // namespace headrace::protocols::openai
