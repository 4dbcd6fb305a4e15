#include "main/trace_exporter.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <unistd.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "main/version.hpp"

namespace headrace::main {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBatch = 512;
constexpr milliseconds kEvery{1'000};
constexpr milliseconds kMostPause{30'000};
constexpr std::size_t kMostAnswer = 64 * 1024;

http::ClientSettings client_settings(const TraceSettings& settings) {
    http::ClientSettings out;
    out.tls.ca_file = settings.ca_file;
    out.connect_time = milliseconds(5'000);
    out.silence_time = milliseconds(10'000);
    return out;
}

telemetry::Attributes resource_of(const TraceSettings& settings) {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return {{"service.name", settings.service},
            {"service.version", std::string(kVersion)},
            {"host.name", std::string(host.data())},
            {"process.pid", std::int64_t{::getpid()}}};
}

}  // namespace

Result<std::unique_ptr<TraceExporter>> TraceExporter::make(const TraceSettings& settings,
                                                           Tracer& tracer,
                                                           telemetry::Registry& registry,
                                                           Loop& loop) {
    auto url = http::Url::parse(settings.endpoint);
    if (!url || (url->scheme != "http" && url->scheme != "https")) {
        return fail(ErrorCode::invalid_argument,
                    "traces.endpoint must be an http or https address, as http://127.0.0.1:4318");
    }
    if (url->target.empty() || url->target == "/") url->target = "/v1/traces";
    return std::unique_ptr<TraceExporter>(
        new TraceExporter(settings, std::move(*url), tracer, registry, loop));
}

TraceExporter::TraceExporter(const TraceSettings& settings, http::Url url, Tracer& tracer,
                             telemetry::Registry& registry, Loop& loop)
    : settings_(settings),
      url_(std::move(url)),
      tracer_(tracer),
      loop_(loop),
      client_(loop.io().get_executor(), client_settings(settings)),
      sent_(registry.counter("headrace_trace_spans_sent_total", "Spans a collector has taken.")
                .cell()),
      refused_(
          registry
              .counter("headrace_trace_spans_refused_total", "Spans that a collector did not want.")
              .cell()),
      dropped_(registry
                   .counter("headrace_trace_spans_dropped_total",
                            "Spans without room: the collector is away or too slow.")
                   .cell()) {}

http::ClientRequest TraceExporter::request_for(const std::string& body) const {
    http::ClientRequest request;
    request.method = "POST";
    request.url = url_;
    request.headers.set("Content-Type", "application/x-protobuf");
    if (!settings_.authorization.reveal().empty()) {
        request.headers.set("Authorization", std::string(settings_.authorization.reveal()));
    }
    request.body = body;
    return request;
}

asio::awaitable<bool> TraceExporter::send(const std::string& body, std::size_t spans) {
    auto request = request_for(body);
    auto answer = co_await client_.send(std::move(request), kMostAnswer);
    std::string complaint;
    bool over = true;
    if (!answer) {
        complaint = answer.error().message;
        over = false;
    } else if (answer->status == 429 || answer->status >= 500) {
        complaint = "it answers " + std::to_string(answer->status);
        over = false;
    } else if (answer->status >= 300) {
        complaint = "it answers " + std::to_string(answer->status);
        refused_.add(spans);
    } else {
        sent_.add(spans);
    }
    if (complaint != complaint_ && !complaint.empty()) {
        log::warn("traces are not taken endpoint={} reason={}", url_.text(), complaint);
    }
    complaint_ = complaint;
    co_return over;
}

asio::awaitable<bool> TraceExporter::send_waiting() {
    const auto dropped = tracer_.dropped();
    dropped_.add(dropped - std::exchange(dropped_seen_, dropped));
    while (!unsent_.empty() || tracer_.waiting() > 0) {
        if (unsent_.empty()) {
            const auto spans = tracer_.take(kBatch);
            unsent_ = telemetry::encode_spans(resource_of(settings_), kVersion, spans);
            unsent_spans_ = spans.size();
        }
        const bool over = co_await send(unsent_, unsent_spans_);
        if (!over) co_return false;
        unsent_.clear();
    }
    co_return true;
}

asio::awaitable<void> TraceExporter::run() {
    asio::steady_timer timer(loop_.io());
    milliseconds pause = kEvery;
    while (true) {
        timer.expires_after(pause);
        boost::system::error_code ended;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
        if (ended) co_return;
        const bool good = co_await send_waiting();
        pause = good ? kEvery : std::min(pause * 2, kMostPause);
    }
}

asio::awaitable<void> TraceExporter::flush() {
    const bool good = co_await send_waiting();
    if (!good) log::warn("traces lost at the end spans={}", tracer_.waiting() + unsent_spans_);
}

}  // namespace headrace::main
