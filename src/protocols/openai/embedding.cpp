#include "protocols/openai/embedding.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/digest.hpp"
#include "catalog/json_codec.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/model_call.hpp"

namespace headrace::protocols::openai {
namespace {

Result<std::vector<std::string>> texts_of(const json::object& body) {
    const auto* input = member(body, "input");
    if (input == nullptr) return fail(missing_field("input"));
    std::vector<std::string> texts;
    if (const auto* text = input->if_string()) {
        texts.emplace_back(*text);
    } else if (const auto* list = input->if_array(); list != nullptr && !list->empty()) {
        for (const auto& each : *list) {
            const auto* one = each.if_string();
            if (one == nullptr) {
                return fail(bad_field("input", code::kUnsupported,
                                      "Unsupported value for 'input': this model takes text, not "
                                      "token numbers."));
            }
            texts.emplace_back(*one);
        }
    } else {
        return fail(wrong_type("input", "a string or an array of strings"));
    }
    if (texts.size() > kMostTexts) {
        return fail(bad_field(
            "input", code::kInvalid,
            "Invalid 'input': at most " + std::to_string(kMostTexts) + " texts in one request."));
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (!texts[i].empty()) continue;
        return fail(bad_field(input->is_string() ? "input" : "input[" + std::to_string(i) + ']',
                              code::kInvalid, "Invalid 'input': it cannot be empty."));
    }
    return texts;
}

/// How many texts one job takes.
std::size_t most_at_a_time(const catalog::Interface& interface) {
    for (const auto& spec : interface.inputs) {
        if (spec.name == "text") return std::max<std::size_t>(1, spec.max_items);
    }
    return 1;
}

/// One row of a matrix of fp32 or fp64.
class Row {
  public:
    Row(const catalog::Tensor& tensor, std::size_t row, std::size_t width)
        : wide_(tensor.dtype == catalog::DType::fp64),
          data_(tensor.data.data() + row * width * (wide_ ? 8 : 4)),
          width_(width) {}

    [[nodiscard]] float at(std::size_t i) const {
        if (!wide_) return read<float>(i);
        return static_cast<float>(read<double>(i));
    }
    void append_base64(std::string& out) const {
        if (!wide_) {
            out += to_base64({data_, width_ * 4});
            return;
        }
        std::string bytes(width_ * 4, '\0');
        for (std::size_t i = 0; i < width_; ++i) {
            const float number = at(i);
            std::memcpy(bytes.data() + i * 4, &number, 4);
        }
        out += to_base64(bytes);
    }
    void append_numbers(std::string& out) const {
        out += '[';
        char digits[32];
        for (std::size_t i = 0; i < width_; ++i) {
            if (i > 0) out += ',';
            const float number = at(i);
            if (!std::isfinite(number)) {
                out += '0';
                continue;
            }
            const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
            out.append(digits, end);
        }
        out += ']';
    }

