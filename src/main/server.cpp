#include "main/server.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/await.hpp"
#include "base/log.hpp"
#include "main/commands/api.hpp"
#include "main/commands/print.hpp"
#include "main/service_notify.hpp"
#include "main/shared_stores.hpp"
#include "main/version.hpp"
#include "telemetry/process.hpp"

namespace headrace::main {
namespace {

/// What answers get at the least to leave, when drain_s has run out.
constexpr std::chrono::milliseconds kLastAnswers{500};

/// Every connection is a descriptor, and the soft limit is often 1024.
void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) log::warn("the open-file limit could not be raised");
}

}  // namespace

Server::Server(config::Sources sources, config::Config config, ServerSettings settings,
               stores::DataFolder folder)
    : config_(std::move(config)),
      settings_(std::move(settings)),
      folder_(std::move(folder)),
      reload_(std::move(sources), config_),
      job_metrics_(registry_, settings_.metrics_tenants),
      state_metrics_(registry_) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::make(config::Sources sources, config::Config config,
                                             ServerSettings settings) {
    raise_file_limit();
    auto folder = stores::DataFolder::open(settings.data.string());
    if (!folder) {
        const bool held = folder.error().code == ErrorCode::conflict;
        return fail(folder.error().code, "server.data: " + folder.error().message +
                                             (held ? ", which holds its lock" : ""));
    }
    std::unique_ptr<Server> server(
        new Server(std::move(sources), std::move(config), std::move(settings), std::move(*folder)));
    if (auto ok = server->open_stores(); !ok) return fail(std::move(ok.error()));
    if (auto ok = server->read_engines(); !ok) return fail(std::move(ok.error()));
    auto listeners = Listeners::make(
        {server->clock_, server->registry_, server->core_loop_, server->activity_, *server->keys_},
        server->settings_.traces, server->settings_.request_log);
    if (!listeners) return fail(std::move(listeners.error()));
    server->listeners_ = std::move(*listeners);
    server->build_rooms();
    server->build_apis();
    if (auto ok = server->dialled_->room().load(); !ok) return fail(std::move(ok.error()));
    if (auto ok = server->build_fastchat(); !ok) return fail(std::move(ok.error()));
    if (auto ok = server->open_doors(); !ok) return fail(std::move(ok.error()));
    server->add_reload_parts();
    return server;
}

Result<void> Server::open_stores() {
    telemetry::add_process_metrics(registry_, std::string(kVersion));
    auto master = access::MasterKeys::open(settings_.master_key_file.string());
    if (!master) return fail(std::move(master.error()));
    master_keys_.emplace(std::move(*master));
    auto stores =
        Stores::open(folder_, settings_, *master_keys_, keeping_, state_metrics_.commit_observer());
    if (!stores) return fail(std::move(stores.error()));
    stores_ = std::move(*stores);
    limiter_ = std::make_unique<access::Limiter>(clock_, stores_.counters.get());
    limit_metrics_ = std::make_unique<LimitMetrics>(registry_, *limiter_);
    directory_ = std::make_unique<access::Directory>(*stores_.accounts, clock_, limiter_.get());
    if (auto ok = directory_->load(); !ok) return fail(std::move(ok.error()));
    keys_ =
        std::make_unique<access::KeyRing>(*stores_.keys, clock_, directory_.get(), limiter_.get());
    if (auto ok = keys_->load(); !ok) return fail(std::move(ok.error()));
    sessions_ = std::make_unique<access::Sessions>(*keys_, clock_);
    auto epoch = stores_.jobs->begin_epoch();
    if (!epoch) return fail(std::move(epoch.error()));
    epoch_ = *epoch;
    return access::ensure_admin_key(*keys_, settings_.admin_key_file.string());
}

Result<void> Server::read_engines() {
    catalog_ = std::make_unique<catalog::Catalog>(clock_, stores_.versions.get());
    if (auto ok = catalog_->load(); !ok) return fail(std::move(ok.error()));
    for (const auto& folder : settings_.engine_paths) {
        auto found = catalog::load_engines(folder);
        if (!found) return fail(std::move(found.error()));
        if (found->empty()) {
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("engines.paths: there is no engine.toml in {}", folder.string()));
        }
        for (auto& spec : *found) engines_.push_back(std::move(spec));
    }
    for (const auto& spec : engines_) {
        catalog::Registration registration{
            catalog::kSystemTenant, spec.capability, spec.version, spec.title,
            spec.description,       spec.interface,  spec.limits};
        if (auto added = catalog_->add(std::move(registration)); !added) {
            return fail(ErrorCode::invalid_argument,
                        fmt::format("engines.paths: {}/engine.toml: {}", spec.directory.string(),
                                    added.error().message));
        }
    }
    return {};
}

