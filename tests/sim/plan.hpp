#pragma once

#include <cstdint>
#include <string>

namespace headrace::sim {

/// What an engine does with a job, carried as the job's input.
struct Plan {
    char kind = 'o';  // one of those below
    std::uint32_t ms = 1;
    std::uint32_t times = 0;

    static constexpr char kFine = 'o';      // succeeds after `ms`
    static constexpr char kPoison = 'p';    // takes its process down after `ms`
    static constexpr char kHang = 'h';      // never says anything
    static constexpr char kFlaky = 'r';     // a retryable error in the first `times` attempts
    static constexpr char kBad = 'b';       // an error that is not retryable
    static constexpr char kHopeless = 'e';  // a retryable error every time
    static constexpr char kSession = 's';   // answers each step, ends after the last

    [[nodiscard]] std::string text() const {
        return std::string(1, kind) + ' ' + std::to_string(ms) + ' ' + std::to_string(times);
    }
    static Plan parse(const std::string& text) {
        Plan plan;
        if (text.empty()) return plan;
        plan.kind = text[0];
        std::size_t used = 0;
        plan.ms = static_cast<std::uint32_t>(std::stoul(text.substr(2), &used));
        plan.times = static_cast<std::uint32_t>(std::stoul(text.substr(2 + used)));
        return plan;
    }
};

}  // namespace headrace::sim
