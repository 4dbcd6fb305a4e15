#include "config/setting.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace headrace::config {
namespace {

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string> split(std::string_view text, char by) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto at = text.find(by);
        const auto part = trimmed(text.substr(0, at));
        if (!part.empty()) out.emplace_back(part);
        if (at == std::string_view::npos) break;
        text.remove_prefix(at + 1);
    }
    return out;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
    {"GiB", 1LL << 30}, {"MiB", 1LL << 20}, {"KiB", 1LL << 10}};

Result<Value> parse_bytes(std::string_view text) {
    std::int64_t unit = 1;
    for (const auto& [suffix, factor] : kUnits) {
        if (!text.ends_with(suffix)) continue;
        unit = factor;
        text = trimmed(text.substr(0, text.size() - suffix.size()));
        break;
    }
    const auto count = number<std::int64_t>(text);
    if (!count || *count < 0 || *count > (std::int64_t{1} << 60) / unit) {
        return fail(ErrorCode::invalid_argument,
                    "must be a size in bytes, such as 4096, 64KiB, 32MiB or 1GiB");
    }
    return Value(*count * unit);
}

std::string show_bytes(std::int64_t count) {
    for (const auto& [suffix, factor] : kUnits) {
        if (count >= factor && count % factor == 0)
            return fmt::format("{}{}", count / factor, suffix);
    }
    return fmt::format("{}", count);
}

bool bounded(const Setting& setting) {
    return setting.min != 0 || setting.max != 0;
}

std::string show_bound(const Setting& setting, double bound) {
    return setting.type == Type::bytes ? show_bytes(static_cast<std::int64_t>(bound))
                                       : fmt::format("{}", bound);
}

std::string join_words(std::string_view words) {
    const auto list = split(words, '|');
    std::string out;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (i > 0) out += i + 1 == list.size() ? " or " : ", ";
        out += list[i];
    }
    return out;
}

}  // namespace

std::string Setting::name() const {
    return fmt::format("{}.{}", section, key);
}

std::string Setting::variable() const {
    return fmt::format("HEADRACE_{}_{}", upper(section), upper(key));
}

Result<Value> parse_value(const Setting& setting, std::string_view raw) {
    const auto text = trimmed(raw);
    switch (setting.type) {
        case Type::boolean:
            if (text == "true") return Value(true);
            if (text == "false") return Value(false);
            return fail(ErrorCode::invalid_argument, "must be true or false");
        case Type::integer: {
            const auto value = number<std::int64_t>(text);
            if (!value) return fail(ErrorCode::invalid_argument, "must be a whole number");
            return Value(*value);
        }
        case Type::seconds: {
            const auto value = number<double>(text);
            if (!value || !std::isfinite(*value)) {
                return fail(ErrorCode::invalid_argument, "must be a number of seconds");
            }
            return Value(*value);
        }
        case Type::bytes:
            return parse_bytes(text);
        case Type::list:
            return Value(split(text, ','));
        case Type::text:
        case Type::word:
        case Type::path:
        case Type::secret:
            return Value(std::string(text));
    }
    return fail(ErrorCode::internal, "unknown type of setting");
}

Result<void> check_value(const Setting& setting, const Value& value) {
    if (setting.type == Type::word) {
        const auto words = split(setting.words, '|');
        if (std::find(words.begin(), words.end(), std::get<std::string>(value)) == words.end()) {
            return fail(ErrorCode::invalid_argument, "must be " + join_words(setting.words));
        }
        return {};
    }
    if (!bounded(setting)) return {};
    const double amount = std::holds_alternative<double>(value)
                              ? std::get<double>(value)
                              : static_cast<double>(std::get<std::int64_t>(value));
    if (amount < setting.min || amount > setting.max) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("must be from {} to {}", show_bound(setting, setting.min),
                                show_bound(setting, setting.max)));
    }
    return {};
}

std::string show_value(const Setting& setting, const Value& value) {
    switch (setting.type) {
        case Type::boolean:
            return std::get<bool>(value) ? "true" : "false";
        case Type::integer:
            return fmt::format("{}", std::get<std::int64_t>(value));
        case Type::seconds:
            return fmt::format("{}", std::get<double>(value));
        case Type::bytes:
            return show_bytes(std::get<std::int64_t>(value));
        case Type::list: {
            const auto& list = std::get<std::vector<std::string>>(value);
            return fmt::format("{}", fmt::join(list, ","));
        }
        case Type::secret:
            return std::get<std::string>(value).empty() ? "" : "(set)";
        case Type::text:
        case Type::word:
        case Type::path:
            return std::get<std::string>(value);
    }
    return {};
}

std::string describe_type(const Setting& setting) {
    std::string out;
    switch (setting.type) {
        case Type::boolean:
            return "true or false";
        case Type::integer:
            out = "integer";
            break;
        case Type::seconds:
            out = "seconds";
            break;
        case Type::bytes:
            out = "size";
            break;
        case Type::text:
            return "text";
        case Type::word:
            return join_words(setting.words);
        case Type::path:
            return "path";
        case Type::list:
            return "list of texts";
        case Type::secret:
            return "secret";
    }
    if (bounded(setting)) {
        out += fmt::format(", {} to {}", show_bound(setting, setting.min),
                           show_bound(setting, setting.max));
    }
    return out;
}

}  // namespace headrace::config