void Server::build_rooms() {
    for (std::size_t i = 0; i < settings_.io_loops; ++i) {
        io_loops_.push_back(std::make_unique<Loop>(fmt::format("io{}", i)));
        door_loops_.push_back(io_loops_.back().get());
    }
    if (door_loops_.empty()) door_loops_.push_back(&core_loop_);

    urls_ = std::make_unique<access::SignedUrls>(*master_keys_, clock_);
    fetch_ = std::make_unique<http::GuardedFetch>(settings_.fetch);
    core_ = std::make_unique<jobs::Core>(settings_.jobs, clock_, ids_, *stores_.jobs,
                                         listeners_->first());
    limit_charges_.begin({*limiter_, *keys_, *catalog_});
    sampler_ = std::make_unique<Sampler>(*core_, activity_, core_loop_);
    service_ = std::make_unique<jobs::Service>(*core_, core_loop_);
    const auto both = [this](auto act) {
        for (auto* door : {client_door_.get(), control_door_.get()}) act(*door);
    };
    guard_ = std::make_unique<OverloadGuard>(
        settings_.overload,
        OverloadGuard::Parts{*core_, *service_, core_loop_, registry_,
                             [both] { both([](http::Door& door) { door.close_idle(); }); },
                             [both, this](bool on) {
                                 both([on](http::Door& door) { door.shed_streams(on); });
                                 service_->accept_streams(!on);  // those that a body asks for
                             }});
    settings_.hub.epoch = epoch_;
    hub_ = std::make_unique<workers::hub::Hub>(settings_.hub, core_loop_, *core_, *stores_.blobs,
                                               *catalog_, clock_, ids_);
    local_engines_ =
        std::make_unique<LocalEngines>(settings_.engines, core_loop_, *hub_, *catalog_);
    remote_workers_ = std::make_unique<RemoteWorkers>(*hub_, *keys_, core_loop_);
    dialled_ = std::make_unique<DialledServers>(DialledServers::Parts{
        core_loop_, *core_, *stores_.blobs, *catalog_, *fetch_, *stores_.upstreams, registry_,
        clock_, ids_, [this](const JobId& job, const upstreams::UpstreamSpec& server) {
            listeners_->upstream_called(job, server);
        }});
    http_metrics_ = std::make_unique<HttpMetrics>(registry_, door_loops_);
}

int Server::run() {
    core_loop_.post([this] { begin(); });
    core_loop_.run();
    for (auto& loop : io_loops_) loop->stop();
    for (auto& thread : io_threads_) thread.join();
    return 0;
}

/// What keeps the server from starting once its loop runs.
void Server::give_up(const Error& error) {
    print_error("headrace: " + error.message);
    log::flush();
    std::_Exit(2);
}

void Server::begin() {
    const auto resolve = [this](const TenantId& tenant, const std::string& name,
                                const std::string& version) {
        return catalog_->snapshot()->find(tenant, name, version);
    };
    const auto restored = core_->restore(epoch_, resolve);
    if (!restored) return give_up(restored.error());
    if (*restored > 0) log::info("jobs taken up again count={}", *restored);
    if (stores_.claims) core_->join(*stores_.claims);
    for (auto& spec : engines_) local_engines_->add(std::move(spec));
    engines_.clear();
    dialled_->room().start();
    hear_other_servers(stores_, {*keys_, *directory_, dialled_->room(), core_loop_});
    start_io_loops();
    for (auto* door : {client_door_.get(), control_door_.get()}) {
        if (auto ok = door->start(door_loops_); !ok) {
            give_up(ok.error());
        }
    }
    if (auto ok = fastchat_->start(door_loops_); !ok) give_up(ok.error());
    tasks_.spawn("fastchat", fastchat_->dialect().run());
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.add(SIGHUP);
    tasks_.spawn("signals", watch_signals());
    tasks_.spawn("sweep", sweep());
    if (auto* traces = listeners_->exporter()) tasks_.spawn("traces", traces->run());
    tasks_.spawn("samples", sampler_->run());
    tasks_.spawn("overload", guard_->run());
    openai_->resume();
    tasks_.spawn("keys of workers", remote_workers_->watch_keys());
    started_ = true;
    print_doors();
    notify_service("READY=1");
    if (const auto period = watchdog_period()) tasks_.spawn("watchdog", feed_watchdog(*period));
}

void Server::start_io_loops() {
    for (auto& loop : io_loops_) {
        io_threads_.emplace_back([loop = loop.get()] { loop->run(); });
    }
}

asio::awaitable<void> Server::watch_signals() {
    while (true) {
        boost::system::error_code error;
        const int signal =
            co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return;
        if (signal == SIGHUP) {
            notify_service(reloading_now());
            if (auto ok = reload_.run(); !ok)
                log::error("settings kept error={}", ok.error().message);
            notify_service("READY=1");
            continue;
        }
        if (draining_.exchange(true)) {
            // The second time means now: what is durable is on disk already.
            log::warn("stopping at once");
            std::_Exit(0);
        }
        tasks_.spawn("shut down", shut_down());
    }
}

