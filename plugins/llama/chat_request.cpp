#include "chat_request.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schema_grammar.hpp"

namespace headrace::llama {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostStops = 16;
constexpr std::size_t kMostTop = 20;

/// Reads single fields of the job; a field that is absent leaves its target alone.
class Fields {
  public:
    Fields(const hr_host& host, hr_job* job) : host_(host), job_(job) {}

    Result<void> number(const char* name, double least, double most, double& to) const {
        const int code = host_.input_float(job_, name, 0, &to);
        if (code == HR_E_NOT_FOUND) return {};
        if (code == HR_OK && std::isfinite(to) && to >= least && to <= most) return {};
        return bad_argument(std::string(name) + " must be a number from " + shown(least) + " to " +
                            shown(most));
    }
    Result<void> integer(const char* name, std::int64_t least, std::int64_t most,
                         std::optional<std::int64_t>& to) const {
        std::int64_t value = 0;
        const int code = host_.input_int(job_, name, 0, &value);
        if (code == HR_E_NOT_FOUND) return {};
        if (code != HR_OK || value < least || value > most) {
            return bad_argument(std::string(name) + " must be an integer from " +
                                std::to_string(least) + " to " + std::to_string(most));
        }
        to = value;
        return {};
    }
    [[nodiscard]] bool flag(const char* name) const {
        int value = 0;
        return host_.input_bool(job_, name, 0, &value) == HR_OK && value != 0;
    }
    [[nodiscard]] Result<json::value> tree(const char* name) const {
        hr_bytes bytes{};
        if (host_.input_json(job_, name, 0, &bytes) != HR_OK) return json::value(nullptr);
        boost::system::error_code error;
        auto value = json::parse({bytes.data, bytes.size}, error);
        if (error) return bad_argument(std::string(name) + " is no JSON");
        return value;
    }
    Result<void> texts(const char* name, std::size_t most, std::vector<std::string>& to) const {
        const std::size_t count = host_.input_count(job_, name);
        if (count > most) {
            return bad_argument(std::string(name) + " holds more than " + std::to_string(most));
        }
        for (std::size_t i = 0; i < count; ++i) {
            hr_bytes bytes{};
            if (host_.input_text(job_, name, i, &bytes) != HR_OK || bytes.size == 0)
                return bad_argument(std::string(name) + " must hold texts that are not empty");
            to.emplace_back(bytes.data, bytes.size);
        }
        return {};
    }

