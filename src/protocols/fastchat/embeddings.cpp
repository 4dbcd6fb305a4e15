// ClientRoutes: /v1/engines/{model}/embeddings.
#include <chrono>
#include <cstring>

#include "base/digest.hpp"
#include "jobs/waiting.hpp"
#include "protocols/fastchat/client_routes.hpp"
#include "protocols/fastchat/errors.hpp"

namespace headrace::protocols::fastchat {
namespace {

constexpr std::size_t kMostTexts = 2'048;

/// `input`: a text or a list of texts. Tokens are those of a tokenizer that the caller guessed, so
/// they are refused.
Result<catalog::Values> input_of(const json::object& body) {
    const auto* input = body.if_contains("input");
    catalog::Value::List texts;
    if (input != nullptr && input->is_string()) {
        texts.emplace_back(std::string(input->get_string()));
    } else if (input != nullptr && input->is_array()) {
        for (const auto& item : input->get_array()) {
            if (!item.is_string()) break;
            texts.emplace_back(std::string(item.get_string()));
        }
        if (texts.size() != input->get_array().size()) texts.clear();
    }
    if (texts.empty() || texts.size() > kMostTexts) {
        return fail(ErrorCode::invalid_argument, "input is a text or a list of texts");
    }
    catalog::Values out;
    out.set("text", std::move(texts));
    return out;
}

void append_row(std::string& out, std::string_view row, bool base64) {
    if (base64) {
        out += '"' + to_base64(row) + '"';
        return;
    }
    out += '[';
    for (std::size_t at = 0; at + sizeof(float) <= row.size(); at += sizeof(float)) {
        float value = 0;
        std::memcpy(&value, row.data() + at, sizeof value);
        if (at > 0) out += ',';
        append_json(out, json::value(static_cast<double>(value)));
    }
    out += ']';
}

Result<std::string> answer_of(const catalog::Values& output, std::string_view model, bool base64,
                              std::uint64_t tokens) {
    const auto* value = output.find("embeddings");
    const auto* tensor = value == nullptr ? nullptr : value->get<catalog::Tensor>();
    if (tensor == nullptr || tensor->dtype != catalog::DType::fp32 || tensor->shape.size() != 2) {
        return fail(ErrorCode::engine_failed, "the model gave no embeddings");
    }
    const auto rows = static_cast<std::size_t>(tensor->shape[0]);
    const auto width = rows == 0 ? 0 : tensor->data.size() / rows;
    std::string out = "{\"object\":\"list\",\"data\":[";
    for (std::size_t i = 0; i < rows; ++i) {
        if (i > 0) out += ',';
        out += "{\"object\":\"embedding\",\"embedding\":";
        append_row(out, std::string_view(tensor->data).substr(i * width, width), base64);
        out += ",\"index\":" + std::to_string(i) + '}';
    }
    out += "],\"model\":";
    append_json_string(out, model);
    out += ",\"usage\":{\"prompt_tokens\":" + std::to_string(tokens) +
           ",\"total_tokens\":" + std::to_string(tokens) + "}}";
    return out;
}

}  // namespace

asio::awaitable<void> ClientRoutes::embeddings(http::Exchange& exchange) const {
    Asked asked{"embed", {}, {}};
    auto body = co_await body_of(exchange);
    if (!body) {
        co_await refuse(parts_, exchange, asked, code::kValidation, body.error().message);
        co_return;
    }
    // The body's model wins where both are there, as in FastChat.
    const auto* named = body->if_contains("model");
    const std::string model(named != nullptr && named->is_string()
                                ? std::string_view(named->get_string())
                                : exchange.param("model"));
    const auto* format = body->if_contains("encoding_format");
    const bool base64 =
        format != nullptr && format->is_string() && format->get_string() == "base64";
    asked.model = model;
    auto version = find_model(parts_, caller_of(exchange), model);
    if (version) asked.capability = (*version)->name;
    if (version && (!takes(**version, "text") || !gives(**version, "embeddings"))) {
        version = fail(ErrorCode::not_found, "the model " + model + " makes no embeddings");
    }
    auto input = version ? input_of(*body) : fail(version.error());
    auto submission = input ? submission_of(exchange, *version, std::move(*input))
                            : fail(std::move(input).error());
    if (!submission) {
        co_await refuse(parts_, exchange, asked, submission.error());
        co_return;
    }
    auto permit = co_await admit(parts_, exchange, *submission, 1);
    if (!permit) {
        co_await refuse(parts_, exchange, asked, permit.error());
        co_return;
    }
    auto end = std::make_shared<jobs::EndWatcher>(exchange.executor());
    submission->watcher = end;
    auto accepted = co_await parts_.jobs.submit(std::move(*submission));
    if (!accepted) {
        co_await refuse(parts_, exchange, asked, accepted.error());
        co_return;
    }
    Abandon abandon(parts_.jobs, accepted->id);
    exchange.on_hangup([end] { end->hang_up(); });
    const auto outcome = co_await end->wait(std::chrono::hours(24));
    if (outcome != jobs::EndWatcher::Outcome::ended) co_return;
    abandon.release();
    const auto job = end->record();
    permit->settle(meter_of(*job, "prompt_tokens"));
    http::Response response(200, "application/json");
    if (job->state != jobs::JobState::succeeded) {
        response = job->error ? api_error(*job->error)
                              : api_error(code::kInternal, "the job has no answer");
    } else {
        auto output = co_await outputs_of(parts_, job);
        auto text = output ? answer_of(*output, model, base64, meter_of(*job, "prompt_tokens"))
                           : fail(std::move(output).error());
        if (text) {
            response.body = std::move(*text);
        } else {
            response = api_error(text.error());
        }
    }
    co_await answer(exchange, std::move(response));
}

}  // namespace headrace::protocols::fastchat
