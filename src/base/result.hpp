#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace headrace {

/// The closed set of reasons for which a request, job or call can fail. Each dialect maps it to its
/// own wire in one table.
enum class ErrorCode {
    invalid_argument,
    unauthenticated,
    permission_denied,
    not_found,
    conflict,
    gone,               // it existed and was removed
    idempotency_clash,  // the key was used before with another body
    quota_exceeded,
    too_large,
    unsupported_media,
    unavailable,
    deadline_exceeded,
    cancelled,
    engine_failed,
    internal,
};

/// The word of a code on every wire of ours, e.g. "invalid_argument".
std::string_view to_string(ErrorCode code);

/// The code of a word; `internal` for an unknown one.
ErrorCode error_code_from(std::string_view word);

/// One violated rule of one field. Never holds the offending content, only where and which bound.
struct Violation {
    std::string path;   // JSON pointer-like, e.g. "input.lines[3].score"
    std::string rule;   // e.g. "required", "type:string", "max_length", "unknown_field"
    std::string limit;  // the bound that was passed, empty where there is none
};

/// What went wrong, for a human (`message`) and for a machine (`code`, `violations`).
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;
    std::vector<Violation> violations;
    /// Seconds after which trying again makes sense; 0 = no hint. Set for quota_exceeded and
    /// unavailable.
    int retry_after_s = 0;
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorCode::not_found, "no such job");`
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
    return tl::unexpected<Error>(Error{code, std::move(message), {}, 0});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

}  // namespace headrace
