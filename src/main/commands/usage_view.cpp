#include "main/commands/usage_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

constexpr std::array<std::string_view, 6> kGroups{"day", "hour", "key", "key_name", "app", "model"};
constexpr std::array<std::string_view, 2> kCounts{"jobs", "succeeded"};
constexpr std::array<std::string_view, 3> kMeters{"prompt_tokens", "completion_tokens",
                                                  "cached_tokens"};
constexpr std::array<std::string_view, 4> kSums{"run_s", "engine_s", "bytes_in", "bytes_out"};

const json::array& rows_of(const json::value& summary) {
    static const json::array kNone;
    const auto* rows = member(summary, "rows");
    return rows && rows->is_array() ? rows->get_array() : kNone;
}

double number(const json::value& row, std::string_view path) {
    const auto* value = member(row, path);
    return value && value->is_number() ? value->to_number<double>() : 0;
}

double meter(const json::value& row, std::string_view name) {
    return number(row, "meters." + std::string(name));
}

double tokens(const json::value& row) {
    return meter(row, "prompt_tokens") + meter(row, "completion_tokens");
}

/// The group columns that this answer has.
std::vector<std::string_view> groups_of(const json::array& rows) {
    std::vector<std::string_view> out;
    if (rows.empty()) return out;
    for (const auto name : kGroups) {
        if (member(rows.front(), name) != nullptr) out.push_back(name);
    }
    return out;
}

/// Whole where it is whole, as all but seconds are.
std::string show_amount(double value) {
    if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
    return fmt::format("{:.3f}", value);
}

std::string csv_field(std::string text) {
    const bool formula =
        !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
    if (formula) text.insert(text.begin(), '\'');
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + '"';
}

std::string label_of(const json::value& row, const std::vector<std::string_view>& groups) {
    std::string out;
    for (const auto name : groups) {
        if (name == "key") continue;  // its name is there too
        if (!out.empty()) out += "  ";
        const auto text = show(row, name);
        out += text.empty() ? "-" : text;
    }
    return out.empty() ? "all" : out;
}

/// Characters, not bytes: what a continuation byte of UTF-8 is not.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

/// Eighths of a cell, so that a bar ends where its value does.
std::string bar(double cells) {
    static constexpr std::array<std::string_view, 8> kEighths{"",  "▏", "▎", "▍",
                                                              "▌", "▋", "▊", "▉"};
    const auto eighths = static_cast<std::size_t>(std::lround(std::max(cells, 0.0) * 8));
    std::string out;
    for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
    return out.append(kEighths.at(eighths % 8));
}

}  // namespace

std::string usage_table(const json::value& summary) {
    const auto& rows = rows_of(summary);
    const auto groups = groups_of(rows);
    std::vector<std::string> headings;
    for (const auto name : groups) headings.emplace_back(name == "key_name" ? "name" : name);
    for (const std::string_view name :
         {"jobs", "succeeded", "prompt", "completion", "run", "bytes"})
        headings.emplace_back(name);
    Table table(std::move(headings));
    std::array<double, 6> sums{};
    const auto add = [&](const json::value& row, std::vector<std::string> cells) {
        const std::array<double, 6> values{
            number(row, "jobs"),         number(row, "succeeded"),
            meter(row, "prompt_tokens"), meter(row, "completion_tokens"),
            number(row, "run_s"),        number(row, "bytes_in") + number(row, "bytes_out")};
        for (std::size_t i = 0; i < values.size(); ++i) sums.at(i) += values.at(i);
        for (std::size_t i = 0; i < 4; ++i) cells.push_back(show_amount(values.at(i)));
        cells.push_back(show_seconds(values[4]));
        cells.push_back(show_bytes(static_cast<std::uint64_t>(values[5])));
        table.add(std::move(cells));
    };
    for (const auto& row : rows) {
        std::vector<std::string> cells;
        for (const auto name : groups) cells.push_back(show(row, name));
        add(row, std::move(cells));
    }
    if (rows.size() > 1 && !groups.empty()) {
        std::vector<std::string> cells(groups.size());
        cells.front() = "all";
        for (std::size_t i = 0; i < 4; ++i) cells.push_back(show_amount(sums.at(i)));
        cells.push_back(show_seconds(sums[4]));
        cells.push_back(show_bytes(static_cast<std::uint64_t>(sums[5])));
        table.add(std::move(cells));
    }
    return table.text("no usage in this time");
}

std::string usage_csv(const json::value& summary) {
    const auto& rows = rows_of(summary);
    const auto groups = groups_of(rows);
    std::string out;
    const auto put = [&out](std::string_view text, bool last = false) {
        out += csv_field(std::string(text));
        out += last ? "\r\n" : ",";
    };
    for (const auto name : groups) put(name);
    for (const auto name : kCounts) put(name);
    for (const auto name : kMeters) put(name);
    for (const auto name : kSums) put(name, name == kSums.back());
    for (const auto& row : rows) {
        for (const auto name : groups) put(show(row, name));
        for (const auto name : kCounts) put(show_amount(number(row, name)));
        for (const auto name : kMeters) put(show_amount(meter(row, name)));
        for (const auto name : kSums) put(show_amount(number(row, name)), name == kSums.back());
    }
    return out;
}

std::string usage_plot(const json::value& summary, std::size_t columns) {
    const auto& rows = rows_of(summary);
    if (rows.empty()) return "no usage in this time\n";
    const auto groups = groups_of(rows);
    const bool by_tokens = std::any_of(rows.begin(), rows.end(),
                                       [](const json::value& row) { return tokens(row) > 0; });
    const auto value_of = [by_tokens](const json::value& row) {
        return by_tokens ? tokens(row) : number(row, "jobs");
    };
    std::size_t widest = 0;
    std::size_t digits = 0;
    double most = 0;
    for (const auto& row : rows) {
        widest = std::max(widest, width(label_of(row, groups)));
        digits = std::max(digits, show_amount(value_of(row)).size());
        most = std::max(most, value_of(row));
    }
    constexpr std::size_t kGaps = 4;
    constexpr std::size_t kShortest = 10;
    const auto taken = widest + digits + kGaps;
    const auto room = columns > taken + kShortest ? columns - taken : kShortest;
    std::string out = by_tokens ? "tokens\n" : "jobs\n";
    for (const auto& row : rows) {
        const auto label = label_of(row, groups);
        const auto value = value_of(row);
        const auto cells = most > 0 ? value / most * static_cast<double>(room) : 0;
        out += label + std::string(widest - width(label) + 2, ' ');
        out += fmt::format("{:>{}}  ", show_amount(value), digits);
        out += bar(cells) + '\n';
    }
    return out;
}

}  // namespace headrace::main
