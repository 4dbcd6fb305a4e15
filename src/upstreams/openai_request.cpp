#include "upstreams/openai_request.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/json_scan.hpp"

namespace headrace::upstreams {
namespace {

using catalog::Profile;
using catalog::Value;
using catalog::Values;

struct Change {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string with;
};

/// Changes to a text, made in one copy.
class Splice {
  public:
    explicit Splice(std::string_view text) : text_(text) {}

    /// In the order of the text.
    void apply(const Change& change) {
        out_.append(text_, at_, change.begin - at_);
        out_ += change.with;
        at_ = change.end;
    }
    std::string take() {
        out_.append(text_, at_);
        return std::move(out_);
    }
    void reserve(std::size_t more) { out_.reserve(text_.size() + more); }

  private:
    std::string_view text_;
    std::string out_;
    std::size_t at_ = 0;
};

std::size_t offset_of(const JsonMembers& members, std::string_view part) {
    return static_cast<std::size_t>(part.data() - members.text().data());
}

bool is_true(const JsonMember* member) {
    return member && member->value == "true";
}

/// What makes the server count: `stream_options.include_usage`. nullopt when it is on already.
std::optional<Change> usage_change(const JsonMembers& members) {
    const JsonMember* options = members.find("stream_options");
    if (!options) {
        const bool empty = members.all().empty();
        return Change{members.inside(), members.inside(),
                      empty ? R"("stream_options":{"include_usage":true})"
                            : R"("stream_options":{"include_usage":true},)"};
    }
    const std::size_t at = offset_of(members, options->value);
    const auto inner = JsonMembers::scan_sound(options->value);
    if (!inner) return Change{at, at + options->value.size(), R"({"include_usage":true})"};
    const JsonMember* include = inner->find("include_usage");
    if (is_true(include)) return std::nullopt;
    if (include) {
        const std::size_t value = at + offset_of(*inner, include->value);
        return Change{value, value + include->value.size(), "true"};
    }
    const std::size_t inside = at + inner->inside();
    return Change{inside, inside,
                  inner->all().empty() ? R"("include_usage":true)" : R"("include_usage":true,)"};
}

std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

/// Builds a JSON object from canonical fields.
class Body {
  public:
    explicit Body(const Values& input) : input_(input) {}

    void text(std::string_view name, std::string_view value) {
        begin(name);
        append_json_string(out_, value);
        note(name);
    }
    void raw(std::string_view name, std::string_view value) {
        begin(name);
        out_ += value;
        note(name);
    }
    /// The canonical field `from`, if it is there and not null, under the name `to`.
    void field(std::string_view from, std::string_view to) {
        const Value* value = input_.find(from);
        if (!value || value->is_null()) return;
        begin(to);
        append(*value);
        note(to);
    }
    void field(std::string_view name) { field(name, name); }
    /// Members of the json field `extra` that no canonical one has named.
    void extra() {
        const Value* value = input_.find("extra");
        const auto* json = value ? value->get<catalog::Json>() : nullptr;
        if (!json) return;
        const auto members = JsonMembers::scan(json->text);
        if (!members) return;
        for (const auto& member : members->all()) {
            const bool ours = std::find(named_.begin(), named_.end(), member.key) != named_.end();
            if (!ours) raw(member.key, member.value);
        }
    }
    std::string take() {
        out_ += out_.empty() ? "{}" : "}";
        return std::move(out_);
    }

  private:
    void begin(std::string_view name) {
        out_ += out_.empty() ? '{' : ',';
        append_json_string(out_, name);
        out_ += ':';
    }
    void note(std::string_view name) { named_.emplace_back(name); }
    void append(const Value& value) {
        if (const auto* words = value.get<std::string>()) {
            append_json_string(out_, *words);
        } else if (const auto* whole = value.get<std::int64_t>()) {
            out_ += std::to_string(*whole);
        } else if (const auto* number = value.get<double>()) {
            append_json(out_, json::value(*number));
        } else if (const auto* flag = value.get<bool>()) {
            out_ += *flag ? "true" : "false";
        } else if (const auto* json = value.get<catalog::Json>()) {
            out_ += json->text;
        } else if (const auto* list = value.get<Value::List>()) {
            out_ += '[';
            for (std::size_t i = 0; i < list->size(); ++i) {
                if (i > 0) out_ += ',';
                append((*list)[i]);
            }
            out_ += ']';
        } else {
            out_ += "null";
        }
    }

