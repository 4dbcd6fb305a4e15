#pragma once

#include <string>
#include <vector>

#include "jobs/observer.hpp"
#include "telemetry/otlp.hpp"

namespace headrace::main {

/// What OpenTelemetry's conventions for generative AI call the work of an ended job; empty for jobs
/// that are none. `reasons`: why it ended, as far as its parts told. Never holds anything of a
/// prompt or an answer.
telemetry::Attributes gen_ai_attributes(const jobs::JobRecord& job, const jobs::EndFacts& facts,
                                        std::vector<std::string> reasons = {});

/// server.address and server.port of "http://host:8000/v1"; empty for what is no address.
telemetry::Attributes server_attributes(const std::string& base_url);

}  // namespace headrace::main
