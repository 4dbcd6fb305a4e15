#include "protocols/openai/chat_routes.hpp"

#include <algorithm>

#include "catalog/scalar_codec.hpp"
#include "protocols/openai/answer_stream.hpp"
#include "protocols/openai/chat_answer.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/runs.hpp"

namespace headrace::protocols::openai {
asio::awaitable<Reply> pass_verbatim(Site& site, http::Exchange& exchange, ModelCall& call,
                                     bool stream, std::string body, std::string_view operation) {
    auto input = verbatim_input(std::move(body), operation);
    // Whoever calls has parsed the body, or scanned it as strictly.
    auto sound = call.version().validator->check_sound(catalog::Side::input, input);
    if (!sound) co_return fail(invalid_input(std::move(sound).error()));
    Runs runs(site, exchange, stream);
    auto submission = call.submission(exchange);
    submission.input.values = catalog::encode(input);
    auto started = co_await runs.start(call, std::move(submission));
    if (!started) co_return fail(std::move(started).error());
    runs.watch(exchange);
    if (stream) {
        const auto shape = verbatim_stream();
        co_await stream_answer(site, exchange, runs, call, *shape);
        co_return sent_already();
    }
    const auto records = co_await runs.ends();
    if (!records) co_return fail(records.error());
    const auto& record = *records->front();
    call.consumed(record.usage);
    if (record.output && !record.output->spilled) {
        // Nearly always: an answer and nothing beside it.
        const auto text = catalog::only_text(record.output->values, "response");
        if (text) co_return http::Response(200, "application/json", std::string(*text));
    }
    auto outputs = co_await outputs_of(site, record);
    if (!outputs) co_return fail(std::move(outputs).error());
    co_return verbatim_response(std::move(*outputs));
}

asio::awaitable<Reply> ChatRoutes::canonical(http::Exchange& exchange, ModelCall& call,
                                             ChatHead head, Body body) {
    AnswerFacts facts;
    facts.created = site_.parts.clock.wall() / 1000;
    facts.model = call.model();
    facts.include_usage = head.include_usage;
    const auto& version = call.version();
    auto input = read_chat_input(std::move(body.tree), *version.validator, head.choices);
    if (!input) co_return fail(std::move(input).error());
    facts.legacy_functions = input->legacy_functions;
    facts.logprobs = input->logprobs;
    Runs runs(site_, exchange, head.stream);
    auto started = co_await runs.start_all(call, exchange, input->choices);
    if (!started) co_return fail(std::move(started).error());
    facts.id = "chatcmpl-" + hex_of(runs.id(0));
    runs.watch(exchange);
    if (head.stream) {
        const auto shape =
            chat_chunks(std::move(facts), head.choices, replaces_text(version.interface()));
        co_await stream_answer(site_, exchange, runs, call, *shape);
        co_return sent_already();
    }
    const auto records = co_await runs.ends();
    if (!records) co_return fail(records.error());
    std::vector<ChatOutput> choices;
    TokenCount tokens;
    for (const auto& record : *records) {
        call.consumed(record->usage);
        auto outputs = co_await outputs_of(site_, *record);
        if (!outputs) co_return fail(std::move(outputs).error());
        choices.push_back(chat_output(std::move(*outputs), hex_of(record->id)));
        const auto used = tokens_of(record->usage);
        tokens.prompt = std::max(tokens.prompt, used.prompt);
        tokens.cached = std::max(tokens.cached, used.cached);
        tokens.completion += used.completion;
    }
    co_return json_response(chat_completion(facts, choices, tokens));
}

/// Most bodies go on as they are: what must be known of those is found without a tree.
asio::awaitable<Reply> ChatRoutes::reply_to(http::Exchange& exchange, std::string text) {
    Body body{std::move(text), {}};
    auto head = scan_chat_head(body.text);
    const bool scanned = head.has_value();
    if (!scanned) {
        auto tree = parse_body(body.text);
        if (!tree) co_return fail(std::move(tree).error());
        body.tree = std::move(*tree);
        auto read = read_chat_head(body.tree);
        if (!read) co_return fail(std::move(read).error());
        head = *read;
    }
    auto call = co_await ModelCall::begin(site_, exchange, head->model, catalog::Profile::chat,
                                          guessed_tokens(body.text.size()), head->max_tokens);
    if (!call) co_return fail(std::move(call).error());
    if (takes_verbatim(call->version().interface())) {
        co_return co_await pass_verbatim(site_, exchange, *call, head->stream, std::move(body.text),
                                         "chat/completions");
    }
    if (scanned) {
        auto tree = parse_body(body.text);
        if (!tree) co_return fail(std::move(tree).error());
        body.tree = std::move(*tree);
    }
    co_return co_await canonical(exchange, *call, *head, std::move(body));
}

asio::awaitable<void> ChatRoutes::create(http::Exchange& exchange) {
    asks_model(exchange, "chat");
    Reply reply = fail(ErrorCode::internal, "no answer");
    auto text = co_await exchange.read_body(site_.settings.max_body_bytes);
    if (text)
        reply = co_await reply_to(exchange, std::move(*text));
    else
        reply = fail(std::move(text).error());
    co_await answer(exchange, std::move(reply));
}

void ChatRoutes::add_to(RouteList& routes) {
    routes.add(http::Method::post, "/chat/completions", access::Right::submit_job,
               [this](http::Exchange& exchange) { return create(exchange); });
}

}  // namespace headrace::protocols::openai
