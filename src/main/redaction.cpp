#include "main/redaction.hpp"

#include <re2/re2.h>

#include "base/json.hpp"

namespace headrace::main {
namespace {

constexpr const char* kInstead = "[redacted]";
constexpr std::int64_t kPatternMemory = 8 << 20;

void redact_strings(const Redaction& redaction, json::value& value) {
    if (auto* text = value.if_string()) {
        std::string plain(text->data(), text->size());
        redaction.apply(plain);
        *text = plain;
    } else if (auto* array = value.if_array()) {
        for (auto& each : *array) redact_strings(redaction, each);
    } else if (auto* object = value.if_object()) {
        for (auto& member : *object) redact_strings(redaction, member.value());
    }
}

}  // namespace

Redaction::Redaction() = default;
Redaction::Redaction(Redaction&&) noexcept = default;
Redaction& Redaction::operator=(Redaction&&) noexcept = default;
Redaction::~Redaction() = default;

Result<Redaction> Redaction::make(const std::vector<std::string>& patterns) {
    Redaction out;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternMemory);
    for (const auto& text : patterns) {
        auto pattern = std::make_unique<RE2>(text, options);
        if (!pattern->ok()) {
            return fail(ErrorCode::invalid_argument,
                        text + ", which RE2 does not take: " + pattern->error());
        }
        if (RE2::FullMatch("", *pattern)) {
            return fail(ErrorCode::invalid_argument, text + ", which matches the empty text");
        }
        out.patterns_.push_back(std::move(pattern));
    }
    return out;
}

void Redaction::apply(std::string& text) const {
    for (const auto& pattern : patterns_) RE2::GlobalReplace(&text, *pattern, kInstead);
}

std::string Redaction::apply_json(std::string_view text) const {
    std::string out;
    if (auto value = parse_json(text)) {
        redact_strings(*this, *value);
        append_json(out, *value);
    } else if (patterns_.empty()) {
        out = text;
    }
    apply(out);
    return out;
}

std::string_view cut_text(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80U) --most;
    return text.substr(0, most);
}

}  // namespace headrace::main
