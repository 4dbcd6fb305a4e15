#include "catalog/interface.hpp"

namespace headrace::catalog {
namespace {

constexpr std::string_view kKindWords[] = {"text",   "audio",   "image", "video",   "other",
                                           "tensor", "integer", "float", "boolean", "string",
                                           "enum",   "time",    "json"};
constexpr std::string_view kProfileWords[] = {"chat",       "embed", "rerank",
                                              "transcribe", "speak", "image"};

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

std::string_view to_string(Mode mode) {
    return mode == Mode::once ? "once" : "stream";
}

std::string_view to_string(Profile profile) {
    return kProfileWords[static_cast<std::size_t>(profile)];
}

std::string_view to_string(Kind kind) {
    return kKindWords[static_cast<std::size_t>(kind)];
}

std::string_view to_string(Streaming streaming) {
    switch (streaming) {
        case Streaming::append:
            return "append";
        case Streaming::replace:
            return "replace";
        case Streaming::none:
            break;
    }
    return "none";
}

bool is_field_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || !(is_letter(name[0]) || name[0] == '_')) return false;
    for (const char c : name) {
        if (!is_letter(c) && !is_digit(c) && c != '_' && c != '.' && c != '-') return false;
    }
    return true;
}

bool is_capability_name(std::string_view name) {
    if (name.empty() || name.size() > 63 || name[0] < 'a' || name[0] > 'z') return false;
    for (const char c : name) {
        if (!(c >= 'a' && c <= 'z') && !is_digit(c) && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

Sha256 digest_of(const Interface& interface) {
    return sha256(interface_to_json(interface));
}

}  // namespace headrace::catalog
