#include "main/commands/print.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "main/cli.hpp"

namespace headrace::main {
namespace {

/// Columns on a terminal: code points are near enough for what we print.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789.-%") == std::string_view::npos;
}

void write_pretty(std::string& out, const json::value& value, std::size_t indent) {
    const std::string pad(indent + 2, ' ');
    if (const auto* object = value.if_object(); object && !object->empty()) {
        out += "{\n";
        std::size_t left = object->size();
        for (const auto& item : *object) {
            out += pad;
            append_json_string(out, item.key());
            out += ": ";
            write_pretty(out, item.value(), indent + 2);
            out += --left > 0 ? ",\n" : "\n";
        }
        out += std::string(indent, ' ') + '}';
    } else if (const auto* array = value.if_array(); array && !array->empty()) {
        out += "[\n";
        std::size_t left = array->size();
        for (const auto& item : *array) {
            out += pad;
            write_pretty(out, item, indent + 2);
            out += --left > 0 ? ",\n" : "\n";
        }
        out += std::string(indent, ' ') + ']';
    } else {
        append_json(out, value);
    }
}

std::string_view advice(ErrorCode code) {
    switch (code) {
        case ErrorCode::unauthenticated:
            return "give a key with --key-file FILE, HEADRACE_KEY_FILE or HEADRACE_KEY; `headrace "
                   "serve` "
                   "says at its start where the admin key lies";
        case ErrorCode::permission_denied:
            return "use a key with a role that may do this: headrace keys list";
        case ErrorCode::quota_exceeded:
            return "the queue is full: try again later";
        case ErrorCode::unavailable:
            return "is the server running? its address comes from --server, --control, "
                   "HEADRACE_URL or "
                   "HEADRACE_CONTROL_URL";
        default:
            return "";
    }
}

}  // namespace

std::string Table::text(std::string_view empty) const {
    if (rows_.empty()) return std::string(empty) + "\n";
    const std::size_t columns = headings_.size();
    std::vector<std::size_t> widths(columns);
    std::vector<bool> right(columns, true);
    for (std::size_t i = 0; i < columns; ++i) {
        widths[i] = width(headings_[i]);
        for (const auto& row : rows_) {
            widths[i] = std::max(widths[i], width(row[i]));
            if (!row[i].empty() && !is_number(row[i])) right[i] = false;
        }
    }
    std::string out;
    const auto line = [&](const std::vector<std::string>& cells) {
        std::string text;
        for (std::size_t i = 0; i < columns; ++i) {
            const std::string pad(widths[i] - width(cells[i]), ' ');
            if (i > 0) text += "  ";
            text += right[i] ? pad + cells[i] : cells[i] + pad;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + '\n';
    };
    line(headings_);
    for (const auto& row : rows_) line(row);
    return out;
}

std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs) {
    std::size_t widest = 0;
    for (const auto& [name, value] : pairs) {
        if (!value.empty()) widest = std::max(widest, width(name));
    }
    std::string out;
    for (const auto& [name, value] : pairs) {
        if (value.empty()) continue;
        out += name + std::string(widest - width(name) + 2, ' ') + value + '\n';
    }
    return out;
}

std::string pretty_json(const json::value& value) {
    std::string out;
    write_pretty(out, value, 0);
    out += '\n';
    return out;
}

std::string show(const json::value* value) {
    if (!value || value->is_null()) return "";
    if (const auto* text = value->if_string()) return std::string(*text);
    std::string out;
    append_json(out, *value);
    return out;
}

const json::value* member(const json::value& value, std::string_view path) {
    const json::value* at = &value;
    while (!path.empty()) {
        const auto dot = path.find('.');
        const auto* object = at->if_object();
        if (!object) return nullptr;
        at = object->if_contains(path.substr(0, dot));
        if (!at) return nullptr;
        path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    }
    return at;
}

std::string show(const json::value& value, std::string_view path) {
    return show(member(value, path));
}

std::string show_seconds(double seconds) {
    if (seconds < 0.0995) return fmt::format("{:.0f} ms", seconds * 1000);
    if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
    if (seconds < 60) return fmt::format("{:.0f} s", seconds);
    const auto whole = static_cast<long>(std::lround(seconds));
    if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
    if (whole < 172'800) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} days", whole / 86'400);
}

std::string show_bytes(std::uint64_t bytes) {
    const auto amount = static_cast<double>(bytes);
    if (bytes < 1000) return fmt::format("{} B", bytes);
    if (bytes < 1'000'000) return fmt::format("{:.1f} kB", amount / 1e3);
    if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB", amount / 1e6);
    return fmt::format("{:.2f} GB", amount / 1e9);
}

std::string show_time(std::string_view rfc3339) {
    const auto time = from_rfc3339(rfc3339);
    if (!time) return std::string(rfc3339);
    const auto seconds = static_cast<std::time_t>(*time / 1000);
    std::tm local{};
    localtime_r(&seconds, &local);
    char text[32];
    const auto size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    return {text, size};
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void print_error(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fputc('\n', stderr);
}

int report_misuse(const Error& error) {
    print_error(fmt::format("headrace: {}", error.message));
    return kUsage;
}

int report(const Error& error) {
    print_error(fmt::format("headrace: {}", error.message));
    for (const auto& item : error.violations) {
        print_error(fmt::format("  {}: {}{}", item.path.empty() ? "(whole)" : item.path, item.rule,
                                item.limit.empty() ? "" : " " + item.limit));
    }
    if (error.retry_after_s > 0) {
        print_error(fmt::format("  try again in {} s", error.retry_after_s));
    } else if (const auto hint = advice(error.code); !hint.empty()) {
        print_error(fmt::format("  {}", hint));
    }
    switch (error.code) {
        case ErrorCode::unavailable:
        case ErrorCode::internal:
        case ErrorCode::deadline_exceeded:
            return kUnreachable;
        default:
            return kRefused;
    }
}

}  // namespace headrace::main
