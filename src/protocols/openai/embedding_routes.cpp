#include "protocols/openai/embedding_routes.hpp"

#include "protocols/openai/chat_output.hpp"
#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/chat_routes.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/embedding.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/runs.hpp"

namespace headrace::protocols::openai {

asio::awaitable<Reply> EmbeddingRoutes::embed_by_jobs(http::Exchange& exchange, ModelCall& call,
                                                      const json::object& body) {
    auto input = read_embedding_input(body, *call.version().validator);
    if (!input) co_return fail(std::move(input).error());
    Runs runs(site_, exchange, false);
    auto started = co_await runs.start_all(call, exchange, std::move(input->runs));
    if (!started) co_return fail(std::move(started).error());
    runs.watch(exchange);
    const auto records = co_await runs.ends();
    if (!records) co_return fail(records.error());
    std::string out;
    std::size_t index = 0;
    std::uint64_t tokens = 0;
    for (const auto& record : *records) {
        call.consumed(record->usage);
        tokens += tokens_of(record->usage).prompt;
        const auto outputs = co_await outputs_of(site_, *record);
        if (!outputs) co_return fail(outputs.error());
        auto appended = append_embeddings(out, *outputs, input->base64, index);
        if (!appended) co_return fail(std::move(appended).error());
    }
    if (index != input->texts) {
        co_return fail(ErrorCode::engine_failed, "the model gave no embedding for each text");
    }
    co_return json_response(embedding_list(out, call.model(), tokens));
}

asio::awaitable<Reply> EmbeddingRoutes::embed(http::Exchange& exchange) {
    asks_model(exchange, "embed");
    auto body = co_await read_json_body(exchange, site_.settings.max_body_bytes);
    if (!body) co_return fail(std::move(body).error());
    const auto model = require_text(body->tree, "model");
    if (!model) co_return fail(model.error());
    auto call = co_await ModelCall::begin(site_, exchange, *model, catalog::Profile::embed,
                                          guessed_tokens(body->text.size()));
    if (!call) co_return fail(std::move(call).error());
    if (takes_verbatim(call->version().interface())) {
        co_return co_await pass_verbatim(site_, exchange, *call, false, std::move(body->text),
                                         "embeddings");
    }
    co_return co_await embed_by_jobs(exchange, *call, body->tree);
}

asio::awaitable<Reply> EmbeddingRoutes::rerank_by_jobs(http::Exchange& exchange, ModelCall& call,
                                                       const json::object& body) {
    auto input = read_rerank_input(body, *call.version().validator);
    if (!input) co_return fail(std::move(input).error());
    Runs runs(site_, exchange, false);
    auto submission = call.submission(exchange);
    submission.input.values = catalog::encode(input->values);
    auto started = co_await runs.start(call, std::move(submission));
    if (!started) co_return fail(std::move(started).error());
    runs.watch(exchange);
    const auto records = co_await runs.ends();
    if (!records) co_return fail(records.error());
    const auto& record = *records->front();
    call.consumed(record.usage);
    const auto outputs = co_await outputs_of(site_, record);
    if (!outputs) co_return fail(outputs.error());
    auto text = rerank_answer("rerank-" + hex_of(record.id), call.model(), *input, *outputs,
                              tokens_of(record.usage).prompt);
    if (!text) co_return fail(std::move(text).error());
    co_return json_response(std::move(*text));
}

asio::awaitable<Reply> EmbeddingRoutes::rerank(http::Exchange& exchange) {
    auto body = co_await read_json_body(exchange, site_.settings.max_body_bytes);
    if (!body) co_return fail(std::move(body).error());
    const auto model = require_text(body->tree, "model");
    if (!model) co_return fail(model.error());
    auto call = co_await ModelCall::begin(site_, exchange, *model, catalog::Profile::rerank,
                                          guessed_tokens(body->text.size()));
    if (!call) co_return fail(std::move(call).error());
    if (takes_verbatim(call->version().interface())) {
        co_return co_await pass_verbatim(site_, exchange, *call, false, std::move(body->text),
                                         "rerank");
    }
    co_return co_await rerank_by_jobs(exchange, *call, body->tree);
}

void EmbeddingRoutes::add_to(RouteList& routes) {
    routes.add_reply(http::Method::post, "/embeddings", access::Right::submit_job,
                     [this](http::Exchange& exchange) { return embed(exchange); });
    routes.add_reply(http::Method::post, "/rerank", access::Right::submit_job,
                     [this](http::Exchange& exchange) { return rerank(exchange); });
}

}  // namespace headrace::protocols::openai
