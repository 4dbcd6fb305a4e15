#include "workers/hub/hub.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "http/websocket.hpp"
#include "link/transport.hpp"
#include "workers/hub/greeting.hpp"
#include "workers/hub/offers.hpp"
#include "workers/hub/worker_link.hpp"

namespace headrace::workers::hub {

Hub::Hub(Settings settings, Loop& core_loop, jobs::Core& core, jobs::BlobStore& blobs,
         catalog::Catalog& catalog, const Clock& clock, IdSource& ids)
    : context_{settings, core_loop, core, blobs,
               catalog,  clock,     ids,  TaskGroup(core_loop.io().get_executor())} {}

Hub::~Hub() = default;

void Hub::add_local(LocalHost host) {
    if (stopped_) return;
    Origin origin;
    origin.tenant = catalog::kSystemTenant;
    origin.local_id = host.id;
    origin.kill = std::move(host.kill);
    origin.ready = std::move(host.ready);
    origin.gpus = std::move(host.gpus);
    greetings_.push_back(std::make_unique<Greeting>(*this, context_, std::move(host.link),
                                                    std::move(origin), std::move(host.versions)));
    greetings_.back()->start();
}

void Hub::local_ended(std::uint64_t id, const std::string& reason) {
    for (const auto& greeting : greetings_) {
        if (greeting->origin.local_id == id) return remove(*greeting);
    }
    for (const auto& link : links_) {
        if (link->origin().local_id == id) return link->process_ended(reason);
    }
}

void Hub::accept_websocket(std::unique_ptr<http::WebSocket> socket, TenantId tenant,
                           std::string key) {
    accept(std::make_unique<link::Channel>(
               context_.loop, link::make_websocket_transport(context_.loop, std::move(socket))),
           std::move(tenant), std::move(key));
}

void Hub::accept(std::unique_ptr<link::Channel> channel, TenantId tenant, std::string key) {
    if (stopped_) return channel->close("the server is shutting down");
    Origin origin;
    origin.tenant = std::move(tenant);
    origin.key = std::move(key);
    greetings_.push_back(std::make_unique<Greeting>(*this, context_, std::move(channel),
                                                    std::move(origin),
                                                    std::vector<catalog::VersionPtr>{}));
    greetings_.back()->start();
}

void Hub::key_revoked(const std::string& key) {
    for (const auto& link : links_) {
        if (!key.empty() && link->origin().key == key) link->kill("its key is no longer good");
    }
}

std::shared_ptr<WorkerLink> Hub::resumed(const wire::Hello& hello, const Origin& origin,
                                         const std::vector<catalog::VersionPtr>& versions) const {
    const auto id = WorkerId::from_raw(hello.resume());
    if (!id || origin.is_local()) return nullptr;
    for (const auto& link : links_) {
        const bool same = link->id() == *id && link->origin().key == origin.key &&
                          link->origin().tenant == origin.tenant && link->offers_same(versions);
        if (same) return link;
    }
    return nullptr;
}

void Hub::greeted(Greeting& greeting, const wire::Frame& frame) {
    const wire::Hello& hello = frame.hello();
    const bool local = greeting.origin.is_local();
    auto versions = local ? expected_versions(hello, greeting.expected)
                          : registered_versions(hello, greeting.origin.tenant, context_.catalog);
    if (!versions) {
        greeting.refuse(versions.error());
        return greeting_ended(greeting, versions.error().message);
    }
    const auto old = resumed(hello, greeting.origin, *versions);
    if (!old || !old->resume(greeting.channel, frame)) {
        log::info("worker has dialled in worker={} tenant={} kit={} pid={}", hello.name(),
                  greeting.origin.tenant.name, hello.kit(), hello.pid());
        auto link = std::make_shared<WorkerLink>(
            context_, std::move(greeting.origin), std::move(*versions), [this](WorkerLink& gone) {
                links_.remove_if([&gone](const auto& one) { return one.get() == &gone; });
            });
        links_.push_back(link);
        link->attach(std::move(greeting.channel), frame);
    }
    remove(greeting);
}

void Hub::greeting_ended(Greeting& greeting, const std::string& reason) {
    if (greeting.origin.is_local()) {
        greeting.origin.kill("its link closed before hello: " + reason);
    } else {
        log::info("worker was refused tenant={} reason={}", greeting.origin.tenant.name, reason);
    }
    remove(greeting);
}

void Hub::remove(Greeting& greeting) {
    // Later: we may be inside a call of its channel.
    const auto found = std::ranges::find(greetings_, &greeting, &std::unique_ptr<Greeting>::get);
    if (found == greetings_.end()) return;
    std::shared_ptr<Greeting> owned = std::move(*found);
    greetings_.erase(found);
    context_.loop.post([owned = std::move(owned)] {});
}

asio::awaitable<void> Hub::stop() {
    stopped_ = true;
    for (const auto& greeting : greetings_) greeting->channel->close("the server is shutting down");
    for (const auto& link : links_) link->close("the server is shutting down");
    context_.tasks.cancel();
    co_await context_.tasks.join();
    greetings_.clear();
    links_.clear();
}

}  // namespace headrace::workers::hub