  private:
    template <class T>
    [[nodiscard]] T read(std::size_t i) const {
        T number;
        std::memcpy(&number, data_ + i * sizeof(T), sizeof(T));
        return number;
    }
    bool wide_;
    const char* data_;
    std::size_t width_;
};

bool is_matrix(const catalog::Tensor& tensor) {
    return tensor.shape.size() == 2 &&
           (tensor.dtype == catalog::DType::fp32 || tensor.dtype == catalog::DType::fp64);
}

/// Documents are texts, or objects with a text.
Result<std::vector<std::string>> documents_of(const json::object& body) {
    const auto* given = member(body, "documents");
    if (given == nullptr) return fail(missing_field("documents"));
    const auto* list = given->if_array();
    if (list == nullptr || list->empty()) {
        return fail(wrong_type("documents", "an array of strings"));
    }
    std::vector<std::string> documents;
    for (const auto& each : *list) {
        const auto* object = each.if_object();
        const auto* text = object != nullptr ? object->if_contains("text") : &each;
        if (text == nullptr || !text->is_string()) {
            return fail(wrong_type("documents[" + std::to_string(documents.size()) + ']',
                                   "a string or an object with a text"));
        }
        documents.emplace_back(text->get_string());
    }
    return documents;
}

}  // namespace

Result<EmbeddingInput> read_embedding_input(const json::object& body,
                                            const catalog::Validator& validator) {
    EmbeddingInput result;
    const auto format = read_text(body, "encoding_format");
    if (!format) return fail(format.error());
    result.base64 = *format == "base64";
    if (*format && **format != "float" && **format != "base64") {
        return fail(bad_field("encoding_format", code::kInvalid,
                              "Invalid value for 'encoding_format': 'float' and 'base64' are "
                              "supported."));
    }
    const auto dimensions = read_integer(body, "dimensions", 1);
    if (!dimensions) return fail(dimensions.error());
    const auto& interface = validator.interface();
    if (*dimensions && !has_parameter(interface, "dimensions")) {
        return fail(unsupported_field("dimensions"));
    }
    auto texts = texts_of(body);
    if (!texts) return fail(std::move(texts).error());
    result.texts = texts->size();
    const std::size_t most = most_at_a_time(interface);
    for (std::size_t at = 0; at < texts->size(); at += most) {
        catalog::Value::List list;
        const std::size_t end = std::min(texts->size(), at + most);
        for (std::size_t i = at; i < end; ++i) list.emplace_back(std::move((*texts)[i]));
        catalog::Values values;
        values.set("text", std::move(list));
        if (*dimensions) values.set("dimensions", **dimensions);
        if (auto sound = validator.check(catalog::Side::input, values); !sound) {
            Error error = invalid_input(std::move(sound).error());
            for (auto& violation : error.violations) violation.path = "input";
            return fail(std::move(error));
        }
        result.runs.push_back(std::move(values));
    }
    return result;
}

Result<void> append_embeddings(std::string& out, const catalog::Values& outputs, bool base64,
                               std::size_t& index) {
    const auto* value = outputs.find("embeddings");
    const auto* tensor = value != nullptr ? value->get<catalog::Tensor>() : nullptr;
    if (tensor == nullptr || !is_matrix(*tensor)) {
        return fail(ErrorCode::engine_failed, "the model gave no matrix of embeddings");
    }
    const auto rows = static_cast<std::size_t>(tensor->shape[0]);
    const auto width = static_cast<std::size_t>(tensor->shape[1]);
    out.reserve(out.size() + rows * (width * (base64 ? 6 : 12) + 64));
    for (std::size_t row = 0; row < rows; ++row, ++index) {
        if (index > 0) out += ',';
        out += "{\"object\":\"embedding\",\"index\":" + std::to_string(index) + ",\"embedding\":";
        const Row numbers(*tensor, row, width);
        if (base64) {
            out += '"';
            numbers.append_base64(out);
            out += '"';
        } else {
            numbers.append_numbers(out);
        }
        out += '}';
    }
    return {};
}

std::string embedding_list(std::string_view data, std::string_view model, std::uint64_t tokens) {
    std::string out = "{\"object\":\"list\",\"data\":[";
    out.reserve(data.size() + model.size() + 128);
    out += data;
    out += "],\"model\":";
    append_json_string(out, model);
    out += ",\"usage\":{\"prompt_tokens\":" + std::to_string(tokens) +
           ",\"total_tokens\":" + std::to_string(tokens) + "}}";
    return out;
}

Result<RerankInput> read_rerank_input(const json::object& body,
                                      const catalog::Validator& validator) {
    RerankInput result;
    const auto query = require_text(body, "query");
    if (!query) return fail(query.error());
    auto documents = documents_of(body);
    if (!documents) return fail(std::move(documents).error());
    result.documents = std::move(*documents);
    const auto top = read_integer(body, "top_n", 1);
    if (!top) return fail(top.error());
    const auto all = result.documents.size();
    result.top = *top ? std::min<std::size_t>(static_cast<std::size_t>(**top), all) : all;
    const auto with = read_bool(body, "return_documents");
    if (!with) return fail(with.error());
    result.with_documents = with->value_or(false);
    result.values.set("query", std::string(*query));
    catalog::Value::List list;
    for (const auto& document : result.documents) list.emplace_back(document);
    result.values.set("documents", std::move(list));
    auto sound = validator.check(catalog::Side::input, result.values);
    if (!sound) return fail(invalid_input(std::move(sound).error()));
    return result;
}

Result<std::string> rerank_answer(std::string_view id, std::string_view model,
                                  const RerankInput& input, const catalog::Values& outputs,
                                  std::uint64_t tokens) {
    const auto* value = outputs.find("scores");
    const auto* list = value != nullptr ? value->get<catalog::Value::List>() : nullptr;
    if (list == nullptr || list->size() != input.documents.size()) {
        return fail(ErrorCode::engine_failed, "the model gave no score for each document");
    }
    std::vector<std::pair<double, std::size_t>> order;
    for (const auto& score : *list) {
        const auto* number = score.get<double>();
        order.emplace_back(number != nullptr ? *number : 0, order.size());
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    order.resize(input.top);
    std::string out = "{\"id\":";
    append_json_string(out, id);
    out += ",\"object\":\"list\",\"model\":";
    append_json_string(out, model);
    out += ",\"results\":[";
    for (const auto& [score, index] : order) {
        if (out.back() != '[') out += ',';
        out += "{\"index\":" + std::to_string(index) + ",\"relevance_score\":";
        append_json(out, json::value(score));
        if (input.with_documents) {
            out += ",\"document\":{\"text\":";
            append_json_string(out, input.documents[index]);
            out += '}';
        }
        out += '}';
    }
    // Jina's clients read usage, Cohere's meta.
    out += "],\"usage\":{\"prompt_tokens\":" + std::to_string(tokens) +
           ",\"total_tokens\":" + std::to_string(tokens) +
           "},\"meta\":{\"billed_units\":{\"search_units\":1}}}";
    return out;
}

}  // namespace headrace::protocols::openai
