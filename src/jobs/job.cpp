#include "jobs/job.hpp"

#include <array>

#include "jobs/worker_port.hpp"

namespace headrace::jobs {
namespace {
constexpr std::array<std::string_view, 6> kStates = {"queued", "running",   "succeeded",
                                                     "failed", "cancelled", "expired"};
}

std::string_view to_string(JobState state) {
    return kStates.at(static_cast<std::size_t>(state));
}

std::optional<JobState> job_state_from(std::string_view word) {
    for (std::size_t i = 0; i < kStates.size(); ++i) {
        if (kStates[i] == word) return static_cast<JobState>(i);
    }
    return std::nullopt;
}

std::string_view to_string(CancelReason reason) {
    switch (reason) {
        case CancelReason::cancelled:
            return "cancelled";
        case CancelReason::timeout:
            return "timeout";
        case CancelReason::deadline:
            return "deadline";
        case CancelReason::lost:
            return "lost";
    }
    return "lost";
}

}  // namespace headrace::jobs
