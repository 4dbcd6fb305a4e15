#include "upstreams/usage_scanner.hpp"

#include <algorithm>
#include <charconv>

#include "base/json_scan.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::uint64_t kMostTokens = 1'000'000'000'000;  // beyond it a server lies
constexpr std::size_t kMostMessage = 2'000;

/// What the keys of one event tell, noted while it is checked. A key that hides behind an escape is
/// not seen: no server writes one.
class EventKeys final : public JsonWatcher {
  public:
    void key(std::size_t depth, std::string_view raw, std::string_view rest) override {
        const bool top = depth == 1;
        switch (raw.size()) {
            case 4:
                if (raw == "text") note(text_, rest);
                break;
            case 5:
                if (top) usage |= raw == "usage" && rest.starts_with('{');
                if (top) error |= raw == "error";
                break;
            case 6:
                if (top) error |= raw == "object" && rest.starts_with("\"error\"");
                break;
            case 7:
                if (raw == "content") note(content_, rest);
                break;
            case 9:
                if (raw == "arguments") note(arguments_, rest);
                break;
            case 10:
                if (top) error |= raw == "error_code";
                break;
            case 13:
                finished |= raw == "finish_reason" && rest.starts_with('"');
                break;
            default:
                break;
        }
    }
    /// What the event brings, from the quote of its string on; empty where it brings no text.
    [[nodiscard]] std::string_view text() const {
        const auto first = content_ ? content_ : text_ ? text_ : arguments_;
        return first.value_or(std::string_view());
    }

    bool usage = false;
    bool error = false;
    bool finished = false;

  private:
    using Found = std::optional<std::string_view>;  // the first such string; empty: holds nothing
    static void note(Found& found, std::string_view rest) {
        if (found || !rest.starts_with('"')) return;
        found = rest.starts_with("\"\"") ? std::string_view() : rest;
    }

    Found content_;
    Found text_;
    Found arguments_;
};

std::optional<std::uint64_t> count_of(const JsonMembers& members, std::string_view name) {
    const JsonMember* member = members.find(name);
    if (!member || member->kind != JsonKind::number) return std::nullopt;
    const auto count = json_count(member->value);
    return count && *count <= kMostTokens ? count : std::nullopt;
}

std::string shortened(std::string text, std::string_view secret) {
    text = without_secret(std::move(text), secret);
    if (text.size() <= kMostMessage) return text;
    std::size_t cut = kMostMessage;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
    text.resize(cut);
    return text;
}

std::string text_member(const JsonMembers& members, std::string_view name) {
    const JsonMember* member = members.find(name);
    if (!member || member->kind != JsonKind::string) return {};
    return json_text(member->value).value_or(std::string());
}

/// A status or worker code, given as a number or as digits.
int number_member(const JsonMembers& members, std::string_view name) {
    const JsonMember* member = members.find(name);
    if (!member) return 0;
    std::string_view text = member->value;
    if (text.size() > 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
    int number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return read.ptr == text.data() + text.size() ? number : 0;
}

/// Whose fault an error object is, by its code and type.
CallError judge(int number, const std::string& code, const std::string& type, std::string message) {
    CallError error;
    error.message = message.empty() ? "the upstream failed" : std::move(message);
    const bool refusal = type == "invalid_request_error" || type == "BadRequestError" ||
                         code == "context_length_exceeded" || number / 100 == 403 ||
                         number == 40001 || number == 400 || number == 413 || number == 422;
    if (number == 401 || number == 403 || code == "invalid_api_key") {
        error.fault = Fault::credentials;
        error.message = "the upstream does not take the key it was given";
    } else if (refusal) {
        error.fault = Fault::request;
        error.code = "invalid_argument";
    } else if (number == 429 || type == "rate_limit_error" || number == 42901 || number == 42903) {
        error.fault = Fault::busy;
    } else {
        error.fault = Fault::server;
        error.code = "engine_failed";
    }
    return error;
}

}  // namespace

Tokens tokens_of(std::string_view usage) {
    Tokens tokens;
    const auto members = JsonMembers::scan_sound(usage);
    if (!members) return tokens;
    tokens.prompt = count_of(*members, "prompt_tokens");
    if (!tokens.prompt) tokens.prompt = count_of(*members, "input_tokens");
    tokens.completion = count_of(*members, "completion_tokens");
    if (!tokens.completion) tokens.completion = count_of(*members, "output_tokens");
    if (!tokens.prompt && !tokens.completion) tokens.prompt = count_of(*members, "total_tokens");
    for (const std::string_view name : {"prompt_tokens_details", "input_tokens_details"}) {
        const JsonMember* details = members->find(name);
        if (!details || details->kind != JsonKind::object) continue;
        const auto inner = JsonMembers::scan_sound(details->value);
        if (inner) tokens.cached = count_of(*inner, "cached_tokens");
    }
    return tokens;
}

