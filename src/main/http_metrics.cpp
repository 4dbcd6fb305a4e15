#include "main/http_metrics.hpp"

#include "base/log.hpp"
#include "http/exchange.hpp"
#include "protocols/fastchat/parts.hpp"

namespace headrace::main {
namespace {

/// The path as it may be logged: FastChat's controller has its token in it.
std::string shown(std::string_view path) {
    constexpr auto kPrefix = protocols::fastchat::kControllerPrefix;
    if (!path.starts_with(kPrefix)) return std::string(path);
    const auto end = path.find('/', kPrefix.size() + 1);
    return std::string(kPrefix) + "/{token}" +
           std::string(end == std::string_view::npos ? "" : path.substr(end));
}

}  // namespace

HttpMetrics::HttpMetrics(telemetry::Registry& registry, std::span<Loop* const> loops)
    : requests_(registry.counter("headrace_http_requests_total", "Requests answered.",
                                 {"door", "route", "status"})),
      took_(registry.histogram("headrace_http_request_seconds",
                               "Time from a request's head to the end of its answer.",
                               {"door", "route"})),
      loops_(loops.begin(), loops.end()) {}

http::Observer HttpMetrics::observer(std::string name) {
    auto& door = *doors_.emplace_back(std::make_unique<Door>());
    door.name = std::move(name);
    door.by_loop.resize(loops_.size());
    return [this, &door](const http::Exchange& exchange, std::chrono::nanoseconds took) {
        observe(door, exchange, took);
    };
}

void HttpMetrics::observe(Door& door, const http::Exchange& exchange,
                          std::chrono::nanoseconds took) {
    std::size_t index = 0;
    while (index < loops_.size() && loops_[index] != Loop::current()) ++index;
    if (index == loops_.size()) return;
    const http::Route* matched = exchange.matched();
    auto& route = door.by_loop[index][matched];
    if (!route.took) route.took = &took_.cell({door.name, matched ? matched->pattern : "none"});
    telemetry::Counter* counter = nullptr;
    for (const auto& [status, cell] : route.by_status) {
        if (status == exchange.status()) counter = cell;
    }
    if (!counter) {
        counter = &requests_.cell(
            {door.name, matched ? matched->pattern : "none", std::to_string(exchange.status())});
        route.by_status.emplace_back(exchange.status(), counter);
    }
    counter->add();
    route.took->observe(std::chrono::duration<double>(took).count());
    if (!log::enabled(log::Level::debug)) return;
    const auto& head = exchange.head();
    log::debug("request door={} method={} path={} status={} took_ms={:.3f} peer={} trace={}",
               door.name, http::to_string(head.method), shown(head.path), exchange.status(),
               std::chrono::duration<double, std::milli>(took).count(), head.peer,
               head.trace.trace_id());
}

}  // namespace headrace::main
