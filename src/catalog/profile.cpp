#include "catalog/profile.hpp"

#include <algorithm>

namespace headrace::catalog {
namespace {

enum class Group { input, parameter, output };

struct Canonical {
    Profile profile;
    Group group;
    std::string_view name;
    Kind kind;
    bool list = false;
    bool must = false;
};

constexpr Canonical kCanonical[] = {
    {Profile::chat, Group::parameter, "messages", Kind::json, false, true},
    {Profile::chat, Group::parameter, "tools", Kind::json},
    {Profile::chat, Group::parameter, "tool_choice", Kind::json},
    {Profile::chat, Group::parameter, "response_format", Kind::json},
    {Profile::chat, Group::parameter, "extra", Kind::json},
    {Profile::chat, Group::parameter, "temperature", Kind::floating},
    {Profile::chat, Group::parameter, "top_p", Kind::floating},
    {Profile::chat, Group::parameter, "max_tokens", Kind::integer},
    {Profile::chat, Group::parameter, "seed", Kind::integer},
    {Profile::chat, Group::parameter, "stop", Kind::string, true},
    {Profile::chat, Group::parameter, "top_k", Kind::integer},
    {Profile::chat, Group::parameter, "min_p", Kind::floating},
    {Profile::chat, Group::parameter, "presence_penalty", Kind::floating},
    {Profile::chat, Group::parameter, "frequency_penalty", Kind::floating},
    {Profile::chat, Group::parameter, "repeat_penalty", Kind::floating},
    {Profile::chat, Group::parameter, "logit_bias", Kind::json},
    {Profile::chat, Group::parameter, "logprobs", Kind::boolean},
    {Profile::chat, Group::parameter, "top_logprobs", Kind::integer},
    {Profile::chat, Group::parameter, "parallel_tool_calls", Kind::boolean},
    {Profile::chat, Group::parameter, "prompt", Kind::string},
    {Profile::chat, Group::parameter, "request", Kind::json},
    {Profile::chat, Group::parameter, "operation", Kind::string},
    {Profile::chat, Group::output, "text", Kind::text, false, true},
    {Profile::chat, Group::output, "tool_calls", Kind::json},
    {Profile::chat, Group::output, "finish_reason", Kind::string},
    {Profile::chat, Group::output, "logprobs", Kind::json},
    {Profile::chat, Group::output, "response", Kind::text},
    {Profile::embed, Group::input, "text", Kind::text, true, true},
    {Profile::embed, Group::parameter, "dimensions", Kind::integer},
    {Profile::embed, Group::parameter, "request", Kind::json},
    {Profile::embed, Group::parameter, "operation", Kind::string},
    {Profile::embed, Group::output, "embeddings", Kind::tensor, false, true},
    {Profile::embed, Group::output, "response", Kind::text},
    {Profile::rerank, Group::input, "query", Kind::text, false, true},
    {Profile::rerank, Group::input, "documents", Kind::text, true, true},
    {Profile::rerank, Group::parameter, "request", Kind::json},
    {Profile::rerank, Group::parameter, "operation", Kind::string},
    {Profile::rerank, Group::output, "scores", Kind::floating, true, true},
    {Profile::rerank, Group::output, "response", Kind::text},
    {Profile::transcribe, Group::input, "audio", Kind::audio, false, true},
    {Profile::transcribe, Group::parameter, "language", Kind::string},
    {Profile::transcribe, Group::parameter, "prompt", Kind::string},
    {Profile::transcribe, Group::parameter, "temperature", Kind::floating},
    {Profile::transcribe, Group::output, "text", Kind::text, false, true},
    {Profile::transcribe, Group::output, "segments", Kind::json},
    {Profile::transcribe, Group::output, "language", Kind::string},
    {Profile::transcribe, Group::output, "duration", Kind::floating},
    {Profile::speak, Group::input, "text", Kind::text, false, true},
    {Profile::speak, Group::parameter, "voice", Kind::string},
    {Profile::speak, Group::parameter, "speed", Kind::floating},
    {Profile::speak, Group::parameter, "format", Kind::string},
    {Profile::speak, Group::parameter, "instructions", Kind::string},
    {Profile::speak, Group::output, "audio", Kind::audio, false, true},
    {Profile::image, Group::input, "prompt", Kind::text, false, true},
    {Profile::image, Group::parameter, "width", Kind::integer},
    {Profile::image, Group::parameter, "height", Kind::integer},
    {Profile::image, Group::parameter, "count", Kind::integer},
    {Profile::image, Group::parameter, "seed", Kind::integer},
    {Profile::image, Group::output, "images", Kind::image, true, true},
};

bool fits(const FieldSpec& field, const Canonical& canonical) {
    // An enumeration is a string with a list of words.
    const bool kind = field.kind == canonical.kind ||
                      (canonical.kind == Kind::string && field.kind == Kind::enumeration);
    return kind && field.list == canonical.list;
}

}  // namespace

void check_profile(const Interface& interface, Profile profile, const PathNode& root,
                   Findings& findings) {
    const PathNode inputs = root.at("inputs");
    const PathNode parameters = root.at("parameters");
    const PathNode outputs = root.at("outputs");
    for (const auto& canonical : kCanonical) {
        if (canonical.profile != profile) continue;
        const auto& fields = canonical.group == Group::input       ? interface.inputs
                             : canonical.group == Group::parameter ? interface.parameters
                                                                   : interface.outputs;
        const PathNode& path = canonical.group == Group::input       ? inputs
                               : canonical.group == Group::parameter ? parameters
                                                                     : outputs;
        const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& candidate) {
            return candidate.name == canonical.name;
        });
        if (field == fields.end()) {
            if (canonical.must) findings.add(path.at(canonical.name), "profile:required");
        } else if (!fits(*field, canonical)) {
            findings.add(path.at(canonical.name), "profile:kind",
                         std::string(to_string(canonical.kind)) + (canonical.list ? " list" : ""));
        }
    }
}

bool serves(const Interface& interface, Profile profile) {
    if (interface.profile == profile) return true;
    if (interface.profile != Profile::chat || profile != Profile::embed) return false;
    return std::all_of(std::begin(kCanonical), std::end(kCanonical), [&](const auto& canonical) {
        if (canonical.profile != profile || !canonical.must) return true;
        const auto& fields = canonical.group == Group::input ? interface.inputs : interface.outputs;
        return std::any_of(fields.begin(), fields.end(), [&](const auto& field) {
            return field.name == canonical.name && fits(field, canonical);
        });
    });
}

}  // namespace headrace::catalog
