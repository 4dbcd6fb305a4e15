#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace headrace {

using std::chrono::milliseconds;

/// Steady time: orders events inside one run of the process, never jumps.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

/// Wall time in milliseconds since the Unix epoch: what records and wires carry. 0 = not set.
using WallMs = std::int64_t;

/// The one source of time for state machines; tests and the simulation pass a virtual one.
class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual SteadyTime now() const = 0;
    [[nodiscard]] virtual WallMs wall() const = 0;
};

/// The real clock. Thread-safe.
class SystemClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override;
    [[nodiscard]] WallMs wall() const override;
};

/// RFC 3339 in UTC with milliseconds and Z: "2026-11-24T13:40:00.123Z".
std::string to_rfc3339(WallMs time);

/// Reads RFC 3339 with any offset and 0 to 9 digits of a second's fraction.
Result<WallMs> from_rfc3339(std::string_view text);

}  // namespace headrace
