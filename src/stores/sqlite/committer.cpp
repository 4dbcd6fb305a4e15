#include "stores/sqlite/committer.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>

#include "base/log.hpp"
#include "stores/base/lane.hpp"

namespace headrace::stores {
namespace {

// Bounds what one transaction holds and how long its callers wait.
constexpr std::size_t kMaxBatch = 1024;

/// Those leave the transaction as it was (see JobWriter); every other error comes from the disk.
bool concerns_one_change(const Error& error) {
    return error.code == ErrorCode::conflict || error.code == ErrorCode::not_found;
}

}  // namespace

Committer::Committer(Database database, Retention retention, const Clock& clock, DiskSpace* space,
                     CommitObserver observer)
    : database_(std::move(database)),
      writer_(database_),
      expiry_(database_, writer_, retention),
      retention_(retention),
      clock_(clock),
      space_(space),
      observer_(std::move(observer)),
      thread_([this] {
          name_this_thread("jobs-commit");
          serve();
      }) {}

Committer::~Committer() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Committer::write(jobs::LogWrite write, jobs::Done<void> done) {
    push({false, Op<jobs::LogWrite, void>{std::move(write), std::move(done)}, Loop::current()});
}
void Committer::put_file(jobs::FileRecord file, jobs::Done<void> done) {
    push({false, Op<jobs::FileRecord, void>{std::move(file), std::move(done)}, Loop::current()});
}
void Committer::remove_file(TenantId tenant, FileId id, jobs::Done<bool> done) {
    push({false, Op<Removal, bool>{{std::move(tenant), id}, std::move(done)}, Loop::current()});
}
void Committer::expire(WallMs now, jobs::Done<Expired> done) {
    push({false, Op<Sweep, Expired>{{now, false}, std::move(done)}, Loop::current()});
}

void Committer::push(Pending pending) {
    const auto* const write = std::get_if<Op<jobs::LogWrite, void>>(&pending.op);
    const Hurry hurry = write != nullptr ? hurry_of(write->change) : Hurry::now;
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(pending));
        wake = inbox_.size() == 1 || hurry > hurry_ || inbox_.size() == kMaxBatch;
        hurry_ = std::max(hurry_, hurry);
    }
    if (wake) wake_.notify_one();
}

/// Waits for work, and then as long as that may gather.
void Committer::wait(std::unique_lock<std::mutex>& lock) {
    wake_.wait(lock, [this] { return closing_ || !inbox_.empty(); });
    const auto begin = std::chrono::steady_clock::now();
    while (!closing_ && hurry_ != Hurry::now && inbox_.size() < kMaxBatch) {
        if (wake_.wait_until(lock, begin + patience_of(hurry_)) == std::cv_status::timeout) return;
    }
}

/// False at the end.
bool Committer::take(Batch& batch) {
    if (backlog_.empty()) {
        std::unique_lock lock(mutex_);
        wait(lock);
        if (inbox_.empty()) return false;
        backlog_.take(inbox_);
        hurry_ = Hurry::usage;
    }
    backlog_.next(batch, kMaxBatch);
    return true;
}

void Committer::serve() {
    Batch batch;
    while (take(batch)) {
        commit(batch);
        answer(std::move(batch));
        batch.clear();
    }
}

void Committer::commit(Batch& batch) {
    const auto begin = std::chrono::steady_clock::now();
    find_superseded(batch);
    const auto done = commit_together(batch);
    if (!done) {
        if (writable_)
            log::error("commit failed changes={} error=\"{}\"", batch.size(), done.error().message);
        commit_one_by_one(batch);
    } else if (!writable_) {
        writable_ = true;
        log::info("commits succeed again");
    }
    if (observer_) {
        const auto took = std::chrono::steady_clock::now() - begin;
        observer_(batch.size(), std::chrono::duration_cast<std::chrono::microseconds>(took),
                  writable_);
    }
}

