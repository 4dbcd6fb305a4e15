#include "protocols/openai/response_routes.hpp"

#include <algorithm>

#include "jobs/blob_io.hpp"
#include "jobs/log_io.hpp"
#include "protocols/openai/chat_answer.hpp"
#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/documents.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/page.hpp"
#include "protocols/openai/runs.hpp"
#include "protocols/openai/wire_ids.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::string_view kResponsePrefix = "resp_";
constexpr std::int64_t kKeepMs = 30LL * 86'400'000;

Error no_such_response(std::string_view id) {
    return Error{ErrorCode::not_found,
                 "Response with id '" + std::string(id) + "' not found.",
                 {Violation{"id", "", ""}},
                 0};
}

std::string text_of_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

/// `job`: of a background response; else `response` is the finished object.
std::string document_text(const ResponseFacts& facts, const json::array& items,
                          std::string_view response, std::string_view job) {
    std::string out = "{\"id\":";
    append_json_string(out, facts.id);
    out += ",\"created\":" + std::to_string(facts.created) + ",\"model\":";
    append_json_string(out, facts.model);
    out += ",\"echo\":";
    append_json_string(out, facts.echo);
    out += facts.logprobs ? ",\"logprobs\":true" : ",\"logprobs\":false";
    out += ",\"job\":";
    append_json_string(out, job);
    out += ",\"items\":";
    append_json(out, items);
    out += ",\"response\":";
    out += response.empty() ? "null" : response;
    out += '}';
    return out;
}

/// Keeps the response of one request.
class Keeper final : public ResponseKeeper {
  public:
    Keeper(Site& site, DocumentKey key, ResponseFacts facts, json::array items)
        : site_(site), key_(std::move(key)), facts_(std::move(facts)), items_(std::move(items)) {}
    asio::awaitable<Result<void>> keep(std::string response) override {
        auto text = document_text(facts_, items_, response, {});
        auto key = key_;
        co_return co_await keep_document(site_, std::move(key), std::move(text), kKeepMs);
    }

  private:
    Site& site_;
    DocumentKey key_;
    ResponseFacts facts_;
    json::array items_;
};

}  // namespace

/// A request with everything that is known before its model is called.
struct ResponseRoutes::Order {
    ResponseRequest request;
    ResponseFacts facts;
    DocumentKey key;
    json::array items;  // of earlier turns and of this one
    json::object chat;
};

/// A response as it lies in its document.
struct ResponseRoutes::Kept {
    Document document;
    ResponseFacts facts;
    std::optional<JobId> job;
    json::array items;
    json::value response;  // null while only its job knows
};

asio::awaitable<Result<ResponseRoutes::Kept>> ResponseRoutes::find(const http::Exchange& exchange,
                                                                   std::string id) {
    auto found = co_await find_document(site_, exchange, kResponsePrefix, id, kResponsePurpose);
    if (!found) co_return fail(std::move(found).error());
    if (!*found) co_return fail(no_such_response(id));
    auto tree = parse_json_object((*found)->text);
    if (!tree) co_return fail(ErrorCode::internal, "a kept response is no JSON");
    Kept kept;
    kept.document = std::move(**found);
    kept.facts.id = std::move(id);
    kept.facts.model = text_of_member(*tree, "model");
    kept.facts.echo = text_of_member(*tree, "echo");
    const auto* created = tree->if_contains("created");
    kept.facts.created = created != nullptr && created->is_int64() ? created->get_int64() : 0;
    const auto* logprobs = tree->if_contains("logprobs");
    kept.facts.logprobs = logprobs != nullptr && logprobs->is_bool() && logprobs->get_bool();
    kept.job = JobId::parse(text_of_member(*tree, "job"));
    if (auto* items = tree->if_contains("items"); items != nullptr && items->is_array()) {
        kept.items = std::move(items->get_array());
    }
    if (auto* response = tree->if_contains("response")) kept.response = std::move(*response);
    co_return kept;
}

/// The object as things stand now.
asio::awaitable<Result<std::string>> ResponseRoutes::object_of(const http::Exchange& exchange,
                                                               const Kept& kept) {
    std::string out;
    if (!kept.job) {
        append_json(out, kept.response);
        co_return out;
    }
    jobs::Scope scope{caller_of(exchange).tenant, std::nullopt};
    const auto view = co_await site_.parts.jobs.get(std::move(scope), *kept.job);
    if (!view) {
        if (view.error().code == ErrorCode::not_found)
            co_return fail(no_such_response(kept.facts.id));
        co_return fail(view.error());
    }
    const auto& job = *view->record;
    switch (job.state) {
        case jobs::JobState::queued:
            co_return response_without_output(kept.facts, "queued");
        case jobs::JobState::running:
            co_return response_without_output(kept.facts, "in_progress");
        case jobs::JobState::cancelled:
            co_return response_without_output(kept.facts, "cancelled");
        case jobs::JobState::failed:
        case jobs::JobState::expired:
            co_return response_without_output(kept.facts, "failed",
                                              response_error(job_failure(job)));
        case jobs::JobState::succeeded:
            break;
    }
    if (job.output_removed) co_return fail(no_such_response(kept.facts.id));
    auto outputs = co_await outputs_of(site_, job);
    if (!outputs) co_return fail(std::move(outputs).error());
    co_return response_object(kept.facts, chat_output(std::move(*outputs), hex_of(job.id)),
                              tokens_of(job.usage));
}