std::string without_secret(std::string text, std::string_view secret) {
    if (secret.size() < 4) return text;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
        text.replace(at, secret.size(), "***");
    }
    return text;
}

std::optional<CallError> error_in(const JsonMembers& members, std::string_view secret) {
    const JsonMember* error = members.find("error");
    if (error && error->kind == JsonKind::object) {
        const auto inner = JsonMembers::scan(error->value);
        if (!inner) return std::nullopt;
        return judge(number_member(*inner, "code"), text_member(*inner, "code"),
                     text_member(*inner, "type"),
                     shortened(text_member(*inner, "message"), secret));
    }
    if (error && error->kind == JsonKind::string && !members.find("choices")) {
        return judge(number_member(members, "code"), text_member(members, "code"),
                     text_member(members, "type"),
                     shortened(json_text(error->value).value_or(""), secret));
    }
    const JsonMember* object = members.find("object");
    const bool fastchat = (object && object->value == "\"error\"") ||
                          (number_member(members, "error_code") != 0 && !members.find("choices"));
    if (!fastchat) return std::nullopt;
    const int number =
        std::max(number_member(members, "code"), number_member(members, "error_code"));
    std::string message = text_member(members, "message");
    if (message.empty()) message = text_member(members, "text");
    return judge(number, "", text_member(members, "type"), shortened(std::move(message), secret));
}

std::string message_in(std::string_view body, std::string_view secret) {
    const auto members = JsonMembers::scan(body);
    if (!members) return {};
    if (const auto error = error_in(*members, secret)) {
        return error->fault == Fault::credentials ? std::string() : error->message;
    }
    for (const std::string_view name : {"message", "detail"}) {
        auto text = text_member(*members, name);
        if (!text.empty()) return shortened(std::move(text), secret);
    }
    return {};
}

UsageScanner::Verdict UsageScanner::bad(CallError error) {
    error_ = std::move(error);
    return Verdict::bad;
}

UsageScanner::Verdict UsageScanner::take_usage(const JsonMembers& members) {
    const JsonMember* usage = members.find("usage");
    if (!usage || usage->kind != JsonKind::object) return Verdict::pass;
    said_ = tokens_of(usage->value);
    const JsonMember* choices = members.find("choices");
    const bool alone = choices && choices->kind == JsonKind::array &&
                       choices->value.find_first_not_of(" \t\r\n", 1) == choices->value.size() - 1;
    return alone && !usage_wanted_ ? Verdict::drop : Verdict::pass;
}

bool UsageScanner::repeats(std::string_view data) const {
    const auto around = before_.size() + after_.size();
    if (before_.empty() || data.size() <= around) return false;
    if (!data.starts_with(before_) || !data.ends_with(after_)) return false;
    const auto quoted = data.substr(before_.size() - 1, data.size() - around + 2);
    return json_string_size(quoted) == quoted.size() && is_utf8(quoted);
}

void UsageScanner::learn(std::string_view data, std::string_view text) {
    const auto from = static_cast<std::size_t>(text.data() - data.data());
    before_ = data.substr(0, from + 1);
    after_ = data.substr(from + json_string_size(text) - 1);
}

UsageScanner::Verdict UsageScanner::take(std::string_view data) {
    if (data.empty()) return Verdict::pass;  // a comment
    if (data == "[DONE]") return Verdict::done;
    // Tokens come in events that are alike: what is new in one is its text.
    if (repeats(data)) {
        ++texts_;
        return Verdict::pass;
    }
    EventKeys keys;
    if (!is_json(data, keys)) {
        return bad(
            {Fault::server, "engine_failed", "the upstream sent an event that is not JSON", 0, {}});
    }
    if (first_ || keys.usage || keys.error) {
        first_ = false;
        const auto members = JsonMembers::scan(data);
        if (!members) {
            return bad({Fault::server, "engine_failed", "the upstream sent a broken event", 0, {}});
        }
        if (keys.error) {
            if (auto found = error_in(*members, secret_)) return bad(std::move(*found));
        }
        if (keys.usage && take_usage(*members) == Verdict::drop) return Verdict::drop;
    }
    finished_ |= keys.finished;
    if (const auto text = keys.text(); !text.empty()) {
        ++texts_;
        if (!keys.usage && !keys.error && !keys.finished) learn(data, text);
    }
    return Verdict::pass;
}

Tokens UsageScanner::tokens() const {
    Tokens tokens = said_.value_or(Tokens{});
    if (!tokens.completion) tokens.completion = texts_;
    return tokens;
}

}  // namespace headrace::upstreams
