#pragma once

#include <csignal>
#include <list>

#include <boost/asio/ip/tcp.hpp>

#include "catalog/engine_toml.hpp"
#include "engines/supervisor.hpp"
#include "http/exchange.hpp"
#include "http/server.hpp"
#include "workers/agent/agent.hpp"
#include "workers/hub/tests/hub_fixture.hpp"

namespace headrace::workers {

inline catalog::EngineSpec engine(const std::string& folder) {
    auto spec = catalog::load_engine(std::string(HEADRACE_SOURCE_DIR) + "/" + folder);
    EXPECT_TRUE(spec) << (spec ? "" : spec.error().message);
    return spec ? *spec : catalog::EngineSpec{};
}

inline engines::Settings engine_settings() {
    auto settings = engines::settings_beside(engines::program_folder());
    settings.stop_grace = std::chrono::milliseconds(1'000);
    settings.memory_poll = std::chrono::milliseconds(50);
    return settings;
}

/// A hub over a real core, with real host processes on this machine.
class LocalTest : public hub::HubTest, public engines::HostListener {
  protected:
    LocalTest() {
        supervisor = std::make_unique<engines::Supervisor>(engine_settings(), loop, *this);
    }
    ~LocalTest() override {
        bool stopped = false;
        supervisor->stop([&] { stopped = true; });
        EXPECT_TRUE(wait([&] { return stopped; }));
    }
    void host_started(engines::StartedHost host) override {
        pids.push_back(host.pid);
        hub::LocalHost local;
        local.id = host.id;
        local.versions = {catalog.snapshot()->find(catalog::kSystemTenant, host.spec->capability,
                                                   host.spec->version)};
        local.link = std::move(host.link);
        local.kill = [this, id = local.id](const std::string& reason) {
            supervisor->kill(id, reason);
        };
        local.ready = [this, id = local.id] { supervisor->ready(id); };
        hub.add_local(std::move(local));
    }
    void host_ended(std::uint64_t id, const std::string& reason) override {
        hub.local_ended(id, reason);
    }

    jobs::VersionPtr start(const std::string& folder) {
        auto spec = engine(folder);
        catalog::Registration registration;
        registration.tenant = catalog::kSystemTenant;
        registration.name = spec.capability;
        registration.version = spec.version;
        registration.interface = spec.interface;
        registration.limits = spec.limits;
        auto version = catalog.add(std::move(registration));
        supervisor->add(std::move(spec));
        return *version;
    }
    static jobs::Payload values_of(const std::string& text, const std::string& name,
                                   catalog::Value value) {
        auto values = text_values(text);
        values.set(name, std::move(value));
        jobs::Payload payload;
        payload.values = catalog::encode(values);
        return payload;
    }
    const jobs::JobRecord& end_of(const std::shared_ptr<hub::Events>& events) {
        EXPECT_TRUE(wait([&] { return events->record() != nullptr; }, std::chrono::seconds(30)));
        static const jobs::JobRecord none;
        return events->record() != nullptr ? *events->record() : none;
    }

    std::vector<pid_t> pids;
    std::unique_ptr<engines::Supervisor> supervisor;
};

/// Passes bytes between an agent and the server, and can cut what it carries as a broken network
/// does.
class Relay {
  public:
    using tcp = asio::ip::tcp;
    Relay(Loop& loop, std::uint16_t to)
        : to_(asio::ip::address_v4::loopback(), to),
          acceptor_(loop.io(), tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        accept();
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    /// Resets every connection; while `refusing`, new ones too.
    void cut() {
        for (auto& pair : pairs_) {
            if (auto both = pair.lock()) both->reset();
        }
        pairs_.clear();
    }
    bool refusing = false;

  private:
    struct Pair : std::enable_shared_from_this<Pair> {
        Pair(tcp::socket from, tcp::socket to) : ends{std::move(from), std::move(to)} {}
        void pump(std::size_t from) {
            ends[from].async_read_some(
                asio::buffer(buffers[from]),
                [self = shared_from_this(), from](const auto& error, std::size_t got) {
                    if (error) return self->reset();
                    asio::async_write(self->ends[1 - from], asio::buffer(self->buffers[from], got),
                                      [self, from](const auto& failed, std::size_t) {
                                          if (!failed) self->pump(from);
                                      });
                });
        }
        void reset() {
            boost::system::error_code ignored;
            for (auto& end : ends) {
                end.set_option(asio::socket_base::linger(true, 0), ignored);
                end.close(ignored);
            }
        }
        std::array<tcp::socket, 2> ends;
        std::array<std::array<char, 64 * 1024>, 2> buffers;
    };
    void accept() {
        acceptor_.async_accept([this](const auto& error, tcp::socket socket) {
            if (error) return;
            boost::system::error_code failed;
            tcp::socket server(acceptor_.get_executor());
            if (!refusing) server.connect(to_, failed);
            if (!refusing && !failed) {
                auto pair = std::make_shared<Pair>(std::move(socket), std::move(server));
                pair->pump(0);
                pair->pump(1);
                pairs_.push_back(pair);
            }
            accept();
        });
    }
    tcp::endpoint to_;
    tcp::acceptor acceptor_;
    std::list<std::weak_ptr<Pair>> pairs_;
};

/// A hub behind a door, and an agent with real hosts that dials it through a relay.
class AgentTest : public hub::HubTest {
  protected:
    AgentTest() {
        std::vector<http::Mount> mounts(1);
        mounts[0].name = "link";
        mounts[0].prefix = "/api/v1";
        mounts[0].routes.emplace_back(
            http::Method::get, "/link", http::RouteClass::worker, http::RightId{0},
            [this](http::Exchange& exchange) { return accept(exchange); });
        http::DoorSettings settings;
        settings.listen = "127.0.0.1:0";
        settings.classes = {http::RouteClass::worker};
        door = *http::Door::make(std::move(settings), std::move(mounts));
        Loop* const only = &loop;
        EXPECT_TRUE(door->start(std::span(&only, 1)));
        relay = std::make_unique<Relay>(loop, door->bound_port());
        agent::Settings agent_settings;
        agent_settings.url = "ws://127.0.0.1:" + std::to_string(relay->port());
        agent_settings.token = Secret("hr_test");
        agent_settings.name = "box";
        agent_settings.engines = engine_settings();
        agent_settings.retry_first = std::chrono::milliseconds(20);
        agent_settings.retry_most = std::chrono::milliseconds(100);
        agent = *agent::Agent::create(std::move(agent_settings), loop);
    }
    ~AgentTest() override {
        if (agent) stop_agent();
        door->stop_accepting();
        tasks.spawn("drain", drain());
        EXPECT_TRUE(wait([&] { return tasks.size() == 0; }));
        relay.reset();
    }
    void stop_agent() {
        tasks.spawn("stop", agent->stop());
        EXPECT_TRUE(wait([&] { return tasks.size() == 0; }));
        agent.reset();
    }
    asio::awaitable<void> drain() { co_await door->drain(std::chrono::milliseconds(100)); }
    asio::awaitable<void> accept(http::Exchange& exchange) {
        authorization = exchange.header("authorization").value_or("");
        http::WebSocketLimits limits;
        auto socket = co_await exchange.accept_websocket(limits);
        if (socket) hub.accept_websocket(std::move(*socket), TenantId("default"), "key-1");
    }
    jobs::VersionPtr linked(const std::string& folder) {
        auto spec = engine(folder);
        const std::string name = spec.capability;
        agent->add(std::move(spec));
        jobs::VersionPtr version;
        EXPECT_TRUE(wait(
            [&] {
                auto found = catalog.snapshot()->resolve(TenantId("default"), name);
                if (found) version = *found;
                return version && !core.workers().empty() && core.workers()[0].state == "ready";
            },
            std::chrono::seconds(30)));
        return version;
    }
    const jobs::JobRecord& end_of(const std::shared_ptr<hub::Events>& events) {
        EXPECT_TRUE(wait([&] { return events->record() != nullptr; }, std::chrono::seconds(30)));
        static const jobs::JobRecord none;
        return events->record() != nullptr ? *events->record() : none;
    }
    static jobs::Payload slow(std::int64_t ms) {
        auto values = text_values("slow");
        values.set("duration_ms", ms);
        jobs::Payload payload;
        payload.values = catalog::encode(values);
        return payload;
    }

    std::unique_ptr<http::Door> door;
    std::unique_ptr<Relay> relay;
    std::unique_ptr<agent::Agent> agent;
    std::string authorization;
};

}  // namespace headrace::workers
