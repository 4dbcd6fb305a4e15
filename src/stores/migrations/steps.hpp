#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "stores/base/sql.hpp"

/// What a database's schema consists of, and which steps lead from one state to another. Pure: no
/// database is known here.
namespace headrace::stores {

/// expand: adds, so that the program before this one goes on working beside it; a start applies it.
/// contract: takes away what only that older program needed; applied by `headrace migrate up` when
/// none of the older ones runs any more.
enum class StepKind : std::uint8_t { expand, contract };

/// One step of a schema. Numbers count from 1. What has been released never changes: its checksum
/// (SHA-256 of `up`) stands in every database.
struct Step {
    int number = 0;
    std::string_view name;
    StepKind kind = StepKind::expand;
    Sql up;
    Sql down;
};

/// A row of `schema_migrations`.
struct AppliedStep {
    int number = 0;
    std::string name;
    std::string checksum;  // hex
    WallMs applied_at = 0;
    std::string program;  // version of headrace that applied it
};

/// One step to be taken, in one direction.
struct Move {
    const Step* step = nullptr;
    bool up = true;
    [[nodiscard]] std::string_view sql() const { return up ? step->up.text() : step->down.text(); }
};

std::string checksum(const Step& step);

/// `conflict` when the database is of a newer program or a step was applied with another text; the
/// message says what to do.
Result<void> check_applied(std::span<const Step> steps, std::span<const AppliedStep> applied);

/// The moves that lead to the schema after step `target`, upwards or downwards. `invalid_argument`
/// when there is no such step; else as check_applied().
Result<std::vector<Move>> plan_to(std::span<const Step> steps, std::span<const AppliedStep> applied,
                                  int target);

/// The moves that a start makes: pending steps up to the first that contracts.
Result<std::vector<Move>> plan_start(std::span<const Step> steps,
                                     std::span<const AppliedStep> applied);

/// The SQL of the moves with a heading each, as `migrate --dry-run` prints it.
std::string as_script(std::span<const Move> moves);

}  // namespace headrace::stores
