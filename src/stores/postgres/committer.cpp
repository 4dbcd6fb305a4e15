#include "stores/postgres/committer.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <unordered_map>

#include "base/log.hpp"
#include "stores/base/lane.hpp"
#include "stores/postgres/statements.hpp"
#include "stores/postgres/verdict.hpp"

namespace headrace::stores {
namespace {

// Bounds what one transaction holds and how long its callers wait.
constexpr std::size_t kMaxBatch = 1024;
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{2'000};

/// The server has no room, is going down or may not write: no single change is to blame.
bool concerns_all(std::string_view sqlstate) {
    const std::string_view kind = sqlstate.substr(0, 2);
    return kind == "53" || kind == "57" || kind == "58" || sqlstate == "25006";
}

}  // namespace

PgCommitter::PgCommitter(PgConnection connection, PgNode& node, const PostgresSettings& settings,
                         const Clock& clock, CommitObserver observer)
    : connection_(std::move(connection)),
      node_(node),
      settings_(settings),
      clock_(clock),
      observer_(std::move(observer)),
      backoff_(kFirstPause, kLongestPause, std::random_device{}()),
      thread_([this] {
          name_this_thread("jobs-commit");
          serve();
      }) {}

PgCommitter::~PgCommitter() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void PgCommitter::write(jobs::LogWrite write, jobs::Done<void> done) {
    push({std::move(write), std::move(done), Loop::current()});
}
void PgCommitter::put_file(jobs::FileRecord file, jobs::Done<void> done) {
    push({std::move(file), std::move(done), Loop::current()});
}
void PgCommitter::remove_file(TenantId tenant, FileId id, jobs::Done<bool> done) {
    push({FileRemoval{std::move(tenant), id}, std::move(done), Loop::current()});
}

void PgCommitter::push(Pending pending) {
    const auto* const write = std::get_if<jobs::LogWrite>(&pending.change);
    const Hurry hurry = write != nullptr ? hurry_of(*write) : Hurry::now;
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(pending));
        wake = inbox_.size() == 1 || hurry > hurry_ || inbox_.size() == kMaxBatch;
        hurry_ = std::max(hurry_, hurry);
    }
    if (wake) wake_.notify_one();
}

void PgCommitter::serve() {
    Batch batch;
    while (take(batch)) {
        if (batch.empty()) {
            connect();
            continue;
        }
        commit(batch);
        answer(std::move(batch));
        batch.clear();
    }
    node_.leave(connection_);
}

/// Waits for changes; with none, until the next try to connect. False at the end.
bool PgCommitter::take(Batch& batch) {
    if (backlog_.empty()) {
        std::unique_lock lock(mutex_);
        const auto something = [this] { return closing_ || !inbox_.empty(); };
        if (connection_.lost())
            wake_.wait_until(lock, next_try_, something);
        else
            wake_.wait(lock, something);
        if (inbox_.empty()) return !closing_;
        gather(lock);
        backlog_.take(inbox_);
        hurry_ = Hurry::usage;
    }
    backlog_.next(batch, kMaxBatch);
    return true;
}

/// Waits as long as what is in the inbox may.
void PgCommitter::gather(std::unique_lock<std::mutex>& lock) {
    const auto begin = std::chrono::steady_clock::now();
    while (!closing_ && hurry_ != Hurry::now && inbox_.size() < kMaxBatch) {
        if (wake_.wait_until(lock, begin + patience_of(hurry_)) == std::cv_status::timeout) return;
    }
}

void PgCommitter::find_superseded(Batch& batch) {
    for (auto pending = batch.rbegin(); pending != batch.rend(); ++pending) {
        const auto* const write = std::get_if<jobs::LogWrite>(&pending->change);
        pending->superseded = write != nullptr && told_later_.ask(*write);
    }
    told_later_.clear();
}