/// From the core's loop: a server whose core is stuck is started again by the service manager.
asio::awaitable<void> Server::feed_watchdog(std::chrono::milliseconds period) {
    asio::steady_timer timer(core_loop_.io());
    while (true) {
        notify_service("WATCHDOG=1");
        timer.expires_after(period / 3);
        boost::system::error_code ended;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
        if (ended) co_return;
    }
}

asio::awaitable<void> Server::sweep() {
    asio::steady_timer timer(core_loop_.io());
    while (!draining_) {
        timer.expires_after(std::chrono::milliseconds(sweep_ms_.load()));
        co_await timer.async_wait(asio::use_awaitable);
        co_await note_key_uses();
        const auto now = keeping_.wall();
        auto& log = *stores_.jobs;
        const auto start = [&log, now](auto done) { log.expire(now, std::move(done)); };
        auto expired = co_await await_result<stores::Expired>(start);
        if (!expired) {
            log::warn("sweep failed error={}", expired.error().message);
            continue;
        }
        if (expired->results + expired->jobs + expired->files + expired->usage > 0) {
            log::info("expired removed results={} jobs={} files={} usage={}", expired->results,
                      expired->jobs, expired->files, expired->usage);
        }
        auto references = stores_.jobs->references();
        if (!references) {
            log::warn("sweep of blobs failed error={}", references.error().message);
            continue;
        }
        auto& blobs = *stores_.blobs;
        auto& in_use = **references;
        const auto start_blobs = [&blobs, &in_use](auto done) {
            blobs.sweep(in_use, std::move(done));
        };
        auto swept = co_await await_result<stores::Swept>(start_blobs);
        if (!swept) {
            log::warn("sweep of blobs failed error={}", swept.error().message);
            continue;
        }
        state_metrics_.blobs_removed(swept->removed, swept->bytes);
        if (swept->removed > 0)
            log::info("blobs removed count={} bytes={}", swept->removed, swept->bytes);
    }
}

/// When keys were last used is kept in memory, and written down now and then.
asio::awaitable<void> Server::note_key_uses() {
    auto& keys = *keys_;
    const auto start = [&keys](auto done) { keys.note_uses(std::move(done)); };
    auto noted = co_await await_result<void>(start);
    if (!noted) log::warn("last uses of keys were not kept error={}", noted.error().message);
}

asio::awaitable<void> Server::drain_core() {
    auto& core = *core_;
    const auto start = [&core](auto done) {
        core.drain([done = std::move(done)]() mutable { done(Result<void>{}); });
    };
    auto idle = co_await await_result<void>(start);
    if (idle) log::info("no job is running any more");
}

asio::awaitable<void> Server::shut_down() {
    notify_service("STOPPING=1");
    log::info("draining drain_s={}", settings_.drain.count() / 1000);
    const auto end = std::chrono::steady_clock::now() + settings_.drain;
    openai_->stop();
    TaskGroup drain(core_loop_.io().get_executor());
    drain.spawn("drain", drain_core());
    asio::steady_timer timer(core_loop_.io());
    while (drain.size() > 0 && std::chrono::steady_clock::now() < end) {
        timer.expires_after(std::chrono::milliseconds(20));
        co_await timer.async_wait(asio::use_awaitable);
    }
    if (drain.size() > 0) log::warn("jobs still running after drain_s; durable ones run again");
    // Engines go first: whoever waits for one of their jobs, or talks with it, is told so in good
    // order.
    job_metrics_.stopping();
    auto& engines = *local_engines_;
    const auto stop = [&engines](auto done) {
        engines.stop([done = std::move(done)]() mutable { done(Result<void>{}); });
    };
    auto stopped = co_await await_result<void>(stop);
    if (!stopped) log::error("engines did not stop error={}", stopped.error().message);
    co_await hub_->stop();
    co_await dialled_->room().stop();
    for (const auto& worker : core_->workers())
        core_->detach(worker.id, "the server is shutting down");
    client_door_->stop_accepting();
    control_door_->stop_accepting();
    fastchat_->stop_accepting();
    const auto left = std::max(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   end - std::chrono::steady_clock::now()),
                               kLastAnswers);
    co_await client_door_->drain(left);
    co_await control_door_->drain(kLastAnswers);
    co_await fastchat_->drain(kLastAnswers);
    if (auto* traces = listeners_->exporter()) co_await traces->flush();
    co_await note_key_uses();
    if (stores_.shared) stores_.shared->listen({});
    log::info("server stopped");
    tasks_.cancel();
    core_loop_.stop();
}

}  // namespace headrace::main
