#include "main/commands/follow.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "main/commands/job_view.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

constexpr auto kRestartPatience = std::chrono::seconds(60);

std::string extension_of(std::string_view content_type) {
    static constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
        {"audio/wav", "wav"},  {"audio/x-wav", "wav"},       {"audio/mpeg", "mp3"},
        {"audio/ogg", "ogg"},  {"audio/flac", "flac"},       {"image/png", "png"},
        {"image/jpeg", "jpg"}, {"image/webp", "webp"},       {"image/gif", "gif"},
        {"video/mp4", "mp4"},  {"application/json", "json"}, {"text/plain", "txt"}};
    for (const auto& [type, extension] : kKnown) {
        if (content_type == type) return std::string(extension);
    }
    return "bin";
}

bool is_media(const json::value& value) {
    const auto* object = value.if_object();
    return object && object->contains("file_id") && object->contains("url");
}

}  // namespace

Follow::Follow(Api& api, bool as_json, std::string output, std::set<std::string> replaced)
    : api_(api),
      as_json_(as_json),
      output_(std::move(output)),
      replaced_(std::move(replaced)),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

int Follow::submit(const json::value& body, bool streams) {
    if (!streams) {
        const auto job = api_.post("/jobs", body);
        if (!job) return report(job.error());
        return existing(show(*job, "id"));
    }
    const auto result =
        api_.events("/jobs", body, "", [this](const auto& event) { return on_event(event); });
    clear_line();
    if (!result) return report(result.error());
    return finish();
}