void PgCommitter::commit(Batch& batch) {
    const auto begin = std::chrono::steady_clock::now();
    find_superseded(batch);
    std::vector<Pending*> members;
    members.reserve(batch.size());
    for (Pending& pending : batch) {
        if (!pending.superseded) members.push_back(&pending);
    }
    if (connection_.lost() && !connect()) {
        refuse(members, last_error_);
    } else if (!commit_together(members)) {
        if (writable_) {
            log::error("commit failed changes={} error=\"{}\"", batch.size(), last_error_.message);
        }
        writable_ = false;
        members.clear();  // with nothing left out
        for (Pending& pending : batch) members.push_back(&pending);
        if (concerns_all(connection_.sqlstate()))
            refuse(members, last_error_);
        else
            commit_one_by_one(members);
    }
    if (observer_) {
        const auto took = std::chrono::steady_clock::now() - begin;
        observer_(batch.size(), std::chrono::duration_cast<std::chrono::microseconds>(took),
                  writable_);
    }
}

/// False when the server has rolled the whole of it back.
bool PgCommitter::commit_together(std::vector<Pending*>& members) {
    const auto until = std::chrono::steady_clock::now() + settings_.patience;
    const auto kept =
        std::chrono::duration_cast<std::chrono::milliseconds>(settings_.retention.idempotency);
    std::vector<const PgChange*> changes;
    changes.reserve(members.size());
    for (const Pending* member : members) changes.push_back(&member->change);
    const PgBatch batch(std::move(changes), node_.epoch(), clock_.wall() - kept.count(),
                        !node_.alone());

    std::vector<PgCall> calls{{&sql::kMark, PgParameters()
                                                .big(static_cast<std::int64_t>(node_.epoch()))
                                                .big(static_cast<std::int64_t>(++number_))}};
    calls.insert(calls.end(), batch.calls().begin(), batch.calls().end());
    const auto results = connection_.transact(calls);
    if (!results) {
        last_error_ = results.error();
        return connection_.lost() && settle(members, until);
    }
    if (!writable_.exchange(true)) log::info("commits succeed again");
    std::vector<Pending*> refused;
    for (const std::size_t member : batch.refused(std::span(*results).subspan(1)))
        refused.push_back(members[member]);
    if (!refused.empty()) judge(refused, false);
    return true;
}

void PgCommitter::commit_one_by_one(std::vector<Pending*>& members) {
    for (Pending* member : members) {
        std::vector<Pending*> one{member};
        if (connection_.lost() && !connect()) {
            refuse(one, last_error_);
        } else if (!commit_together(one)) {
            Error error = last_error_;
            // A value that the server does not take will not be taken later either.
            if (connection_.sqlstate().starts_with("22")) error.code = ErrorCode::invalid_argument;
            refuse(one, error);
        }
    }
}

/// The connection was lost while these were being committed: finds out whether they were, and
/// commits them if not. False as commit_together().
bool PgCommitter::settle(std::vector<Pending*>& members, Time until) {
    log::warn("connection lost during a commit changes={} error=\"{}\"", members.size(),
              last_error_.message);
    writable_ = false;
    for (;;) {
        if (connect()) {
            const auto committed = happened();
            if (committed && *committed) {
                judge(members, true);
                return true;
            }
            if (committed) return commit_together(members);
        }
        const auto now = std::chrono::steady_clock::now();
        if (now >= until) break;
        std::this_thread::sleep_until(std::min(until, next_try_));
    }
    for (const Pending* member : members) {
        const auto* const write = std::get_if<jobs::LogWrite>(&member->change);
        if (write != nullptr && write->kind == jobs::LogWrite::Kind::accept)
            doubted_.push_back(member->change);
    }
    refuse(members, last_error_);
    return true;
}

/// Whether the last commit that was sent is in the database; nothing when the connection is lost
/// again.
std::optional<bool> PgCommitter::happened() {
    const auto rows = connection_.call(
        sql::kMarked, PgParameters().big(static_cast<std::int64_t>(node_.epoch())));
    if (!rows) return std::nullopt;
    return rows->size() == 1 && rows->big(0, 0) == static_cast<std::int64_t>(number_);
}

