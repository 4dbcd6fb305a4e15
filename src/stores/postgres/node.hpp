#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "stores/postgres/connection.hpp"

namespace headrace::stores {

/// This server among those that share the database. Its epoch is one life: it owns the jobs that
/// the life has accepted or claimed.
class PgNode {
  public:
    explicit PgNode(const PostgresSettings& settings) : settings_(settings) {}

    /// Begins a new life: raises the epoch, takes over what earlier lives under the same name left,
    /// and forgets them. `conflict` when another process lives under the name. Blocking.
    Result<std::uint64_t> begin_life(PgConnection& connection);
    /// Says on a new connection who this is, and that it lives; `conflict` as above, after
    /// `patience`.
    Result<void> greet(PgConnection& connection, std::chrono::milliseconds patience);
    /// Renews the lease, and puts up for claim what nodes left whose lease is over. True when there
    /// was such a job. Any connection.
    Result<bool> beat(PgConnection& connection);
    /// Ends the life: the lease is over at once.
    void leave(PgConnection& connection);

    /// Whether no other node lived at the last beat.
    [[nodiscard]] bool alone() const { return alone_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t epoch() const { return epoch_.load(std::memory_order_relaxed); }

  private:
    const PostgresSettings& settings_;
    std::atomic<std::uint64_t> epoch_{0};
    std::atomic<bool> alone_{true};
};

}  // namespace headrace::stores
