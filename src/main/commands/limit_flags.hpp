#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "main/cli.hpp"

namespace headrace::main {

/// --requests-per-minute and the other limits; 0 takes one away.
struct LimitFlags {
    std::optional<std::int64_t> requests_per_minute;
    std::optional<std::int64_t> requests_per_day;
    std::optional<std::int64_t> tokens_per_minute;
    std::optional<std::int64_t> concurrency;

    [[nodiscard]] bool given() const {
        return requests_per_minute || requests_per_day || tokens_per_minute || concurrency;
    }
    /// `before`, an object of limits or null, with what was given in its place.
    [[nodiscard]] json::object over(const json::value* before) const;
};

void add_limit_flags(Command& command, LimitFlags& flags);

/// "60 requests a minute, 4 at once"; empty without any.
std::string show_limits(const json::value* limits);

}  // namespace headrace::main
