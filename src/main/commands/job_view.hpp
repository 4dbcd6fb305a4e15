#pragma once

#include <string>

#include "base/json.hpp"

namespace headrace::main {

/// Run time of a job object, from start to end or now; "" before its start.
std::string job_took(const json::value& job);

/// "2nd in line, about 12 s": where a queued job stands; "" when unknown.
std::string queue_text(const json::value& job);

/// A job object in full, for people.
std::string job_text(const json::value& job);

/// "code: message (reason)" of a job's error, "" when it has none.
std::string job_error_text(const json::value& job);

}  // namespace headrace::main