asio::awaitable<Result<ResponseRoutes::Order>> ResponseRoutes::read_order(http::Exchange& exchange,
                                                                          const Body& body) {
    const auto uuid = site_.ids.make<Uuid>();
    auto request = read_response_request(body.tree, "msg_" + hex_of(uuid));
    if (!request) co_return fail(std::move(request).error());
    Order order;
    order.facts.id = wire_id(kResponsePrefix, uuid);
    order.facts.created = site_.parts.clock.wall() / 1000;
    order.facts.model = request->model;
    order.facts.echo = request->echo;
    order.facts.logprobs = request->logprobs;
    const auto& who = caller_of(exchange);
    order.key = {who.tenant, who.key_id, uuid, kResponsePurpose};
    if (!request->previous.empty()) {
        auto previous = co_await find(exchange, request->previous);
        if (!previous) co_return fail(std::move(previous).error());
        order.items = std::move(previous->items);
        const auto object = co_await object_of(exchange, *previous);
        if (!object) co_return fail(object.error());
        auto tree = parse_json_object(*object).value_or(json::object{});
        for (auto& item : tree["output"].as_array()) order.items.push_back(std::move(item));
    }
    for (auto& item : request->items) order.items.push_back(item);
    auto messages = response_messages(request->instructions, order.items);
    if (!messages) co_return fail(std::move(messages).error());
    order.chat = std::move(request->chat);
    order.chat["messages"] = std::move(*messages);
    order.request = std::move(*request);
    co_return order;
}

asio::awaitable<Reply> ResponseRoutes::answer_now(http::Exchange& exchange, ModelCall& call,
                                                  Order order) {
    const auto& version = call.version();
    auto input = read_chat_input(std::move(order.chat), *version.validator, 1);
    if (!input) co_return fail(in_response_words(std::move(input).error()));
    const bool store = order.request.store;
    Keeper keeper(site_, order.key, order.facts, std::move(order.items));
    Runs runs(site_, exchange, order.request.stream);
    auto started = co_await runs.start_all(call, exchange, std::move(input->choices));
    if (!started) co_return fail(std::move(started).error());
    runs.watch(exchange);
    if (order.request.stream) {
        const auto shape = response_events(
            std::move(order.facts), replaces_text(version.interface()), store ? &keeper : nullptr);
        co_await stream_answer(site_, exchange, runs, call, *shape);
        co_return sent_already();
    }
    const auto records = co_await runs.ends();
    if (!records) co_return fail(in_response_words(records.error()));
    const auto& record = *records->front();
    call.consumed(record.usage);
    auto outputs = co_await outputs_of(site_, record);
    if (!outputs) co_return fail(std::move(outputs).error());
    auto object = response_object(order.facts, chat_output(std::move(*outputs), hex_of(record.id)),
                                  tokens_of(record.usage));
    if (store) {
        auto kept = co_await keeper.keep(object);
        if (!kept) co_return fail(std::move(kept).error());
    }
    co_return json_response(std::move(object));
}

asio::awaitable<Reply> ResponseRoutes::in_background(http::Exchange& exchange, ModelCall& call,
                                                     Order order) {
    auto input = read_chat_input(std::move(order.chat), *call.version().validator, 1);
    if (!input) co_return fail(in_response_words(std::move(input).error()));
    auto submission = call.submission(exchange);
    submission.job_class = jobs::JobClass::durable;
    submission.input.values = catalog::encode(input->choices.front());
    if (submission.input.values.size() > jobs::Payload::kInlineBytes) {
        auto spilled = co_await jobs::store_bytes(site_.parts.blobs, order.key.tenant,
                                                  std::exchange(submission.input.values, {}));
        if (!spilled) co_return fail(std::move(spilled).error());
        submission.input.spilled = *spilled;
    }
    auto accepted = co_await site_.parts.jobs.submit(std::move(submission));
    if (!accepted) {
        Error error = std::move(accepted).error();
        if (error.code == ErrorCode::quota_exceeded) error.code = ErrorCode::unavailable;
        co_return fail(std::move(error));
    }
    context_of(exchange).asked.has_job = true;
    // The tokens of durable jobs are charged when they end, not by their call.
    auto text = document_text(order.facts, order.items, {}, accepted->id.text());
    auto kept = co_await keep_document(site_, order.key, std::move(text), kKeepMs);
    if (!kept) co_return fail(std::move(kept).error());
    co_return json_response(response_without_output(order.facts, "queued"));
}

