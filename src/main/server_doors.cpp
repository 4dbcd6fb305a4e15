// Server: what its doors offer, and to whom.
#include "base/log.hpp"
#include "http/tls.hpp"
#include "main/server.hpp"

namespace headrace::main {
namespace {

std::string_view word_of(http::RouteClass route_class) {
    switch (route_class) {
        case http::RouteClass::client:
            return "client";
        case http::RouteClass::worker:
            return "worker";
        case http::RouteClass::admin:
            return "admin";
        case http::RouteClass::open:
            break;
    }
    return "open";
}

/// The whole table of a door at level debug: what is there, for whom, and which right it wants. The
/// authorisation matrix of tests/e2e is made from it.
void tell_routes(const http::DoorSettings& door, const std::vector<http::Mount>& mounts) {
    for (const auto& mount : mounts) {
        for (const auto& route : mount.routes) {
            if (!door.classes.contains(route.route_class)) continue;
            log::debug("route door={} mount={} method={} path={}{} class={} right={}", door.name,
                       mount.name, http::to_string(route.method), mount.prefix, route.pattern,
                       word_of(route.route_class),
                       access::to_string(static_cast<access::Right>(route.right)));
        }
    }
}

Result<void> check_tls(const http::DoorSettings& door) {
    if (door.tls_certificate.empty()) return {};
    if (auto tls = http::make_server_tls(door.tls_certificate, door.tls_key); !tls) {
        return fail(std::move(tls.error()));
    }
    return {};
}

}  // namespace

void Server::build_apis() {
    protocols::native::Parts parts{
        .jobs = *service_,
        .activity = activity_,
        .log = *stores_.jobs,
        .blobs = *stores_.blobs,
        .catalog = *catalog_,
        .upstreams = dialled_->room(),
        .keys = *keys_,
        .directory = *directory_,
        .limits = *limiter_,
        .sessions = *sessions_,
        .urls = *urls_,
        .audit = *stores_.audit,
        .fetch = *fetch_,
        .clock = clock_,
        .link = [this](auto socket,
                       const auto& who) { remote_workers_->link(std::move(socket), who); },
        .key_revoked = [this](const std::string& id) { remote_workers_->key_revoked(id); },
        .server = [this] { return facts(); },
        .config = [this] { return reload_.show(); },
        .reload = [this] { return reload_.run_async(); },
    };
    if (settings_.request_log.enabled) {
        searches_ = std::make_unique<RequestSearches>(settings_.request_log.folder);
        parts.requests = [this](auto query) { return searches_->search(std::move(query)); };
    }
    api_ = std::make_unique<protocols::native::Api>(std::move(parts), settings_.native);
    openai_ = std::make_unique<protocols::openai::Api>(
        protocols::openai::Parts{.jobs = *service_,
                                 .log = *stores_.jobs,
                                 .blobs = *stores_.blobs,
                                 .catalog = *catalog_,
                                 .keys = *keys_,
                                 .limiter = *limiter_,
                                 .clock = clock_,
                                 .refused = listeners_->on_refusal()},
        protocols::openai::Settings{.max_body_bytes = settings_.native.max_body_bytes,
                                    .max_file_bytes = settings_.native.max_file_bytes});
    operations_ = std::make_unique<Operations>(Operations::Parts{
        .keys = *keys_,
        .not_ready = [this] { return not_ready(); },
        .metrics = [this] { return metrics(); },
    });
}

Result<void> Server::build_fastchat() {
    auto rooms = FastchatRooms::make({.core = core_loop_,
                                      .jobs = *service_,
                                      .blobs = *stores_.blobs,
                                      .catalog = *catalog_,
                                      .keys = *keys_,
                                      .limiter = *limiter_,
                                      .upstreams = dialled_->room(),
                                      .clock = clock_,
                                      .refused = listeners_->on_refusal()},
                                     settings_.fastchat);
    if (!rooms) return fail(std::move(rooms.error()));
    fastchat_ = std::move(*rooms);
    return {};
}

Result<void> Server::open_doors() {
    const auto open = [this](const http::DoorSettings& settings, bool control) {
        std::vector<http::Mount> mounts;
        mounts.push_back(api_->mount(control));
        if (control) mounts.push_back(console_.mount());
        if (!control) mounts.push_back(openai_->mount());
        fastchat_->add_mounts(mounts, control);
        mounts.push_back(operations_->mount(control));
        tell_routes(settings, mounts);
        return http::Door::make(settings, std::move(mounts),
                                http_metrics_->observer(settings.name));
    };
    auto client = open(settings_.client, false);
    if (!client) return fail(std::move(client.error()));
    client_door_ = std::move(*client);
    auto control = open(settings_.control, true);
    if (!control) return fail(std::move(control.error()));
    control_door_ = std::move(*control);
    return fastchat_->open_door(http_metrics_->observer("fastchat"));
}

void Server::add_reload_parts() {
    reload_.add({.prepare = {}, .apply = [this](const config::Config& config) {
                     log::set_level(log_settings(config).level);
                     sweep_ms_ = sweep_every(config).count();
                 }});
    // The files may have new content under the same name, so the running settings are what is read.
    reload_.add({.prepare = [this](const config::Config&) -> Result<void> {
                     for (const auto* door : {&settings_.client, &settings_.control}) {
                         if (auto ok = check_tls(*door); !ok) return ok;
                     }
                     return {};
                 },
                 .apply =
                     [this](const config::Config&) {
                         for (auto* door : {client_door_.get(), control_door_.get()}) {
                             if (auto ok = door->reload_tls(); !ok) {
                                 log::error("certificate kept door={} error={}", door->address(),
                                            ok.error().message);
                             }
                         }
                     }});
    sweep_ms_ = sweep_every(config_).count();
}

}  // namespace headrace::main
