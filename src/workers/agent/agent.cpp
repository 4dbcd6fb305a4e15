#include "workers/agent/agent.hpp"

#include <array>

#include <unistd.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "workers/agent/host_link.hpp"

namespace headrace::workers::agent {
namespace {

constexpr std::string_view kLinkPath = "/api/v1/link";

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

Settings complete(Settings settings) {
    if (settings.name.empty()) settings.name = host_name();
    settings.engines.name_prefix = settings.name + '/';
    return settings;
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::create(Settings settings, Loop& loop) {
    auto url = http::Url::parse(settings.url);
    if (!url) return fail(std::move(url).error());
    if (url->has_userinfo) {
        return fail(ErrorCode::invalid_argument, "the URL must not hold a name or password");
    }
    if (url->target.empty() || url->target == "/") url->target = kLinkPath;
    return std::unique_ptr<Agent>(new Agent(std::move(settings), std::move(*url), loop));
}

Agent::Agent(Settings settings, http::Url url, Loop& loop)
    : settings_(complete(std::move(settings))),
      url_(std::move(url)),
      loop_(loop),
      tasks_(loop.io().get_executor()),
      supervisor_(settings_.engines, loop, *this) {}

Agent::~Agent() {
    for (const auto& link : links_) link->close();
}

void Agent::add(catalog::EngineSpec spec) {
    supervisor_.add(std::move(spec));
}

void Agent::host_started(engines::StartedHost host) {
    HostLink::Events events;
    const auto id = host.id;
    events.ready = [this, id] { supervisor_.ready(id); };
    events.kill = [this, id](const std::string& reason) { supervisor_.kill(id, reason); };
    events.gone = [this](HostLink& gone) {
        links_.remove_if([&gone](const auto& link) { return link.get() == &gone; });
    };
    links_.push_back(std::make_shared<HostLink>(settings_, url_, loop_, tasks_, std::move(host),
                                                std::move(events)));
    links_.back()->start();
}

void Agent::host_ended(std::uint64_t id, const std::string& reason) {
    for (const auto& link : links_) {
        if (link->id() == id) return link->process_ended(reason);
    }
}

asio::awaitable<void> Agent::stop() {
    auto timer =
        std::make_shared<asio::steady_timer>(loop_.io(), asio::steady_timer::time_point::max());
    supervisor_.stop([timer] { timer->cancel(); });
    boost::system::error_code ignored;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    while (!links_.empty()) {  // each ends within the time that its last frames have
        timer->expires_after(std::chrono::milliseconds(20));
        co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if ((co_await asio::this_coro::cancellation_state).cancelled() !=
            asio::cancellation_type::none)
            break;
    }
    for (const auto& link : links_) link->close();
    links_.clear();
    tasks_.cancel();
    co_await tasks_.join();
}

std::vector<Agent::LinkView> Agent::links() const {
    std::vector<LinkView> out;
    for (const auto& link : links_) out.push_back({link->name(), link->linked(), link->held()});
    return out;
}

}  // namespace headrace::workers::agent