void Committer::find_superseded(Batch& batch) {
    for (auto pending = batch.rbegin(); pending != batch.rend(); ++pending) {
        const auto* const write = std::get_if<Op<jobs::LogWrite, void>>(&pending->op);
        pending->superseded = write != nullptr && told_later_.ask(write->change);
    }
    told_later_.clear();
}

Result<void> Committer::commit_together(Batch& batch) {
    auto done = writer_.begin();
    const WallMs now = clock_.wall();
    for (auto pending = batch.begin(); done && pending != batch.end(); ++pending) {
        if (!pending->superseded) done = apply(*pending, now);
    }
    if (done) done = writer_.commit();
    if (!done) database_.rollback();
    return done;
}

void Committer::commit_one_by_one(Batch& batch) {
    writable_ = false;
    const WallMs now = clock_.wall();
    for (Pending& pending : batch) {
        database_.rollback();  // without memory the one before may not have succeeded
        auto done = writer_.begin();
        if (done) done = apply(pending, now);
        if (done) done = writer_.commit();
        if (done) {
            writable_ = true;
            continue;
        }
        database_.rollback();
        std::visit([&](auto& op) { op.result = fail(done.error()); }, pending.op);
    }
}

Result<void> Committer::apply(Pending& pending, WallMs now) {
    if (auto refused = refuse_when_low(pending); !refused) {
        std::visit([&](auto& op) { op.result = fail(refused.error()); }, pending.op);
        return {};
    }
    return std::visit(
        [&](auto& op) -> Result<void> {
            using Change = std::decay_t<decltype(op.change)>;
            if constexpr (std::is_same_v<Change, jobs::LogWrite>) {
                const auto kept =
                    std::chrono::duration_cast<std::chrono::milliseconds>(retention_.idempotency);
                op.result = writer_.apply(op.change, now - kept.count());
            } else if constexpr (std::is_same_v<Change, jobs::FileRecord>) {
                op.result = writer_.put_file(op.change);
            } else if constexpr (std::is_same_v<Change, Removal>) {
                op.result = writer_.remove_file(op.change.tenant, op.change.id);
            } else {
                const auto more = expiry_.step(op.change.now, *op.result);
                if (!more) return fail(more.error());
                op.change.complete = !*more;
                return {};
            }
            if (op.result || concerns_one_change(op.result.error())) return {};
            return fail(op.result.error());
        },
        pending.op);
}

Result<void> Committer::refuse_when_low(const Pending& pending) {
    const auto* const write = std::get_if<Op<jobs::LogWrite, void>>(&pending.op);
    const bool takes_room = write != nullptr
                                ? write->change.kind == jobs::LogWrite::Kind::accept
                                : std::holds_alternative<Op<jobs::FileRecord, void>>(pending.op);
    if (!takes_room || space_ == nullptr || !space_->low()) return {};
    return fail(Error{ErrorCode::unavailable, "the disk is nearly full", {}, 30});
}

void Committer::answer(Batch batch) {
    const auto run = [](Pending& pending) {
        std::visit(
            [](auto& op) {
                if (op.done) op.done(std::move(op.result));
            },
            pending.op);
    };
    while (!batch.empty()) {
        // One post per loop; in nearly every batch all of it belongs to one.
        Loop* const loop = batch.front().loop;
        const auto rest = std::stable_partition(batch.begin(), batch.end(),
                                                [&](const Pending& p) { return p.loop == loop; });
        Batch others(std::make_move_iterator(rest), std::make_move_iterator(batch.end()));
        batch.erase(rest, batch.end());
        // An unfinished sweep goes on behind what has been gathered meanwhile.
        std::erase_if(batch, [this](Pending& pending) {
            auto* const sweep = std::get_if<Op<Sweep, Expired>>(&pending.op);
            if (sweep == nullptr || sweep->change.complete || !sweep->result) return false;
            push(std::move(pending));
            return true;
        });
        if (loop == nullptr) {
            for (Pending& pending : batch) run(pending);
        } else if (!batch.empty()) {
            loop->post([batch = std::move(batch), run]() mutable {
                for (Pending& pending : batch) run(pending);
            });
        }
        batch = std::move(others);
    }
}

}  // namespace headrace::stores
