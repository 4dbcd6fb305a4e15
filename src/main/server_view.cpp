// Server: what it tells of itself.
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.hpp"
#include "main/commands/api.hpp"
#include "main/commands/print.hpp"
#include "main/server.hpp"
#include "main/version.hpp"
#include "telemetry/process.hpp"

namespace headrace::main {

void Server::print_doors() {
    print(fmt::format("headrace {} is ready\n  client   {}\n  control  {}\n{}{}  admin key in {}\n",
                      kVersion, client_door_->address(), control_door_->address(),
                      fastchat_->door_line(), console_line(), settings_.admin_key_file.string()));
    log::info("server ready client={} control={} epoch={} io_loops={}", client_door_->address(),
              control_door_->address(), epoch_, io_loops_.size());
    log::flush();
}

/// Where the page is. A terminal gets a link that signs in; what goes into a file or a journal
/// holds no secret.
std::string Server::console_line() {
    const auto address = control_door_->address();
    if (!address.starts_with("http")) return "";
    std::string line = "  console  " + address + "/console/";
    const auto key = read_key_file(settings_.admin_key_file.string());
    auto who = key ? keys_->authenticate(key->reveal(), access::kThisMachine) : fail(key.error());
    if (isatty(STDOUT_FILENO) == 1 && who) {
        const auto link = sessions_->make_link(std::move(*who));
        line += "#sign-in=" + std::string(link.token.reveal());
        return line +
               "\n           (signs in once, within 15 minutes; headrace console prints "
               "another)\n";
    }
    return line + "  (headrace console prints a link that signs in)\n";
}

std::string Server::not_ready() const {
    if (draining_) return "draining";
    if (!started_) return "starting";
    if (!stores_.jobs->writable()) return "the job log cannot be written";
    if (auto known = keys_->check_contact(); !known) return known.error().message;
    return guard_->not_ready();
}

protocols::native::ServerFacts Server::facts() const {
    protocols::native::ServerFacts facts;
    facts.version = kVersion;
    facts.client_url = client_door_->address();
    facts.started_at = started_at_;
    facts.epoch = epoch_;
    const auto reason = not_ready();
    facts.ready = reason.empty();
    facts.memory_bytes = telemetry::process_use().memory_bytes;
    facts.loops = io_loops_.size() + 1;
    facts.connections = client_door_->connections() + control_door_->connections();
    if (!reason.empty()) facts.warnings.push_back({"not_ready", reason});
    if (stores_.blobs->low_on_space()) {
        facts.warnings.push_back({"low_disk", "the disk is nearly full: no new files are taken"});
    }
    return facts;
}

asio::awaitable<std::string> Server::metrics() {
    const TenantId all;
    const auto queues = co_await service_->queues(all, true);
    state_metrics_.set_queues(queues, clock_.wall());
    const auto workers = co_await service_->workers();
    state_metrics_.set_workers(workers);
    state_metrics_.set_connections(client_door_->connections(), control_door_->connections());
    state_metrics_.set_low_disk(stores_.blobs->low_on_space());
    state_metrics_.set_catalog_heard(stores_.keys->contact() == access::Contact::current);
    co_return registry_.render();
}

}  // namespace headrace::main
