#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/loop.hpp"
#include "http/client.hpp"
#include "http/url.hpp"
#include "main/settings.hpp"
#include "main/tracer.hpp"
#include "telemetry/metrics.hpp"

namespace headrace::main {

/// Sends the tracer's spans to a collector by OTLP/HTTP, in batches, once a second or when 512
/// wait. A collector that is away costs nobody anything: what does not fit is dropped and counted.
class TraceExporter {
  public:
    /// Error invalid_argument: the endpoint is no http or https address.
    static Result<std::unique_ptr<TraceExporter>> make(const TraceSettings& settings,
                                                       Tracer& tracer,
                                                       telemetry::Registry& registry, Loop& loop);

    /// Runs until it is cancelled.
    asio::awaitable<void> run();
    /// Sends what is left, within a second.
    asio::awaitable<void> flush();

  private:
    TraceExporter(const TraceSettings& settings, http::Url url, Tracer& tracer,
                  telemetry::Registry& registry, Loop& loop);
    /// True when the collector has taken them, or never will.
    asio::awaitable<bool> send(const std::string& body, std::size_t spans);
    asio::awaitable<bool> send_waiting();
    [[nodiscard]] http::ClientRequest request_for(const std::string& body) const;

    TraceSettings settings_;
    http::Url url_;
    Tracer& tracer_;
    Loop& loop_;
    http::Client client_;
    telemetry::Counter& sent_;
    telemetry::Counter& refused_;
    telemetry::Counter& dropped_;
    std::string unsent_;  // a batch that the collector asked to be sent again
    std::size_t unsent_spans_ = 0;
    std::uint64_t dropped_seen_ = 0;
    std::string complaint_;
};

}  // namespace headrace::main
