#include "stores/migrations/migrate.hpp"

#include <fmt/format.h>

namespace headrace::stores {
namespace {

/// The transaction of one migration: gone when nobody commits it.
class Transaction {
  public:
    explicit Transaction(SteppedDatabase& database)
        : database_(database), begun_(database.begin()) {}
    ~Transaction() {
        if (begun_) database_.rollback();
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    [[nodiscard]] const Result<void>& begun() const { return begun_; }
    Result<void> commit() {
        auto done = database_.commit();
        if (done) begun_ = fail(ErrorCode::internal, "committed");
        return done;
    }

  private:
    SteppedDatabase& database_;
    Result<void> begun_;
};

Result<void> take(SteppedDatabase& database, std::span<const Move> moves,
                  const MigrateOptions& options) {
    for (const Move& move : moves) {
        const Step& step = *move.step;
        auto done = move.up ? Result<void>() : database.before_down(step.number);
        if (done) done = database.execute(move.up ? step.up : step.down);
        if (done && move.up) {
            done = database.note({step.number, std::string(step.name), checksum(step), options.now,
                                  options.program});
        } else if (done) {
            done = database.forget(step.number);
        }
        if (!done) {
            return fail(done.error().code, fmt::format("step {} ({}) failed: {}", step.number,
                                                       step.name, done.error().message));
        }
    }
    return {};
}

Result<void> start_in(SteppedDatabase& database, std::span<const Step> steps,
                      const MigrateOptions& options) {
    const auto applied = database.applied();
    if (!applied) return fail(applied.error());
    const auto moves = plan_start(steps, *applied);
    if (!moves) return fail(moves.error());
    if (options.on_pending == OnPending::refuse && !moves->empty()) {
        return fail(ErrorCode::conflict,
                    fmt::format("needs step {} ({}) of its schema: run `headrace migrate up`",
                                moves->front().step->number, moves->front().step->name));
    }
    return take(database, *moves, options);
}

}  // namespace

Result<void> migrate_at_start(SteppedDatabase& database, std::span<const Step> steps,
                              const MigrateOptions& options) {
    Transaction transaction(database);
    if (!transaction.begun()) return transaction.begun();
    auto done = start_in(database, steps, options);
    return done ? transaction.commit() : done;
}

Result<std::vector<Move>> migrate_to(SteppedDatabase& database, std::span<const Step> steps,
                                     std::optional<int> target, const MigrateOptions& options,
                                     bool dry_run) {
    Transaction transaction(database);
    if (!transaction.begun()) return fail(transaction.begun().error());
    const auto applied = database.applied();
    if (!applied) return fail(applied.error());
    auto moves = plan_to(steps, *applied, target.value_or(static_cast<int>(steps.size())));
    if (!moves || dry_run) return moves;
    auto done = take(database, *moves, options);
    if (done) done = transaction.commit();
    if (!done) return fail(done.error());
    return moves;
}

Result<std::vector<AppliedStep>> applied_steps(SteppedDatabase& database,
                                               std::span<const Step> steps) {
    Transaction transaction(database);
    if (!transaction.begun()) return fail(transaction.begun().error());
    auto applied = database.applied();
    if (!applied) return applied;
    if (auto known = check_applied(steps, *applied); !known) return fail(known.error());
    return applied;
}

}  // namespace headrace::stores
