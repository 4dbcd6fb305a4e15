// headrace worker: engines on this machine, for a server elsewhere.
#include <csignal>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "base/task_group.hpp"
#include "http/address_class.hpp"
#include "http/url.hpp"
#include "main/commands/api.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/commands/setting_flags.hpp"
#include "main/settings.hpp"
#include "workers/agent/agent.hpp"

namespace headrace::main {
namespace {

struct WorkerOptions {
    SettingFlags flags;
    std::string connect;
    std::string token_file;
    std::string ca_file;
    std::string name;
    bool insecure = false;
};

int refuse(const std::string& message) {
    print_error("headrace: " + message);
    return kUsage;
}

/// The token must not cross a network that others can read.
bool is_private(const http::Url& url) {
    if (url.tls() || url.scheme == "unix" || url.host == "localhost") return true;
    boost::system::error_code error;
    const auto address = asio::ip::make_address(url.host, error);
    return !error && http::classify(address) == http::AddressClass::loopback;
}

/// Runs one agent until a signal ends it; its thread owns the loop.
class Worker {
  public:
    explicit Worker(Loop& loop) : loop_(loop) {}

    Result<void> begin(workers::agent::Settings settings,
                       std::vector<catalog::EngineSpec> engines) {
        auto agent = workers::agent::Agent::create(std::move(settings), loop_);
        if (!agent) return fail(std::move(agent.error()));
        agent_ = std::move(*agent);
        loop_.post([this, engines = std::move(engines)]() mutable {
            for (auto& spec : engines) agent_->add(std::move(spec));
            signals_.add(SIGTERM);
            signals_.add(SIGINT);
            tasks_.spawn("signals", watch_signals());
        });
        return {};
    }

  private:
    asio::awaitable<void> watch_signals() {
        while (true) {
            boost::system::error_code error;
            co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, error));
            if (error) co_return;
            // The second time means now; the server runs the jobs elsewhere.
            if (stopping_) {
                log::flush();
                std::_Exit(0);
            }
            stopping_ = true;
            tasks_.spawn("stop", stop());
        }
    }
    asio::awaitable<void> stop() {
        log::info("worker stops");
        co_await agent_->stop();
        signals_.cancel();
        loop_.stop();
    }

    Loop& loop_;
    std::unique_ptr<workers::agent::Agent> agent_;
    TaskGroup tasks_{loop_.io().get_executor()};
    asio::signal_set signals_{loop_.io()};
    bool stopping_ = false;
};

Result<std::vector<catalog::EngineSpec>> read_engines(const ServerSettings& settings) {
    std::vector<catalog::EngineSpec> out;
    for (const auto& folder : settings.engine_paths) {
        auto found = catalog::load_engines(folder);
        if (!found) return fail(std::move(found.error()));
        for (auto& spec : *found) out.push_back(std::move(spec));
    }
    if (out.empty())
        return fail(ErrorCode::invalid_argument, "--engine: there is no engine.toml to run");
    return out;
}

int run(const WorkerOptions& options) {
    const auto url = http::Url::parse(options.connect);
    if (!url) return refuse("--connect: " + url.error().message);
    if (!is_private(*url) && !options.insecure) {
        return refuse(
            "--connect: the token would cross the network in the clear; use https, or --insecure");
    }
    auto token = read_key_file(options.token_file);
    if (!token) return refuse("--token-file: " + token.error().message);
    auto sources = sources_of(options.flags);
    if (!sources) return refuse(sources.error().message);
    const auto config = config::load(config::declared(), *sources);
    if (!config) return refuse(config.error().message);
    auto settings = server_settings(*config);
    if (!settings) return refuse(settings.error().message);
    auto engines = read_engines(*settings);
    if (!engines) return refuse(engines.error().message);
    if (auto sent = log::send_to(settings->log.output); !sent) {
        return refuse("log.file: " + sent.error().message);
    }
    log::start(settings->log.level, settings->log.format);

    workers::agent::Settings agent;
    agent.url = options.connect;
    agent.token = std::move(*token);
    agent.tls.ca_file = options.ca_file;
    agent.engines = settings->engines;
    agent.name = options.name;
    Loop loop("agent");
    Worker worker(loop);
    if (auto ok = worker.begin(std::move(agent), std::move(*engines)); !ok) {
        return refuse("--connect: " + ok.error().message);
    }
    loop.run();
    return kOk;
}

}  // namespace

void add_worker(Command& root) {
    const auto options = std::make_shared<WorkerOptions>();
    auto command = root.command("worker", "run engines here for a server elsewhere");
    command.option("--connect", options->connect, "address of the server's control door")
        .required()
        .value_name("URL");
    command.option("--token-file", options->token_file, "file with a key of role worker")
        .required()
        .value_name("FILE");
    command
        .option("--engine", options->flags.engines,
                "folder searched for engine.toml; repeat for more")
        .value_name("DIR");
    command
        .option("--name", options->name,
                "what the server calls this worker; the host's name when absent")
        .value_name("NAME");
    command.option("--ca-file", options->ca_file, "certificates to trust for https, PEM")
        .value_name("FILE");
    command.flag("--insecure", options->insecure, "connect beyond loopback without TLS");
    add_config_flags(command, options->flags);
    command.footer("Of the settings, [engines] and [log] count: headrace config show.");
    command.action([options] { return run(*options); });
}

}  // namespace headrace::main
