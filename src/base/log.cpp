#include "base/log.hpp"

#include <algorithm>
#include <memory>

#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/syslog_sink.h>

#include "base/byte_words.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/log_output.hpp"
#include "base/log_sink.hpp"

namespace headrace::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warn:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
        case Level::off:
            return spdlog::level::off;
    }
    return spdlog::level::off;
}

std::string_view word(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::debug:
            return "debug";
        case spdlog::level::info:
            return "info";
        case spdlog::level::warn:
            return "warn";
        default:
            return "error";
    }
}

/// The time of a line as text. Many lines share their millisecond.
class TimeText {
  public:
    std::string_view of(const spdlog::details::log_msg& msg) {
        const WallMs at =
            std::chrono::duration_cast<milliseconds>(msg.time.time_since_epoch()).count();
        if (at != at_ || text_.empty()) {
            at_ = at;
            text_ = to_rfc3339(at);
        }
        return text_;
    }

  private:
    WallMs at_ = 0;
    std::string text_;
};

void append(spdlog::memory_buf_t& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

/// A line may carry text from outside (a path, an engine's words): a control character in it must
/// not make a second line.
void append_clean(spdlog::memory_buf_t& out, std::string_view text) {
    const auto start = out.size();
    append(out, text);
    char* at = out.data() + start;
    char* const end = out.data() + out.size();
    while (at != end) {
        const auto left = static_cast<std::size_t>(end - at);
        if (left >= byte_words::kBytes && byte_words::any_below(byte_words::load(at), 0x20) == 0) {
            at += byte_words::kBytes;
            continue;
        }
        for (char* const stop = at + std::min(left, byte_words::kBytes); at != stop; ++at) {
            if (static_cast<unsigned char>(*at) < 0x20) *at = ' ';
        }
    }
}

class TextFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
        append(out, time_.of(msg));
        append(out, " ");
        append(out, word(msg.level));
        append(out, " ");
        append_clean(out, {msg.payload.data(), msg.payload.size()});
        append(out, "\n");
    }
    [[nodiscard]] std::unique_ptr<formatter> clone() const override {
        return std::make_unique<TextFormatter>();
    }

  private:
    TimeText time_;
};

/// The line alone.
class BareFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
        append_clean(out, {msg.payload.data(), msg.payload.size()});
    }
    [[nodiscard]] std::unique_ptr<formatter> clone() const override {
        return std::make_unique<BareFormatter>();
    }
};

/// {"time","level","message", then the line's own key=value fields}.
class JsonFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
        std::string_view rest{msg.payload.data(), msg.payload.size()};
        std::string fields;
        // Fields stand at the end of the line: the message is what comes before the first of them.
        std::size_t end = rest.size();
        const std::size_t first_equals = rest.find('=');
        if (first_equals != std::string_view::npos) {
            const std::size_t space = rest.rfind(' ', first_equals);
            end = space == std::string_view::npos ? 0 : space;
            append_fields(fields, rest.substr(std::min(end + 1, rest.size())));
        }
        std::string line = R"({"time":")";
        line += time_.of(msg);
        line += R"(","level":")";
        line += word(msg.level);
        line += R"(","message":)";
        append_json_string(line, rest.substr(0, end));
        line += fields;
        line += "}\n";
        append(out, line);
    }
    [[nodiscard]] std::unique_ptr<formatter> clone() const override {
        return std::make_unique<JsonFormatter>();
    }

  private:
    static void append_fields(std::string& out, std::string_view text) {
        while (!text.empty()) {
            const std::size_t equals = text.find('=');
            if (equals == std::string_view::npos) return;
            // A value runs to the space before the next key, so it may hold spaces itself.
            const std::size_t next_equals = text.find('=', equals + 1);
            std::size_t stop = text.size();
            if (next_equals != std::string_view::npos) {
                const std::size_t space = text.rfind(' ', next_equals);
                if (space != std::string_view::npos && space > equals) stop = space;
            }
            out += ',';
            append_json_string(out, text.substr(0, equals));
            out += ':';
            append_json_string(out, text.substr(equals + 1, stop - equals - 1));
            text.remove_prefix(std::min(stop + 1, text.size()));
        }
    }

    TimeText time_;
};

/// Never destroyed, nor is the logger: whoever ends last may still have something to say.
GatheringSink& sink() {
    static auto& instance = *new GatheringSink;
    return instance;
}

spdlog::logger& logger() {
    static auto& instance = []() -> spdlog::logger& {
        // The sink is shared in name only: it is never destroyed.
        auto* made = new spdlog::logger("headrace", spdlog::sink_ptr(spdlog::sink_ptr(), &sink()));
        made->set_formatter(std::make_unique<TextFormatter>());
        made->set_level(spdlog::level::info);
        return *made;
    }();
    return instance;
}

}  // namespace

void start(Level level, Format format) {
    if (format == Format::json)
        logger().set_formatter(std::make_unique<JsonFormatter>());
    else
        logger().set_formatter(std::make_unique<TextFormatter>());
    // The system's log has a time and a level of its own.
    for (const auto& other : logger().sinks()) {
        if (other.get() != &sink()) other->set_formatter(std::make_unique<BareFormatter>());
    }
    logger().set_level(to_spdlog(level));
    sink().gather();
}

Result<void> send_to(const Output& output) {
    if (!output.file.empty()) {
        auto file = RotatingFile::open(output.file, output.file_bytes, output.file_keep);
        if (!file) return fail(std::move(file).error());
        sink().write_to(std::move(*file));
    }
    if (output.syslog) {
        logger().sinks().push_back(
            std::make_shared<spdlog::sinks::syslog_sink_mt>("headrace", LOG_PID, LOG_DAEMON, true));
    }
    return {};
}

void flush() {
    sink().flush();
}

void set_level(Level level) {
    logger().set_level(to_spdlog(level));
}

bool enabled(Level level) {
    return logger().should_log(to_spdlog(level));
}

Result<Level> parse_level(std::string_view text) {
    if (text == "debug") return Level::debug;
    if (text == "info") return Level::info;
    if (text == "warn") return Level::warn;
    if (text == "error") return Level::error;
    if (text == "off") return Level::off;
    return fail(ErrorCode::invalid_argument, "log level must be debug, info, warn, error or off");
}

void write(Level level, std::string_view line) {
    logger().log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace headrace::log
