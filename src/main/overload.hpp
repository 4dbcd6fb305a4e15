#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace headrace::main {

/// What the server can run out of.
enum class Resource : std::uint8_t { memory, descriptors, queue_bytes };
inline constexpr std::size_t kResources = 3;
std::string_view to_string(Resource resource);

/// What it does about that, mildest first.
enum class OverloadAction : std::uint8_t {
    close_idle,
    shed_streams,
    stop_accepting_jobs,
    not_ready
};
inline constexpr std::size_t kOverloadActions = 4;
std::string_view to_string(OverloadAction action);

struct ResourceUse {
    std::uint64_t used = 0;
    std::uint64_t limit = 0;  // 0 = not watched
};
using ResourceUses = std::array<ResourceUse, kResources>;

/// Decides which actions are on. Each goes on when the scarcest resource reaches its mark and off
/// when it has fallen well below it, so that nothing flutters. Pure.
class Overload {
  public:
    /// Shares of the limit. The last mark is the limit itself: readiness turns false last.
    static constexpr std::array<double, kOverloadActions> kMarks{0.85, 0.90, 0.95, 1.00};
    static constexpr double kSlack = 0.05;

    struct Change {
        OverloadAction action;
        bool on;
    };
    /// The changes since the last look, in order; `count` of them.
    struct Changes {
        std::array<Change, kOverloadActions> list;
        std::size_t count = 0;
    };
    Changes look(const ResourceUses& uses);

    [[nodiscard]] bool is_on(OverloadAction action) const {
        return on_.at(static_cast<std::size_t>(action));
    }
    /// Used share of a resource, as of the last look.
    [[nodiscard]] double pressure(Resource resource) const {
        return pressures_.at(static_cast<std::size_t>(resource));
    }
    /// The scarcest.
    [[nodiscard]] Resource worst() const;

  private:
    std::array<bool, kOverloadActions> on_{};
    std::array<double, kResources> pressures_{};
};

}  // namespace headrace::main
