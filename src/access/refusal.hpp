#pragma once

#include <functional>
#include <string>

#include "base/ids.hpp"

namespace headrace::access {

/// A call of a language model that got no job, by a caller whose key was proven: what it asked for
/// and what it was told.
struct Refusal {
    TenantId tenant;
    std::string key;         // its id
    std::string capability;  // empty where the model's name led to none
    std::string model;       // as the caller named it; empty where that was not read
    std::string operation;   // "chat", "embed"
    int status = 0;          // of HTTP
    std::string code;        // the dialect's own word or number
    std::string message;
    std::string trace;  // 32 hex digits
};

/// Hears of refusals, on any loop; must not block.
using OnRefusal = std::function<void(Refusal)>;

}  // namespace headrace::access
