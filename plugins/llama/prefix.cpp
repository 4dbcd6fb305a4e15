#include "prefix.hpp"

#include <algorithm>

namespace headrace::llama {

Choice choose_sequence(std::span<const Held> sequences, std::span<const Token> prompt) {
    Choice best;
    std::size_t oldest = sequences.size();
    bool found = false;
    const auto common_with = [&](const Held& held) {
        const auto length = std::min(held.tokens.size(), prompt.empty() ? 0 : prompt.size() - 1);
        const auto end = held.tokens.begin() + static_cast<std::ptrdiff_t>(length);
        const auto differ = std::mismatch(held.tokens.begin(), end, prompt.begin()).first;
        return static_cast<std::size_t>(differ - held.tokens.begin());
    };
    for (std::size_t i = 0; i < sequences.size(); ++i) {
        const Held& held = sequences[i];
        if (held.busy) continue;
        if (oldest == sequences.size() || held.last_used < sequences[oldest].last_used) oldest = i;
        const std::size_t common = common_with(held);
        if (common > best.common && common * 2 >= held.tokens.size()) {
            best = {i, common};
            found = true;
        }
    }
    if (!found) best = {oldest, common_with(sequences[oldest])};
    return best;
}

}  // namespace headrace::llama
