#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "jobs/job.hpp"

namespace headrace::jobs {

/// A meter by any of two names; 0 where there is none.
inline std::uint64_t meter_of(const Usage& usage, std::string_view name, std::string_view other) {
    for (const auto& meter : usage.meters) {
        if (meter.name != name && meter.name != other) continue;
        return meter.value > 0 && meter.value < 1e15
                   ? static_cast<std::uint64_t>(std::llround(meter.value))
                   : 0;
    }
    return 0;
}

/// Tokens of prompt and completion together, where the engine metered them; else 0.
inline std::uint64_t tokens_of(const Usage& usage) {
    return meter_of(usage, "prompt_tokens", "input_tokens") +
           meter_of(usage, "completion_tokens", "output_tokens");
}

}  // namespace headrace::jobs
