#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "access/directory.hpp"
#include "access/keys.hpp"
#include "access/limits.hpp"
#include "access/secrets.hpp"
#include "access/sessions.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/loop.hpp"
#include "base/task_group.hpp"
#include "base/unhurried_clock.hpp"
#include "catalog/catalog.hpp"
#include "config/config.hpp"
#include "http/guarded_fetch.hpp"
#include "http/server.hpp"
#include "jobs/activity.hpp"
#include "jobs/core.hpp"
#include "jobs/service.hpp"
#include "main/dialled_servers.hpp"
#include "main/fastchat_rooms.hpp"
#include "main/http_metrics.hpp"
#include "main/job_metrics.hpp"
#include "main/limit_charges.hpp"
#include "main/limit_metrics.hpp"
#include "main/listeners.hpp"
#include "main/local_engines.hpp"
#include "main/operations.hpp"
#include "main/overload_guard.hpp"
#include "main/reload.hpp"
#include "main/remote_workers.hpp"
#include "main/request_searches.hpp"
#include "main/sampler.hpp"
#include "main/settings.hpp"
#include "main/state_metrics.hpp"
#include "main/stores.hpp"
#include "protocols/console/console.hpp"
#include "protocols/native/api.hpp"
#include "protocols/openai/api.hpp"
#include "telemetry/metrics.hpp"
#include "workers/hub/hub.hpp"

namespace headrace::main {

/// `headrace serve` in the embedded mode: builds the rooms, passes references, and ends them in
/// order. The thread that calls run() owns the core's loop.
///
/// Life: make() does all that can refuse to start; run() serves until SIGTERM or SIGINT has been
/// obeyed. Draining: readiness goes first, then leases, then running jobs end, then engines stop,
/// then the doors close, then loops end.
class Server {
  public:
    static Result<std::unique_ptr<Server>> make(config::Sources sources, config::Config config,
                                                ServerSettings settings);
    ~Server();
    int run();

  private:
    Server(config::Sources sources, config::Config config, ServerSettings settings,
           stores::DataFolder folder);

    Result<void> open_stores();
    Result<void> read_engines();
    void build_rooms();
    void build_apis();
    Result<void> build_fastchat();
    Result<void> open_doors();
    void add_reload_parts();

    // On the core's loop.
    void begin();
    [[noreturn]] static void give_up(const Error& error);
    void start_io_loops();
    asio::awaitable<void> watch_signals();
    asio::awaitable<void> sweep();
    asio::awaitable<void> note_key_uses();
    asio::awaitable<void> feed_watchdog(std::chrono::milliseconds period);
    asio::awaitable<void> shut_down();
    asio::awaitable<void> drain_core();
    asio::awaitable<std::string> metrics();
    void print_doors();
    [[nodiscard]] std::string console_line();
    [[nodiscard]] std::string not_ready() const;
    [[nodiscard]] protocols::native::ServerFacts facts() const;

    config::Config config_;
    ServerSettings settings_;
    stores::DataFolder folder_;
    Reload reload_;
    SystemClock clock_;
    UnhurriedClock keeping_{clock_};  // decides what is old enough to be removed
    telemetry::Registry registry_;
    Loop core_loop_{"core"};
    std::vector<std::unique_ptr<Loop>> io_loops_;  // empty: the core's loop does the I/O
    std::vector<std::thread> io_threads_;
    std::vector<Loop*> door_loops_;

    std::optional<access::MasterKeys> master_keys_;
    Stores stores_;
    std::unique_ptr<access::Limiter> limiter_;
    std::unique_ptr<LimitMetrics> limit_metrics_;
    std::unique_ptr<access::Directory> directory_;
    std::unique_ptr<access::KeyRing> keys_;
    std::unique_ptr<access::Sessions> sessions_;
    std::unique_ptr<access::SignedUrls> urls_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::vector<catalog::EngineSpec> engines_;
    std::uint64_t epoch_ = 0;
    WallMs started_at_ = clock_.wall();

    IdSource ids_{clock_};
    JobMetrics job_metrics_;
    LimitCharges limit_charges_{job_metrics_};
    jobs::Activity activity_{clock_, limit_charges_};
    std::unique_ptr<Listeners> listeners_;  // before the activity
    StateMetrics state_metrics_;
    std::unique_ptr<jobs::Core> core_;
    std::unique_ptr<Sampler> sampler_;
    std::unique_ptr<jobs::Service> service_;
    std::unique_ptr<OverloadGuard> guard_;
    std::unique_ptr<workers::hub::Hub> hub_;
    std::unique_ptr<LocalEngines> local_engines_;
    std::unique_ptr<RemoteWorkers> remote_workers_;
    std::unique_ptr<http::GuardedFetch> fetch_;
    std::unique_ptr<DialledServers> dialled_;
    std::unique_ptr<RequestSearches> searches_;  // null: the request log is off
    std::unique_ptr<protocols::native::Api> api_;
    std::unique_ptr<protocols::openai::Api> openai_;
    std::unique_ptr<FastchatRooms> fastchat_;
    protocols::console::Console console_{protocols::console::embedded_assets()};
    std::unique_ptr<Operations> operations_;
    std::unique_ptr<HttpMetrics> http_metrics_;
    std::unique_ptr<http::Door> client_door_;
    std::unique_ptr<http::Door> control_door_;

    TaskGroup tasks_{core_loop_.io().get_executor()};
    asio::signal_set signals_{core_loop_.io()};
    std::atomic<bool> started_{false};
    std::atomic<bool> draining_{false};
    std::atomic<std::int64_t> sweep_ms_{300'000};
};

}  // namespace headrace::main