  private:
    static std::string shown(double number) {
        std::array<char, 32> text{};
        const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
        return {text.data(), end};
    }
    const hr_host& host_;
    hr_job* job_;
};

/// A text, or a list of {"type": "text", "text": …}, which are joined.
Result<std::string> content_of(const json::object& message, const std::string& path) {
    const auto* content = message.if_contains("content");
    if (content == nullptr || content->is_null()) return std::string();
    if (content->is_string()) return std::string(content->get_string());
    std::string all;
    const auto* parts = content->if_array();
    if (parts == nullptr) return bad_argument(path + ".content is neither a text nor a list");
    for (const auto& part : *parts) {
        const auto* object = part.if_object();
        const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
        const auto* text = object != nullptr ? object->if_contains("text") : nullptr;
        if (type == nullptr || *type != "text" || text == nullptr || !text->is_string())
            return bad_argument(path + ".content may hold parts of type text only");
        all += text->get_string();
    }
    return all;
}

Result<std::vector<Message>> messages_of(const json::value& tree) {
    const auto* list = tree.if_array();
    if (list == nullptr || list->empty())
        return bad_argument("messages must be a list that is not empty");
    std::vector<Message> messages;
    for (const auto& one : *list) {
        const std::string path = "messages[" + std::to_string(messages.size()) + ']';
        const auto* object = one.if_object();
        const auto* role = object != nullptr ? object->if_contains("role") : nullptr;
        if (role == nullptr || (*role != "system" && *role != "user" && *role != "assistant"))
            return bad_argument(path + ".role must be system, user or assistant");
        auto content = content_of(*object, path);
        if (!content) return tl::unexpected(std::move(content).error());
        messages.push_back({std::string(role->get_string()), std::move(*content)});
    }
    return messages;
}

Result<std::string> grammar_of(const json::value& format) {
    if (format.is_null()) return std::string();
    const auto* object = format.if_object();
    const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
    if (type != nullptr && *type == "text") return std::string();
    if (type != nullptr && *type == "json_object") return grammar_of_any_object();
    if (type == nullptr || *type != "json_schema")
        return bad_argument("response_format.type must be text, json_object or json_schema");
    // The schema stands in it, or one level deeper, as OpenAI has it.
    const auto* inner = object->if_contains("json_schema");
    const auto* holder = inner != nullptr && inner->is_object() ? &inner->get_object() : object;
    const auto* schema = holder->if_contains("schema");
    if (schema == nullptr) return bad_argument("response_format.schema is missing");
    return grammar_of_schema(json::serialize(*schema));
}

Result<void> read_sampling(const Fields& fields, Sampling& to) {
    if (auto read = fields.number("temperature", 0, 100, to.temperature); !read) return read;
    if (auto read = fields.number("top_p", 0, 1, to.top_p); !read) return read;
    if (auto read = fields.number("min_p", 0, 1, to.min_p); !read) return read;
    if (auto read = fields.number("repeat_penalty", 0.01, 10, to.repeat_penalty); !read)
        return read;
    std::optional<std::int64_t> top_k;
    if (auto read = fields.integer("top_k", 0, 1'000'000, top_k); !read) return read;
    to.top_k = top_k.value_or(to.top_k);
    std::optional<std::int64_t> seed;
    if (auto read = fields.integer("seed", std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max(), seed);
        !read)
        return read;
    std::random_device device;
    to.seed = seed ? static_cast<std::uint64_t>(*seed)
                   : (static_cast<std::uint64_t>(device()) << 32) | device();
    return {};
}

}  // namespace

Result<ChatRequest> read_chat_request(const hr_host& host, hr_job* job) {
    const Fields fields(host, job);
    ChatRequest request;
    const auto tree = fields.tree("messages");
    if (!tree) return tl::unexpected(tree.error());
    auto messages = messages_of(*tree);
    if (!messages) return tl::unexpected(std::move(messages).error());
    request.messages = std::move(*messages);
    if (auto read = read_sampling(fields, request.sampling); !read)
        return tl::unexpected(std::move(read).error());
    if (auto read = fields.texts("stop", kMostStops, request.stops); !read)
        return tl::unexpected(std::move(read).error());
    std::optional<std::int64_t> number;
    if (auto read = fields.integer("max_tokens", 1, 1 << 30, number); !read)
        return tl::unexpected(std::move(read).error());
    if (number) request.max_tokens = static_cast<std::size_t>(*number);
    number.reset();
    if (auto read = fields.integer("top_logprobs", 0, kMostTop, number); !read)
        return tl::unexpected(std::move(read).error());
    if (number || fields.flag("logprobs"))
        request.top_logprobs = static_cast<std::size_t>(number.value_or(0));
    const auto format = fields.tree("response_format");
    if (!format) return tl::unexpected(format.error());
    auto grammar = grammar_of(*format);
    if (!grammar) return tl::unexpected(std::move(grammar).error());
    request.grammar = std::move(*grammar);
    return request;
}

std::string without_control_words(std::string text, const std::vector<std::string>& words) {
    constexpr std::string_view kZeroWidthSpace = "\xE2\x80\x8B";
    for (const auto& word : words) {
        if (word.size() < 2) continue;
        for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at))
            text.insert(at + 1, kZeroWidthSpace);
    }
    return text;
}

}  // namespace headrace::llama
