#include "protocols/openai/completion_routes.hpp"

#include "protocols/openai/answer_stream.hpp"
#include "protocols/openai/chat_routes.hpp"
#include "protocols/openai/completion_answer.hpp"
#include "protocols/openai/completion_request.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/runs.hpp"

namespace headrace::protocols::openai {

asio::awaitable<Reply> CompletionRoutes::canonical(http::Exchange& exchange, ModelCall& call,
                                                   ChatHead head, json::object body) {
    const auto& version = call.version();
    auto input = read_completion_input(std::move(body), *version.validator, head.choices);
    if (!input) co_return fail(std::move(input).error());
    AnswerFacts facts;
    facts.created = site_.parts.clock.wall() / 1000;
    facts.model = call.model();
    facts.include_usage = head.include_usage;
    facts.logprobs = input->logprobs;
    const auto count = static_cast<std::uint32_t>(input->runs.size());
    Runs runs(site_, exchange, head.stream);
    auto started = co_await runs.start_all(call, exchange, std::move(input->runs));
    if (!started) co_return fail(std::move(started).error());
    facts.id = "cmpl-" + hex_of(runs.id(0));
    runs.watch(exchange);
    if (head.stream) {
        const auto shape =
            text_chunks(std::move(facts), count, head.choices, replaces_text(version.interface()));
        co_await stream_answer(site_, exchange, runs, call, *shape);
        co_return sent_already();
    }
    const auto records = co_await runs.ends();
    if (!records) co_return fail(records.error());
    std::vector<ChatOutput> choices;
    RunTokens tokens(head.choices);
    for (const auto& record : *records) {
        call.consumed(record->usage);
        auto outputs = co_await outputs_of(site_, *record);
        if (!outputs) co_return fail(std::move(outputs).error());
        tokens.add(static_cast<std::uint32_t>(choices.size()), tokens_of(record->usage));
        choices.push_back(chat_output(std::move(*outputs), hex_of(record->id)));
    }
    co_return json_response(text_completion(facts, choices, tokens.total()));
}

asio::awaitable<void> CompletionRoutes::create(http::Exchange& exchange) {
    asks_model(exchange, "chat");
    Reply reply = fail(ErrorCode::internal, "no answer");
    auto body = co_await read_json_body(exchange, site_.settings.max_body_bytes);
    if (!body) {
        reply = fail(std::move(body).error());
    } else if (auto head = read_chat_head(body->tree); !head) {
        reply = fail(std::move(head).error());
    } else {
        auto call = co_await ModelCall::begin(site_, exchange, head->model, catalog::Profile::chat,
                                              guessed_tokens(body->text.size()), head->max_tokens);
        if (!call) {
            reply = fail(std::move(call).error());
        } else if (takes_verbatim(call->version().interface())) {
            reply = co_await pass_verbatim(site_, exchange, *call, head->stream,
                                           std::move(body->text), "completions");
        } else {
            reply = co_await canonical(exchange, *call, *head, std::move(body->tree));
        }
    }
    co_await answer(exchange, std::move(reply));
}

void CompletionRoutes::add_to(RouteList& routes) {
    routes.add(http::Method::post, "/completions", access::Right::submit_job,
               [this](http::Exchange& exchange) { return create(exchange); });
}

}  // namespace headrace::protocols::openai
