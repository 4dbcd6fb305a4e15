#include "base/log.hpp"

#include <algorithm>
#include <memory>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.hpp"
#include "base/json.hpp"

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

WallMs wall_of(const spdlog::details::log_msg& msg) {
    return std::chrono::duration_cast<milliseconds>(msg.time.time_since_epoch()).count();
}

/// A line may carry text from outside (a path, an engine's words): a control character in it must
/// not make a second line.
void append_clean(std::string& out, std::string_view text) {
    for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
}

class TextFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& dest) override {
        std::string line = to_rfc3339(wall_of(msg));
        line += ' ';
        line += word(msg.level);
        line += ' ';
        append_clean(line, {msg.payload.data(), msg.payload.size()});
        line += '\n';
        dest.append(line.data(), line.data() + line.size());
    }
    [[nodiscard]] std::unique_ptr<formatter> clone() const override {
        return std::make_unique<TextFormatter>();
    }
};

/// {"time","level","message", then the line's own key=value fields}.
class JsonFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& dest) override {
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
        std::string line = R"({"time":")" + to_rfc3339(wall_of(msg)) + R"(","level":")";
        line += word(msg.level);
        line += R"(","message":)";
        append_json_string(line, rest.substr(0, end));
        line += fields;
        line += "}\n";
        dest.append(line.data(), line.data() + line.size());
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
};

spdlog::logger& logger() {
    static const auto instance = [] {
        auto made = std::make_shared<spdlog::logger>(
            "headrace", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_formatter(std::make_unique<TextFormatter>());
        made->set_level(spdlog::level::info);
        return made;
    }();
    return *instance;
}

}  // namespace

void start(Level level, Format format) {
    if (format == Format::json)
        logger().set_formatter(std::make_unique<JsonFormatter>());
    else
        logger().set_formatter(std::make_unique<TextFormatter>());
    logger().set_level(to_spdlog(level));
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
