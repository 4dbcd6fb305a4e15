#include "stores/migrations/steps.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/digest.hpp"

namespace headrace::stores {

std::string checksum(const Step& step) {
    return to_hex(sha256(step.up.text()));
}

Result<void> check_applied(std::span<const Step> steps, std::span<const AppliedStep> applied) {
    for (std::size_t i = 0; i < applied.size(); ++i) {
        const AppliedStep& row = applied[i];
        if (i >= steps.size()) {
            return fail(ErrorCode::conflict,
                        fmt::format("was written by a newer version of headrace: it has step {} "
                                    "({}, applied by {}), this program knows {}. Run that version "
                                    "or a later one, or let it go back with `headrace migrate down "
                                    "--to {}`",
                                    row.number, row.name, row.program, steps.size(), steps.size()));
        }
        if (row.number != steps[i].number || row.checksum != checksum(steps[i])) {
            return fail(ErrorCode::conflict,
                        fmt::format("step {} ({}, applied by {}) is not the one of this program. "
                                    "Run the version that applied it, or restore a backup",
                                    row.number, row.name, row.program));
        }
    }
    return {};
}

Result<std::vector<Move>> plan_to(std::span<const Step> steps, std::span<const AppliedStep> applied,
                                  int target) {
    if (auto known = check_applied(steps, applied); !known) return fail(known.error());
    if (target < 0 || target > static_cast<int>(steps.size())) {
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("there is no step {}: this program knows 0 to {}", target, steps.size()));
    }
    std::vector<Move> moves;
    const auto to = static_cast<std::size_t>(target);
    for (std::size_t i = applied.size(); i < to; ++i) moves.push_back({&steps[i], true});
    for (std::size_t i = applied.size(); i > to; --i) moves.push_back({&steps[i - 1], false});
    return moves;
}

Result<std::vector<Move>> plan_start(std::span<const Step> steps,
                                     std::span<const AppliedStep> applied) {
    auto moves = plan_to(steps, applied, static_cast<int>(steps.size()));
    if (!moves) return moves;
    // A database that is made new has nobody who needs what a later step takes away.
    if (applied.empty()) return moves;
    const auto contracts = [](const Move& move) { return move.step->kind == StepKind::contract; };
    moves->erase(std::find_if(moves->begin(), moves->end(), contracts), moves->end());
    return moves;
}

std::string as_script(std::span<const Move> moves) {
    std::string out;
    for (const Move& move : moves) {
        out += fmt::format("-- step {} {} ({})\n", move.step->number, move.up ? "up" : "down",
                           move.step->name);
        std::string_view text = move.sql();
        while (!text.empty() && text.front() == '\n') text.remove_prefix(1);
        out += text;
        if (!text.ends_with('\n')) out += '\n';
    }
    return out;
}

}  // namespace headrace::stores
