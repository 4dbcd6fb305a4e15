#include "main/overload.hpp"

#include <algorithm>

namespace headrace::main {

std::string_view to_string(Resource resource) {
    constexpr std::array<std::string_view, kResources> kWords{"memory", "descriptors",
                                                              "queue_bytes"};
    return kWords.at(static_cast<std::size_t>(resource));
}

std::string_view to_string(OverloadAction action) {
    constexpr std::array<std::string_view, kOverloadActions> kWords{
        "close_idle", "shed_streams", "stop_accepting_jobs", "not_ready"};
    return kWords.at(static_cast<std::size_t>(action));
}

Resource Overload::worst() const {
    const auto most = std::max_element(pressures_.begin(), pressures_.end());
    return static_cast<Resource>(most - pressures_.begin());
}

Overload::Changes Overload::look(const ResourceUses& uses) {
    for (std::size_t i = 0; i < kResources; ++i) {
        const auto& use = uses.at(i);
        pressures_.at(i) =
            use.limit == 0 ? 0 : static_cast<double>(use.used) / static_cast<double>(use.limit);
    }
    const double most = pressure(worst());
    Changes changes;
    for (std::size_t i = 0; i < kOverloadActions; ++i) {
        const double mark = kMarks.at(i) - (on_.at(i) ? kSlack : 0);
        const bool on = most >= mark;
        if (on == on_.at(i)) continue;
        on_.at(i) = on;
        changes.list.at(changes.count++) = {static_cast<OverloadAction>(i), on};
    }
    return changes;
}

}  // namespace headrace::main
