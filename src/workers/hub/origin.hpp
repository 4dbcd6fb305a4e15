#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/unique_function.hpp"

namespace headrace::workers::hub {

/// Who is at the other end of a link.
struct Origin {
    TenantId tenant;
    std::string key;  // id of the worker key; empty for a local host
    // Of local hosts only.
    std::uint64_t local_id = 0;
    UniqueFunction<void(std::string)> kill;  // ends the process
    UniqueFunction<void()> ready;            // it has offered its slots for the first time
    std::vector<std::string> gpus;           // that its supervisor gave it
    [[nodiscard]] bool is_local() const { return local_id != 0; }
};

}  // namespace headrace::workers::hub
