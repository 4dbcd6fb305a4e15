#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace headrace::jobs {
struct JobError;
}

/// The one table from ErrorCode to FastChat's numbers, and the shapes of errors on its wire.
namespace headrace::protocols::fastchat {

namespace code {
inline constexpr int kValidation = 40001;
inline constexpr int kNoKey = 40101;
inline constexpr int kWrongKey = 40102;
inline constexpr int kNotAllowed = 40103;
inline constexpr int kNoModel = 40301;
inline constexpr int kRange = 40302;
inline constexpr int kContext = 40303;
inline constexpr int kRateLimit = 42901;
inline constexpr int kInternal = 50001;
inline constexpr int kNoWorker = 50005;
inline constexpr int kWorkerTimeout = 50006;
}  // namespace code

/// What a caller is told of an error: of our own faults nothing.
std::string_view message_of(const Error& error);
/// FastChat's number of an error.
int number_of(ErrorCode code);
/// Of a job's error, whose code may be one of the interface's own.
int number_of(const jobs::JobError& error);

/// 400 {"object":"error","message","code"}: what FastChat's API answers, whatever went wrong.
http::Response api_error(int number, std::string_view message);
/// As above, for an Error; no key and a wrong one are 401 in the shape that its clients know.
http::Response api_error(const Error& error);
/// As above, for a job that failed, with what it says of when to try again.
http::Response api_error(const jobs::JobError& error);
/// {"detail": …}: what its controller answers, and both to what is not there.
http::Response detail(int status, std::string_view message);

/// One chunk of a worker's stream that says what went wrong, with its NUL.
std::string error_chunk(int number, std::string_view message);

}  // namespace headrace::protocols::fastchat
