#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace headrace::llama {

/// Why something cannot be done. `code` is an error code word of Headrace or one that engine.toml
/// declares; `message` names the field or setting to change.
struct Problem {
    std::string code;
    std::string message;
};

template <class T>
using Result = tl::expected<T, Problem>;

inline tl::unexpected<Problem> bad_argument(std::string message) {
    return tl::unexpected(Problem{"invalid_argument", std::move(message)});
}

}  // namespace headrace::llama
