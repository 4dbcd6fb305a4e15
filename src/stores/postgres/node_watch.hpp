#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/loop.hpp"
#include "base/unique_fd.hpp"
#include "jobs/backoff.hpp"
#include "jobs/claims.hpp"
#include "stores/postgres/node.hpp"

namespace headrace::stores {

/// The thread that keeps this node's lease and hears what the other nodes say.
class NodeWatch {
  public:
    NodeWatch(PgNode& node, const PostgresSettings& settings);
    ~NodeWatch();
    NodeWatch(const NodeWatch&) = delete;
    NodeWatch& operator=(const NodeWatch&) = delete;

    /// News go to the calling loop. Thread-safe.
    void listen(std::weak_ptr<jobs::ClaimListener> listener);
    /// False while the lease cannot be renewed. Thread-safe.
    [[nodiscard]] bool beating() const { return beating_.load(std::memory_order_relaxed); }

  private:
    void serve();
    bool connect();
    bool beat();
    void wait(std::chrono::steady_clock::time_point until);
    void hear();
    template <class Tell>
    void tell(Tell tell);

    PgNode& node_;
    const PostgresSettings& settings_;
    std::optional<PgConnection> connection_;
    jobs::Backoff backoff_;
    std::uint32_t failures_ = 0;
    std::atomic<bool> beating_{true};
    std::atomic<bool> closing_{false};
    UniqueFd wake_;

    std::mutex mutex_;  // guards listener_ and loop_
    std::weak_ptr<jobs::ClaimListener> listener_;
    Loop* loop_ = nullptr;
    std::thread thread_;
};

}  // namespace headrace::stores