void PgCommitter::judge(std::vector<Pending*>& members, bool in_doubt) {
    std::vector<const PgChange*> changes;
    for (const Pending* member : members) changes.push_back(&member->change);
    const auto rows = connection_.call(sql::kLook, rows_of(changes, node_.epoch()));
    if (!rows) {
        last_error_ = rows.error();
        refuse(members, last_error_);
        return;
    }
    std::unordered_map<Uuid, SeenJob> seen;
    for (int row = 0; row < rows->size(); ++row) {
        const auto id = Uuid::from_raw(rows->bytes(row, 0));
        seen[id.value_or(Uuid{})] = {rows->bytes(row, 1) == std::string_view("\1", 1),
                                     rows->bytes(row, 2) == std::string_view("\1", 1),
                                     std::string(rows->bytes(row, 3))};
    }
    for (Pending* member : members) {
        const auto at = seen.find(id_of(member->change));
        member->result =
            verdict(member->change, at == seen.end() ? nullptr : &at->second, in_doubt);
    }
}

void PgCommitter::refuse(const std::vector<Pending*>& members, const Error& error) {
    for (Pending* member : members) member->result = fail(error);
}

/// A new connection, if it is time to try.
bool PgCommitter::connect() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_try_) return false;
    auto opened = PgConnection::open(settings_, PgRole::writer);
    Result<void> greeted;
    if (opened) greeted = node_.greet(*opened, std::chrono::milliseconds(0));
    if (!opened || !greeted) {
        last_error_ = opened ? greeted.error() : opened.error();
        last_error_.code = ErrorCode::unavailable;
        last_error_.retry_after_s = std::max(1, last_error_.retry_after_s);
        if (failures_ == 0)
            log::error("no connection to PostgreSQL error=\"{}\"", last_error_.message);
        writable_ = false;
        next_try_ =
            std::chrono::steady_clock::now() +
            std::chrono::duration_cast<std::chrono::milliseconds>(backoff_.pause(++failures_));
        return false;
    }
    connection_ = std::move(*opened);
    if (!undo()) return false;
    log::info("connected to PostgreSQL again tries={}", failures_ + 1);
    failures_ = 0;
    writable_ = true;
    return true;
}

/// Takes back what was committed though its callers were told that it failed.
bool PgCommitter::undo() {
    if (doubted_.empty()) return true;
    const auto committed = happened();
    if (!committed) return false;
    if (*committed) {
        std::vector<const PgChange*> changes;
        for (const PgChange& change : doubted_) changes.push_back(&change);
        const auto undone = connection_.call(sql::kUndo, rows_of(changes, node_.epoch()));
        if (!undone) return false;
        log::warn("accepts taken back whose answer was lost jobs={}", undone->size());
    }
    doubted_.clear();
    return true;
}

void PgCommitter::answer(Batch batch) {
    const auto run = [](Pending& pending) {
        if (auto* const plain = std::get_if<jobs::Done<void>>(&pending.done)) {
            if (!*plain) return;
            (*plain)(pending.result ? Result<void>() : fail(std::move(pending.result.error())));
        } else if (auto& done = std::get<jobs::Done<bool>>(pending.done)) {
            done(std::move(pending.result));
        }
    };
    while (!batch.empty()) {
        // One post per loop; in nearly every batch all of it belongs to one.
        Loop* const loop = batch.front().loop;
        const auto rest = std::stable_partition(batch.begin(), batch.end(),
                                                [&](const Pending& p) { return p.loop == loop; });
        Batch others(std::make_move_iterator(rest), std::make_move_iterator(batch.end()));
        batch.erase(rest, batch.end());
        if (loop == nullptr) {
            for (Pending& pending : batch) run(pending);
        } else {
            loop->post([batch = std::move(batch), run]() mutable {
                for (Pending& pending : batch) run(pending);
            });
        }
        batch = std::move(others);
    }
}

}  // namespace headrace::stores
