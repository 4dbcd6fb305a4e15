#include "protocols/native/status_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "catalog/version.hpp"

namespace headrace::protocols::native {
namespace {

using jobs::JobState;
using jobs::Sample;

std::string time_text(WallMs at) {
    return '"' + to_rfc3339(at) + '"';
}

/// To a thousandth; negative: nothing known.
std::string number_or_null(double value) {
    if (!std::isfinite(value) || value < 0) return "null";
    return fmt::format("{}", std::round(value * 1000) / 1000);
}

struct Series {
    std::string_view name;
    double (*value)(const Sample&);
    bool of_process = false;
};

constexpr std::array<Series, 11> kSeries{{
    {"accepted", [](const Sample& of) -> double { return of.accepted; }},
    {"finished", [](const Sample& of) -> double { return of.finished; }},
    {"failed", [](const Sample& of) -> double { return of.failed; }},
    {"queued", [](const Sample& of) -> double { return of.queued; }},
    {"running", [](const Sample& of) -> double { return of.running; }},
    {"wait_p50_ms", [](const Sample& of) -> double { return of.wait_p50; }},
    {"wait_p99_ms", [](const Sample& of) -> double { return of.wait_p99; }},
    {"run_p50_ms", [](const Sample& of) -> double { return of.run_p50; }},
    {"run_p99_ms", [](const Sample& of) -> double { return of.run_p99; }},
    {"memory_bytes", [](const Sample& of) { return static_cast<double>(of.process.memory_bytes); },
     true},
    {"cpu_percent", [](const Sample& of) -> double { return of.process.cpu_percent; }, true},
}};

std::string value_text(const Series& series, const Sample& sample, bool with_process) {
    return series.of_process && !with_process ? "null" : number_or_null(series.value(sample));
}

/// What the caller may know of one queue.
struct QueueLine {
    std::uint64_t queued = 0;
    std::uint64_t running = 0;
    WallMs oldest = 0;
};

QueueLine line_of(const jobs::QueueView& queue, const StatusView& view,
                  const access::Principal& who) {
    if (who.system) return {queue.queued, queue.running, queue.oldest_queued_at};
    QueueLine line;
    for (const auto& part : view.load) {
        if (part.tenant == who.tenant && part.capability == queue.version->name &&
            part.version == queue.version->semver.text()) {
            line = {part.queued, part.running, part.oldest_queued_at};
        }
    }
    return line;
}

void append_server(std::string& out, const StatusView& view, const ServerFacts& server, bool system,
                   WallMs now) {
    out += "{\"server\":{\"version\":";
    append_json_string(out, server.version);
    out += fmt::format(",\"started_at\":{},\"uptime_s\":{},\"epoch\":{},\"ready\":{}",
                       time_text(server.started_at),
                       std::max<WallMs>(now - server.started_at, 0) / 1000, server.epoch,
                       server.ready);
    if (system) {
        const double cpu = view.last.empty() ? -1 : view.last.back().process.cpu_percent;
        out +=
            fmt::format(",\"memory_bytes\":{},\"cpu_percent\":{},\"loops\":{},\"connections\":{}",
                        server.memory_bytes, number_or_null(cpu), server.loops, server.connections);
    } else {
        out += ",\"memory_bytes\":null,\"cpu_percent\":null,\"loops\":null,\"connections\":null";
    }
    out += '}';
}

void append_queue(std::string& out, const jobs::QueueView& queue, const QueueLine& line,
                  const StatusView& view, WallMs now) {
    const auto& version = *queue.version;
    const auto semver = version.semver.text();
    const auto same = [&](const jobs::FlowView& flow) {
        return flow.capability == version.name && flow.version == semver;
    };
    const auto found = std::find_if(view.flows.begin(), view.flows.end(), same);
    const jobs::FlowView flow = found == view.flows.end() ? jobs::FlowView{} : *found;
    out += "{\"capability\":";
    append_json_string(out, version.name);
    out += ",\"version\":";
    append_json_string(out, semver);
    const double oldest = line.oldest == 0 ? -1 : static_cast<double>(now - line.oldest) / 1000;
    out += fmt::format(
        ",\"queued\":{},\"running\":{},\"oldest_s\":{},\"slots\":{},\"free_slots\":{},"
        "\"paused\":{},\"draining\":{},\"rate\":{},\"p50_ms\":{},\"p99_ms\":{}}}",
        line.queued, line.running, oldest < 0 && line.oldest != 0 ? "0" : number_or_null(oldest),
        queue.slots, queue.free_slots, queue.paused, queue.draining, number_or_null(flow.rate),
        number_or_null(flow.p50_ms), number_or_null(flow.p99_ms));
}

void append_worker(std::string& out, const jobs::WorkerView& worker, bool system) {
    const auto& profile = worker.profile;
    const bool local = profile.tenant.name == access::kSystemTenant;
    out += "{\"id\":\"" + worker.id.text() + "\",\"name\":";
    append_json_string(out, profile.name);
    out += local ? ",\"kind\":\"local\",\"versions\":[" : ",\"kind\":\"remote\",\"versions\":[";
    for (const auto& version : profile.versions) {
        if (out.back() != '[') out += ',';
        append_json_string(out, version->text());
    }
    out += fmt::format("],\"slots\":{},\"busy\":{},\"since\":{},\"state\":\"{}\"", profile.slots,
                       worker.running, time_text(worker.since), worker.state);
    if (system || !local) {
        out += ",\"address\":";
        append_json_string(out, profile.host);
    }
    out += '}';
}

void append_warning(std::string& out, std::string_view code, std::string_view message) {
    if (out.back() != '[') out += ',';
    out += "{\"code\":";
    append_json_string(out, code);
    out += ",\"message\":";
    append_json_string(out, message);
    out += '}';
}

}  // namespace

const TenantId* seen_tenant(const access::Principal& who) {
    return who.system ? nullptr : &who.tenant;
}

std::string totals_text(const jobs::JobTotals& totals, std::span<const jobs::TenantLoad> load,
                        const access::Principal& who) {
    std::uint64_t queued = 0;
    std::uint64_t running = 0;
    for (const auto& part : load) {
        if (!who.system && part.tenant != who.tenant) continue;
        queued += part.queued;
        running += part.running;
    }
    return fmt::format(
        "{{\"queued\":{},\"running\":{},\"accepted\":{},\"succeeded\":{},\"failed\":{},"
        "\"cancelled\":{},\"expired\":{},\"dead\":{}}}",
        queued, running, totals.accepted, totals.ended_as(JobState::succeeded),
        totals.ended_as(JobState::failed), totals.ended_as(JobState::cancelled),
        totals.ended_as(JobState::expired), totals.dead);
}

std::string status_text(const StatusView& view, const ServerFacts& server,
                        const access::Principal& who, WallMs now) {
    std::string out;
    append_server(out, view, server, who.system, now);
    out += ",\"totals\":" + totals_text(view.totals, view.load, who) + ",\"queues\":[";
    std::string warnings = "[";
    for (const auto& queue : view.queues) {
        if (!access::may_use(who, queue.version->name, queue.version->model)) continue;
        const auto line = line_of(queue, view, who);
        if (out.back() != '[') out += ',';
        append_queue(out, queue, line, view, now);
        if (line.queued == 0) continue;
        if (queue.paused) {
            append_warning(warnings, "queue_paused",
                           fmt::format("{} jobs wait for {}, which is paused", line.queued,
                                       queue.version->text()));
        } else if (queue.slots == 0) {
            append_warning(warnings, "no_worker",
                           fmt::format("{} jobs wait for {}, which no worker serves", line.queued,
                                       queue.version->text()));
        }
    }
    out += "],\"workers\":[";
    for (const auto& worker : view.workers) {
        if (!access::may_see(who, worker.profile.tenant)) continue;
        if (out.back() != '[') out += ',';
        append_worker(out, worker, who.system);
        if (worker.state == "lost") {
            append_warning(warnings, "worker_lost",
                           fmt::format("the link to {} is lost", worker.profile.name));
        }
    }
    if (who.system) {
        for (const auto& warning : server.warnings) {
            append_warning(warnings, warning.code, warning.message);
        }
    }
    out += "],\"warnings\":" + warnings + "]}";
    return out;
}

std::string series_text(std::span<const Sample> samples, bool with_process, WallMs end) {
    std::string out =
        fmt::format("{{\"step_s\":{},\"end\":{}", jobs::Samples::kStep.count(), time_text(end));
    for (const auto& series : kSeries) {
        out += fmt::format(",\"{}\":[", series.name);
        for (const auto& sample : samples) {
            if (out.back() != '[') out += ',';
            out += value_text(series, sample, with_process);
        }
        out += ']';
    }
    out += '}';
    return out;
}

std::string sample_text(std::span<const Sample> last, bool with_process, const std::string& totals,
                        WallMs now) {
    std::string out = "{\"time\":" + time_text(now);
    for (const auto& series : kSeries) {
        out += fmt::format(",\"{}\":{}", series.name,
                           last.empty() ? "null" : value_text(series, last.back(), with_process));
    }
    out += ",\"totals\":" + totals + '}';
    return out;
}

std::string change_text(const jobs::StateChange& change) {
    std::string out = "{\"id\":\"" + change.id.text() + "\",\"capability\":";
    append_json_string(out, change.capability);
    out += ",\"state\":\"";
    out += jobs::to_string(change.state);
    out += "\",\"time\":" + time_text(change.at) + '}';
    return out;
}

}  // namespace headrace::protocols::native
