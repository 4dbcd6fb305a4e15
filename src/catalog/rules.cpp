#include "catalog/rules.hpp"

#include <cmath>

#include <fmt/format.h>
#include <re2/re2.h>

namespace headrace::catalog {
namespace {

constexpr std::int64_t kMaxRegexMemory = 1 << 20;

double as_double(const Number& number) {
    if (const auto* integer = std::get_if<std::int64_t>(&number))
        return static_cast<double>(*integer);
    return std::get<double>(number);
}

int compare_mixed(std::int64_t integer, double number) {
    // 2^63 is exact as a double; inside it the whole part fits and the rest decides a tie.
    if (number >= 9223372036854775808.0) return -1;
    if (number < -9223372036854775808.0) return 1;
    const double whole = std::trunc(number);
    const auto truncated = static_cast<std::int64_t>(whole);
    if (integer != truncated) return integer < truncated ? -1 : 1;
    if (number == whole) return 0;
    return number > whole ? -1 : 1;
}

}  // namespace

int compare(const Number& a, const Number& b) {
    const auto* a_int = std::get_if<std::int64_t>(&a);
    const auto* b_int = std::get_if<std::int64_t>(&b);
    if (a_int && b_int) return *a_int < *b_int ? -1 : (*a_int > *b_int ? 1 : 0);
    if (a_int) return compare_mixed(*a_int, std::get<double>(b));
    if (b_int) return -compare_mixed(*b_int, std::get<double>(a));
    const double x = std::get<double>(a);
    const double y = std::get<double>(b);
    return x < y ? -1 : (x > y ? 1 : 0);
}

std::string to_text(const Number& number) {
    if (const auto* integer = std::get_if<std::int64_t>(&number)) return std::to_string(*integer);
    return fmt::format("{}", std::get<double>(number));
}

std::optional<Number> number_from(const json::value& value) {
    switch (value.kind()) {
        case json::kind::int64:
            return Number(value.get_int64());
        case json::kind::uint64:
            if (value.get_uint64() <= static_cast<std::uint64_t>(INT64_MAX)) {
                return Number(static_cast<std::int64_t>(value.get_uint64()));
            }
            return Number(static_cast<double>(value.get_uint64()));
        case json::kind::double_:
            return Number(value.get_double());
        default:
            return std::nullopt;
    }
}

json::value to_json(const Number& number) {
    if (const auto* integer = std::get_if<std::int64_t>(&number)) return *integer;
    return std::get<double>(number);
}

bool is_multiple(const Number& value, const Number& step) {
    const auto* a = std::get_if<std::int64_t>(&value);
    const auto* b = std::get_if<std::int64_t>(&step);
    if (a && b) return *b != 0 && (*b == -1 || *a % *b == 0);
    const double quotient = as_double(value) / as_double(step);
    if (!std::isfinite(quotient)) return false;
    // 0.3 is a multiple of 0.1 for everybody but a binary fraction.
    return std::fabs(quotient - std::round(quotient)) <= 1e-9 * std::fmax(1.0, std::fabs(quotient));
}

void check_number(const Number& value, const NumberLimits& limits, const PathNode& path,
                  Findings& findings) {
    if (limits.min && compare(value, *limits.min) < 0)
        findings.add(path, "min", to_text(*limits.min));
    if (limits.max && compare(value, *limits.max) > 0)
        findings.add(path, "max", to_text(*limits.max));
    if (limits.exclusive_min && compare(value, *limits.exclusive_min) <= 0) {
        findings.add(path, "exclusive_min", to_text(*limits.exclusive_min));
    }
    if (limits.exclusive_max && compare(value, *limits.exclusive_max) >= 0) {
        findings.add(path, "exclusive_max", to_text(*limits.exclusive_max));
    }
    if (limits.multiple_of && !is_multiple(value, *limits.multiple_of)) {
        findings.add(path, "multiple_of", to_text(*limits.multiple_of));
    }
}

void check_limits(const NumberLimits& limits, const PathNode& path, Findings& findings) {
    const bool closed = limits.min && limits.max && compare(*limits.min, *limits.max) > 0;
    const bool open = limits.exclusive_min && limits.exclusive_max &&
                      compare(*limits.exclusive_min, *limits.exclusive_max) >= 0;
    if (closed || open) findings.add(path, "min_above_max");
    if (limits.multiple_of && compare(*limits.multiple_of, Number(std::int64_t{0})) <= 0) {
        findings.add(path.at("multiple_of"), "exclusive_min", "0");
    }
}

std::uint64_t code_points(std::string_view text) {
    std::uint64_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return count;
}

TextRule::TextRule() = default;
TextRule::~TextRule() = default;
TextRule::TextRule(TextRule&&) noexcept = default;
TextRule& TextRule::operator=(TextRule&&) noexcept = default;

void TextRule::compile(const TextLimits& limits, const PathNode& path, Findings& findings) {
    limits_ = limits;
    if (limits_.min_length && limits_.max_length && *limits_.min_length > *limits_.max_length) {
        findings.add(path, "min_above_max");
    }
    if (!limits_.pattern) return;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kMaxRegexMemory);
    options.set_never_capture(true);
    pattern_ = std::make_unique<RE2>(*limits_.pattern, options);
    if (!pattern_->ok()) findings.add(path.at("pattern"), "pattern", "RE2 syntax");
}

void TextRule::check(std::string_view text, const PathNode& path, Findings& findings) const {
    // A text has at most as many code points as bytes, so most texts need no counting.
    if (limits_.max_length && text.size() > *limits_.max_length &&
        code_points(text) > *limits_.max_length) {
        findings.add(path, "max_length", std::to_string(*limits_.max_length));
    }
    if (limits_.min_length && *limits_.min_length > 0 && code_points(text) < *limits_.min_length) {
        findings.add(path, "min_length", std::to_string(*limits_.min_length));
    }
    if (pattern_ && pattern_->ok() &&
        !RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern_)) {
        findings.add(path, "pattern", *limits_.pattern);
    }
}

}  // namespace headrace::catalog
