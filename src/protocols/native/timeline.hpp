#pragma once

#include <memory>
#include <span>
#include <string>

#include "jobs/events.hpp"
#include "jobs/job.hpp"

/// Where a job's time went, from what its record and its events tell.
namespace headrace::protocols::native {

/// [{"name","attempt","worker","start","end","error"}…] in the order of their beginning. A span
/// that goes on has a null `end`.
std::string spans_text(const jobs::JobRecord& job);

/// [{"time","level","stream","message","attempt"}…] of the events that are still held.
std::string logs_text(std::span<const std::shared_ptr<const jobs::JobEvent>> events);

}  // namespace headrace::protocols::native