asio::awaitable<void> ResponseRoutes::create(http::Exchange& exchange) {
    asks_model(exchange, "chat");
    Reply reply = fail(ErrorCode::internal, "no answer");
    Result<Order> order = fail(ErrorCode::internal, "no order");
    auto body = co_await read_json_body(exchange, site_.settings.max_body_bytes);
    if (body) order = co_await read_order(exchange, *body);
    if (!body) {
        reply = fail(std::move(body).error());
    } else if (!order) {
        reply = fail(std::move(order).error());
    } else {
        const std::string model = order->request.model;
        auto call = co_await ModelCall::begin(site_, exchange, model, catalog::Profile::chat,
                                              guessed_tokens(body->text.size()));
        if (!call) {
            reply = fail(std::move(call).error());
        } else if (order->request.background) {
            reply = co_await in_background(exchange, *call, std::move(*order));
        } else {
            reply = co_await answer_now(exchange, *call, std::move(*order));
        }
    }
    co_await answer(exchange, std::move(reply));
}

asio::awaitable<Reply> ResponseRoutes::get(http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    const auto kept = co_await find(exchange, std::move(id));
    if (!kept) co_return fail(kept.error());
    auto object = co_await object_of(exchange, *kept);
    if (!object) co_return fail(std::move(object).error());
    co_return json_response(std::move(*object));
}

asio::awaitable<Reply> ResponseRoutes::cancel(http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    const auto kept = co_await find(exchange, std::move(id));
    if (!kept) co_return fail(kept.error());
    if (!kept->job) {
        co_return fail(bad_field("id", code::kInvalid,
                                 "Cannot cancel a response that is not a background one."));
    }
    jobs::Scope scope{caller_of(exchange).tenant, std::nullopt};
    const auto cancelled = co_await site_.parts.jobs.cancel(std::move(scope), *kept->job);
    // One that has ended is shown as it is.
    if (!cancelled && cancelled.error().code != ErrorCode::conflict) {
        co_return fail(cancelled.error());
    }
    if (cancelled) co_return json_response(response_without_output(kept->facts, "cancelled"));
    auto object = co_await object_of(exchange, *kept);
    if (!object) co_return fail(std::move(object).error());
    co_return json_response(std::move(*object));
}

asio::awaitable<Reply> ResponseRoutes::remove(http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    const auto kept = co_await find(exchange, id);
    if (!kept) co_return fail(kept.error());
    const auto& file = kept->document.file;
    if (kept->job) {
        // Nobody can ask for it any more: it need not run, and its result need not stay.
        jobs::Scope scope{file.tenant, std::nullopt};
        auto again = scope;
        (void)co_await site_.parts.jobs.cancel(std::move(scope), *kept->job);
        (void)co_await site_.parts.jobs.remove_output(std::move(again), *kept->job);
    }
    const auto removed = co_await jobs::remove_file(site_.parts.log, file.tenant, file.id);
    if (!removed) co_return fail(removed.error());
    if (!*removed) co_return fail(no_such_response(id));
    co_return json_response("{\"id\":\"" + id + "\",\"object\":\"response\",\"deleted\":true}");
}

asio::awaitable<Reply> ResponseRoutes::input_items(http::Exchange& exchange) {
    const auto page = read_page(exchange);
    if (!page) co_return fail(page.error());
    std::string id(exchange.param("id"));
    auto kept = co_await find(exchange, std::move(id));
    if (!kept) co_return fail(std::move(kept).error());
    auto& items = kept->items;
    if (!page->oldest_first) std::reverse(items.begin(), items.end());
    bool passed = !page->after;
    std::uint32_t count = 0;
    ListAnswer answer;
    for (const auto& item : items) {
        const auto own = text_of_member(item.as_object(), "id");
        if (passed && ++count <= page->limit) {
            std::string object;
            append_json(object, item);
            answer.add(own, object);
        }
        passed = passed || own == *page->after;
    }
    co_return json_response(answer.finish(count > page->limit));
}

void ResponseRoutes::add_to(RouteList& routes) {
    using access::Right;
    const auto reply = [&](http::Method method, std::string_view pattern, Right right,
                           asio::awaitable<Reply> (ResponseRoutes::*handler)(http::Exchange&)) {
        routes.add_reply(method, pattern, right, [this, handler](http::Exchange& exchange) {
            return (this->*handler)(exchange);
        });
    };
    routes.add(http::Method::post, "/responses", Right::submit_job,
               [this](http::Exchange& exchange) { return create(exchange); });
    reply(http::Method::get, "/responses/{id}", Right::read_job, &ResponseRoutes::get);
    reply(http::Method::del, "/responses/{id}", Right::remove_output, &ResponseRoutes::remove);
    reply(http::Method::post, "/responses/{id}/cancel", Right::cancel_job, &ResponseRoutes::cancel);
    reply(http::Method::get, "/responses/{id}/input_items", Right::read_job,
          &ResponseRoutes::input_items);
}

}  // namespace headrace::protocols::openai
