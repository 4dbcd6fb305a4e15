#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sampler.hpp"

namespace headrace::llama {

/// What one sequence of the context holds.
struct Held {
    std::vector<Token> tokens;    // whose keys and values are in memory, in order
    std::uint64_t last_used = 0;  // rises with every use
    bool busy = false;
};

struct Choice {
    std::size_t sequence = 0;
    std::size_t common = 0;  // tokens from the start that need not be computed again
};

/// The sequence for a prompt: the idle one that begins like it for longest. One that would lose
/// more than half of what it holds is left alone while another will do, so that a greeting that all
/// conversations share does not throw a long one out; then the one longest unused is taken.
/// Precondition: at least one is idle. `common` stays below the prompt's length, as its last token
/// must be computed to know what comes next.
Choice choose_sequence(std::span<const Held> sequences, std::span<const Token> prompt);

}  // namespace headrace::llama