int Follow::existing(const std::string& id) {
    const std::string path = "/jobs/" + http::percent_encode(id);
    auto give_up = std::chrono::steady_clock::now() + kRestartPatience;
    bool said = false;
    while (!job_) {
        if (terminal_) show_queue(id);
        const auto result = api_.events(
            path + "/events", std::nullopt, last_event_id_, [&](const http::SseEvent& event) {
                give_up = std::chrono::steady_clock::now() + kRestartPatience;
                return on_event(event);
            });
        if (job_) break;
        // A durable job outlives its server: look for it again until patience ends.
        if (!result && result.error().code != ErrorCode::unavailable) {
            clear_line();
            return report(result.error());
        }
        if (std::chrono::steady_clock::now() > give_up) {
            clear_line();
            return report(result
                              ? Error{ErrorCode::unavailable, "the event stream ended early", {}, 0}
                              : result.error());
        }
        if (!result && !said) {
            clear_line();
            print_error("headrace: the server is away; waiting for it, the job is safe");
            said = true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
    clear_line();
    return finish();
}

bool Follow::on_event(const http::SseEvent& event) {
    if (!event.id.empty()) last_event_id_ = event.id;
    const auto data = parse_json(event.data, {.max_depth = 512});
    if (!data) return true;
    if (as_json_ && event.event != "done") return true;
    if (event.event == "state") {
        const auto state = show(*data, "state");
        if (state == "running" && running_since_ms_ == 0) running_since_ms_ = SystemClock().wall();
        if (state == "queued") running_since_ms_ = 0;
        draw(state);
    } else if (event.event == "progress") {
        on_progress(*data);
    } else if (event.event == "output") {
        on_output(*data);
    } else if (event.event == "done") {
        job_ = *data;
        return false;
    }
    return true;
}

void Follow::on_progress(const json::value& progress) {
    const auto* fraction = member(progress, "fraction");
    draw(bar(fraction && fraction->is_number() ? fraction->to_number<double>() : -1,
             show(progress, "message")));
}

std::string Follow::bar(double fraction, const std::string& message) const {
    if (fraction < 0) return message.empty() ? "running" : message;
    constexpr int kCells = 30;
    fraction = std::clamp(fraction, 0.0, 1.0);
    const int full = static_cast<int>(fraction * kCells);
    std::string out =
        fmt::format("[{:#<{}}{:.<{}}] {:3.0f} %", "", full, "", kCells - full, fraction * 100);
    if (running_since_ms_ > 0 && fraction > 0.01 && fraction < 1) {
        const auto spent = static_cast<double>(SystemClock().wall() - running_since_ms_) / 1000;
        out += fmt::format("  {} left", show_seconds(spent / fraction * (1 - fraction)));
    }
    if (!message.empty()) out += "  " + message;
    return out;
}

void Follow::on_output(const json::value& step) {
    const auto* output = member(step, "output");
    if (!output || !output->is_object()) return;
    for (const auto& item : output->get_object()) {
        if (is_media(item.value())) continue;
        if (replaced_.contains(std::string(item.key()))) {
            draw(show(&item.value()));
            continue;
        }
        clear_line();
        if (item.value().is_string()) {
            print(std::string(item.value().get_string()));
            line_open_ = true;
        } else {
            print(show(&item.value()) + "\n");
        }
        streamed_.insert(item.key());
    }
}

void Follow::show_queue(const std::string& id) {
    const auto job = api_.get("/jobs/" + http::percent_encode(id));
    if (!job) return;
    const auto place = queue_text(*job);
    if (!place.empty()) draw("queued, " + place);
}

int Follow::finish() {
    if (line_open_) print("\n");
    if (!job_)
        return report(Error{ErrorCode::unavailable, "the answer ended before the job did", {}, 0});
    const auto state = show(*job_, "state");
    if (as_json_) print(pretty_json(*job_));
    if (state != "succeeded") {
        const auto why = job_error_text(*job_);
        print_error(fmt::format("headrace: job {} {}{}", show(*job_, "id"), state,
                                why.empty() ? "" : ", " + why));
        return kFailed;
    }
    const auto* output = member(*job_, "output");
    return output ? show_outputs(*output) : static_cast<int>(kOk);
}

int Follow::show_outputs(const json::value& output) {
    const auto* object = output.if_object();
    if (!object) return kOk;
    std::size_t number = 0;
    const bool alone = object->size() == 1;
    for (const auto& item : *object) {
        const std::string name(item.key());
        const auto& value = item.value();
        if (is_media(value)) {
            if (const auto code = save(name, value, number++)) return *code;
            continue;
        }
        if (const auto* list = value.if_array();
            list && !list->empty() && is_media(list->front())) {
            for (const auto& media : *list) {
                if (const auto code = save(name, media, number++)) return *code;
            }
            continue;
        }
        if (as_json_ || streamed_.contains(name)) continue;
        if (alone && value.is_string())
            print(std::string(value.get_string()) + "\n");
        else if (alone)
            print(pretty_json(value));
        else
            print(fmt::format("{}: {}\n", name, show(&value)));
    }
    return kOk;
}

std::optional<int> Follow::save(const std::string& name, const json::value& media,
                                std::size_t number) {
    std::string file;
    const auto equals = output_.find('=');
    if (equals == std::string::npos) {
        if (number == 0) file = output_;
    } else if (output_.substr(0, equals) == name) {
        file = output_.substr(equals + 1);
    }
    // JSON on standard output holds the address; a file is written only when asked for.
    if (file.empty() && as_json_) return std::nullopt;
    if (file.empty()) {
        const auto extension = extension_of(show(media, "content_type"));
        const auto id = show(media, "file_id");
        file =
            fmt::format("{}-{}.{}", name, id.substr(id.size() > 8 ? id.size() - 8 : 0), extension);
    }
    const auto size = api_.download(show(media, "url"), file);
    if (!size) return report(size.error());
    if (!as_json_) {
        print(fmt::format("{}: saved to {} ({}, {})\n", name, file, show_bytes(*size),
                          show(media, "content_type")));
    }
    return std::nullopt;
}

void Follow::draw(const std::string& line) {
    if (!terminal_ || as_json_ || line_open_) return;
    winsize size{};
    const std::size_t columns =
        ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80U;
    std::string shown;
    // A control character in an engine's message must not move the cursor.
    for (const char c : line) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    if (shown.size() >= columns) shown.resize(columns - 1);
    std::fprintf(stderr, "\r\x1b[K%s", shown.c_str());
    std::fflush(stderr);
    drawn_ = true;
}

void Follow::clear_line() {
    if (!drawn_) return;
    std::fprintf(stderr, "\r\x1b[K");
    std::fflush(stderr);
    drawn_ = false;
}

}  // namespace headrace::main