    const Values& input_;
    std::string out_;
    std::vector<std::string> named_;
};

/// Our canonical {type, schema} in OpenAI's words; what is in them already stays.
void response_format(Body& body, const Values& input) {
    const Value* value = input.find("response_format");
    const auto* given = value ? value->get<catalog::Json>() : nullptr;
    if (!given) return;
    const auto members = JsonMembers::scan(given->text);
    const JsonMember* schema = members ? members->find("schema") : nullptr;
    if (!schema || members->find("json_schema")) return body.raw("response_format", given->text);
    body.raw(
        "response_format",
        fmt::format(R"({{"type":"json_schema","json_schema":{{"name":"answer","schema":{}}}}})",
                    schema->value));
}

std::string chat_body(const Values& input, std::string_view model, bool stream) {
    Body body(input);
    body.text("model", model);
    for (const std::string_view name :
         {"messages", "tools", "tool_choice", "temperature", "top_p", "max_tokens", "seed", "stop",
          "logprobs", "top_logprobs", "top_k", "min_p", "presence_penalty", "frequency_penalty",
          "logit_bias", "n", "parallel_tool_calls"}) {
        body.field(name);
    }
    body.field("repeat_penalty", "repetition_penalty");
    response_format(body, input);
    if (stream) {
        body.raw("stream", "true");
        body.raw("stream_options", R"({"include_usage":true})");
    } else {
        body.raw("stream", "false");
    }
    body.extra();
    return body.take();
}

const catalog::Media* media_of(const Values& input, std::string_view name) {
    const Value* value = input.find(name);
    return value ? value->get<catalog::Media>() : nullptr;
}

void part(std::string& out, std::string_view boundary, std::string_view name,
          std::string_view value) {
    fmt::format_to(std::back_inserter(out),
                   "--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", boundary,
                   name, value);
}

/// A name that is safe within quotes of a header.
std::string file_name(const catalog::Media& media) {
    std::string name;
    for (const char c : media.name) {
        const bool plain = c > 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '/';
        if (plain && name.size() < 100) name += c;
    }
    if (!name.empty()) return name;
    const auto slash = media.content_type.find('/');
    const bool known = slash != std::string::npos && media.content_type.size() - slash < 8;
    return "audio." + (known ? media.content_type.substr(slash + 1) : std::string("wav"));
}

/// A content type that is safe as the value of a header.
std::string type_of(const catalog::Media& media) {
    const auto& type = media.content_type;
    const bool plain =
        !type.empty() && type.size() <= 100 &&
        std::all_of(type.begin(), type.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
    return plain ? type : "application/octet-stream";
}

CallResult<OpenaiBody> transcribe_body(const Values& input, std::string_view model) {
    const auto* audio = media_of(input, "audio");
    const auto* bytes = audio ? std::get_if<catalog::InlineBytes>(&audio->source) : nullptr;
    if (!bytes) return call_failed(Fault::request, "invalid_argument", "there is no audio");
    std::random_device random;
    std::string boundary;
    do {
        boundary = fmt::format("headrace-{:08x}{:08x}{:08x}", random(), random(), random());
    } while (bytes->bytes.find(boundary) != std::string::npos);
    OpenaiBody out;
    out.operation = operation_of(Profile::transcribe);
    out.content_type = "multipart/form-data; boundary=" + boundary;
    part(out.body, boundary, "model", model);
    for (const std::string_view name : {"language", "prompt"}) {
        const Value* value = input.find(name);
        const auto* text = value ? value->get<std::string>() : nullptr;
        if (text) part(out.body, boundary, name, *text);
    }
    part(out.body, boundary, "response_format", "verbose_json");
    fmt::format_to(std::back_inserter(out.body),
                   "--{}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n"
                   "Content-Type: {}\r\n\r\n",
                   boundary, file_name(*audio), type_of(*audio));
    out.body += bytes->bytes;
    fmt::format_to(std::back_inserter(out.body), "\r\n--{}--\r\n", boundary);
    return out;
}

}  // namespace

std::string_view operation_of(Profile profile) {
    switch (profile) {
        case Profile::chat:
            return "chat/completions";
        case Profile::embed:
            return "embeddings";
        case Profile::rerank:
            return "rerank";
        case Profile::transcribe:
            return "audio/transcriptions";
        case Profile::speak:
            return "audio/speech";
        case Profile::image:
            break;
    }
    return {};
}

bool is_own_operation(Profile profile, std::string_view operation) {
    if (operation == operation_of(profile)) return true;
    return profile == Profile::chat && (operation == "completions" || operation == "responses");
}

bool is_operation(std::string_view text) {
    if (text.empty() || text.size() > 64 || text.front() == '/' || text.back() == '/') return false;
    if (text.find("//") != std::string_view::npos) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/';
    });
}

CallResult<OpenaiBody> splice_body(std::string_view request, std::string operation,
                                   std::string_view model) {
    const auto members = JsonMembers::scan_sound(request);
    if (!members) {
        return call_failed(Fault::request, "invalid_argument", "the body is no JSON object");
    }
    OpenaiBody out;
    out.operation = std::move(operation);
    out.stream = is_true(members->find("stream"));
    Change to_model;
    if (const JsonMember* named = members->find("model")) {
        const std::size_t at = offset_of(*members, named->value);
        to_model = {at, at + named->value.size(), json_string(model)};
    } else {
        to_model = {members->inside(), members->inside(),
                    "\"model\":" + json_string(model) + (members->all().empty() ? "" : ",")};
    }
    const bool counts = out.operation == "chat/completions" || out.operation == "completions";
    std::optional<Change> usage;
    if (out.stream && counts) {
        usage = usage_change(*members);
        out.usage_wanted = !usage;
    }
    Splice splice(request);
    splice.reserve(model.size() + 64);
    const bool usage_first = usage && usage->begin < to_model.begin;
    if (usage_first) splice.apply(*usage);
    splice.apply(to_model);
    if (usage && !usage_first) splice.apply(*usage);
    out.body = splice.take();
    return out;
}

CallResult<OpenaiBody> render_body(Profile profile, const Values& input, std::string_view model,
                                   bool stream) {
    if (profile == Profile::transcribe) return transcribe_body(input, model);
    OpenaiBody out;
    out.operation = operation_of(profile);
    if (profile == Profile::chat) {
        out.stream = stream;
        out.body = chat_body(input, model, stream);
        return out;
    }
    Body body(input);
    body.text("model", model);
    switch (profile) {
        case Profile::embed:
            body.field("text", "input");
            body.field("dimensions");
            body.text("encoding_format", "base64");
            break;
        case Profile::rerank:
            body.field("query");
            body.field("documents");
            break;
        case Profile::speak:
            body.field("text", "input");
            body.field("voice");
            body.field("speed");
            body.field("format", "response_format");
            break;
        default:
            return call_failed(Fault::request, "invalid_argument",
                               "the upstream has no route for this");
    }
    body.extra();
    out.body = body.take();
    return out;
}

}  // namespace headrace::upstreams
