#pragma once
// Internal: a door's part on one loop: its acceptor, its connections and their deadlines.

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/task_group.hpp"
#include "base/unique_fd.hpp"
#include "http/router.hpp"
#include "http/server.hpp"
#include "http/tls.hpp"

namespace headrace::http {

class Connection;

/// What every loop's part of a door shares. Immutable but for the counters and the certificate.
struct DoorCore {
    DoorSettings settings;
    std::unique_ptr<Router> router;
    Observer observer;
    bool is_unix = false;
    bool is_loopback = false;
    std::vector<std::string> hosts;  // names that Host may carry on a loopback door
    std::atomic<std::size_t> connections{0};
    std::atomic<bool> draining{false};
    std::atomic<bool> shed_streams{false};

    [[nodiscard]] TlsContext tls() const {
        const std::lock_guard lock(tls_mutex_);
        return tls_;
    }
    void set_tls(TlsContext context) {
        const std::lock_guard lock(tls_mutex_);
        tls_ = std::move(context);
    }

  private:
    mutable std::mutex tls_mutex_;  // guards tls_ only
    TlsContext tls_;                // null: no TLS
};

/// Belongs to its loop; all but the constructor runs on it. Kept alive by its coroutines.
class Shard : public std::enable_shared_from_this<Shard> {
  public:
    Shard(std::shared_ptr<DoorCore> core, Loop& loop, UniqueFd listener);

    void start();
    void stop_accepting();
    /// Closes idle connections; the others end after their exchange.
    void begin_drain();
    /// Closes idle connections; new ones are taken all the same.
    void close_idle();
    /// Ends everything at once.
    void cut();

    [[nodiscard]] DoorCore& core() { return *core_; }
    [[nodiscard]] Loop& loop() { return loop_; }
    [[nodiscard]] TaskGroup& tasks() { return tasks_; }
    /// "Tue, 24 Nov 2026 13:57:24 GMT", made anew once a second.
    [[nodiscard]] std::string_view date();

    /// Runs what goes on behind an exchange; it counts as a connection until its end.
    void adopt(asio::awaitable<void> task);

    std::list<Connection*>::iterator enter(Connection& connection);
    void leave(std::list<Connection*>::iterator at);

  private:
    static asio::awaitable<void> accept_all(std::shared_ptr<Shard> self);
    static asio::awaitable<void> serve(std::shared_ptr<Shard> self, UniqueFd socket, int family,
                                       std::string peer, bool peer_is_local);
    static asio::awaitable<void> count(std::shared_ptr<Shard> self, asio::awaitable<void> task);
    static asio::awaitable<void> sweep(std::shared_ptr<Shard> self);
    /// Takes what waits, at most a batch; false when accepting must pause (no file descriptors
    /// left).
    bool accept_batch();

    std::shared_ptr<DoorCore> core_;
    Loop& loop_;
    asio::posix::stream_descriptor listener_;
    asio::steady_timer pause_;
    asio::steady_timer sweep_timer_;
    TaskGroup tasks_;
    std::list<Connection*> connections_;
    bool sweeping_ = false;
    bool stopped_ = false;
    std::int64_t date_second_ = 0;
    std::string date_;
};

}  // namespace headrace::http
