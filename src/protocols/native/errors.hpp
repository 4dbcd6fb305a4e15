#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

/// The one table from ErrorCode to this dialect's wire, and the shape of an error on it.
namespace headrace::protocols::native {

/// HTTP status of an error.
int status_of(ErrorCode code);

/// The word that stands as `code`: one of the closed list of ErrorCode words that clients know. The
/// codes that only choose a status (gone, idempotency_clash, unsupported_media) go by their kin.
std::string_view wire_word(ErrorCode code);

/// application/problem+json for `error`; `status` is what http or a handler has decided. A 400
/// always carries `errors`; a 500 tells nothing but its trace id, under which the log has the rest.
http::Response problem(const Error& error, int status, const http::RequestHead& head);

/// invalid_argument about one place of the request.
Error invalid(std::string path, std::string rule, std::string limit, std::string message);

}  // namespace headrace::protocols::native
