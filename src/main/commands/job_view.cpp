#include "main/commands/job_view.hpp"

#include <fmt/format.h>

#include "base/clock.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

std::string ordinal(std::uint64_t number) {
    const auto tens = number % 100;
    const char* suffix = "th";
    if (tens < 11 || tens > 13) {
        if (number % 10 == 1) suffix = "st";
        if (number % 10 == 2) suffix = "nd";
        if (number % 10 == 3) suffix = "rd";
    }
    return fmt::format("{}{}", number, suffix);
}

std::string attempts_text(const json::value& job) {
    const auto* stages = member(job, "stages");
    if (!stages || !stages->is_array() || stages->get_array().empty()) return "";
    Table table({"attempt", "state", "worker", "started", "finished"});
    for (const auto& stage : stages->get_array()) {
        table.add({show(stage, "attempt"), show(stage, "state"), show(stage, "worker"),
                   show_time(show(stage, "started_at")), show_time(show(stage, "finished_at"))});
    }
    return "\n" + table.text("");
}

}  // namespace

std::string job_took(const json::value& job) {
    const auto started = from_rfc3339(show(job, "started_at"));
    if (!started) return "";
    const auto finished = from_rfc3339(show(job, "finished_at"));
    const WallMs end = finished ? *finished : SystemClock().wall();
    return show_seconds(static_cast<double>(std::max<WallMs>(end - *started, 0)) / 1000);
}

std::string queue_text(const json::value& job) {
    const auto* position = member(job, "queue.position");
    if (!position || !position->is_number()) return "";
    std::string out = ordinal(position->to_number<std::uint64_t>()) + " in line";
    if (const auto* wait = member(job, "queue.estimate_s"); wait && wait->is_number()) {
        out += ", about " + show_seconds(wait->to_number<double>());
    }
    return out;
}

std::string job_error_text(const json::value& job) {
    const auto* error = member(job, "error");
    if (!error || !error->is_object()) return "";
    std::string out = show(*error, "code");
    if (const auto message = show(*error, "message"); !message.empty()) out += ": " + message;
    if (const auto reason = show(*error, "reason"); !reason.empty()) out += " (" + reason + ")";
    return out;
}

std::string job_text(const json::value& job) {
    std::vector<std::pair<std::string, std::string>> pairs{
        {"id", show(job, "id")},
        {"capability", show(job, "capability")},
        {"state", show(job, "state")},
        {"queue", queue_text(job)},
        {"attempt", show(job, "attempt")},
        {"retry of", show(job, "retry_of")},
        {"created", show_time(show(job, "created_at"))},
        {"started", show_time(show(job, "started_at"))},
        {"finished", show_time(show(job, "finished_at"))},
        {"took", job_took(job)},
        {"error", job_error_text(job)},
    };
    if (const auto* fraction = member(job, "progress.fraction");
        fraction && fraction->is_number()) {
        pairs.emplace_back("progress",
                           fmt::format("{:.0f} %  {}", fraction->to_number<double>() * 100,
                                       show(job, "progress.message")));
    }
    if (const auto* output = member(job, "output"); output && output->is_object()) {
        for (const auto& item : output->get_object()) {
            auto text = item.value().is_object() && item.value().get_object().contains("url")
                            ? show(item.value(), "url")
                            : show(&item.value());
            pairs.emplace_back("output " + std::string(item.key()), std::move(text));
        }
    }
    if (const auto* usage = member(job, "usage"); usage && usage->is_object()) {
        for (const auto& item : usage->get_object()) {
            pairs.emplace_back("used " + std::string(item.key()), show(&item.value()));
        }
    }
    return pairs_text(pairs) + attempts_text(job);
}

}  // namespace headrace::main
