#include "protocols/openai/batch_routes.hpp"

#include "jobs/blob_io.hpp"
#include "jobs/log_io.hpp"
#include "protocols/openai/body.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/documents.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/file_routes.hpp"
#include "protocols/openai/page.hpp"
#include "protocols/openai/wire_ids.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::int64_t kWindowSeconds = 86'400;
constexpr std::int64_t kKeepMs = 30LL * 86'400'000;
constexpr std::uint64_t kMostBytes = 1 << 20;

Error no_such_batch(std::string_view id) {
    return Error{ErrorCode::not_found,
                 "No batch found with id '" + std::string(id) + "'.",
                 {Violation{"id", "", ""}},
                 0};
}

Result<BatchFacts> read_batch(const json::object& body) {
    BatchFacts facts;
    const auto input = require_text(body, "input_file_id");
    if (!input) return fail(input.error());
    facts.input_file = *input;
    const auto endpoint = require_text(body, "endpoint");
    if (!endpoint) return fail(endpoint.error());
    facts.endpoint = *endpoint;
    if (!is_batch_endpoint(facts.endpoint)) {
        return fail(bad_field("endpoint", code::kInvalid,
                              "Invalid value for 'endpoint': supported values are "
                              "'/v1/chat/completions', '/v1/completions', '/v1/embeddings' "
                              "and '/v1/responses'."));
    }
    const auto window = require_text(body, "completion_window");
    if (!window) return fail(window.error());
    if (*window != "24h") {
        return fail(bad_field("completion_window", code::kInvalid,
                              "Invalid value for 'completion_window': it takes '24h'."));
    }
    if (const auto* metadata = member(body, "metadata")) {
        if (!metadata->is_object()) return fail(wrong_type("metadata", "an object"));
        facts.metadata.clear();
        append_json(facts.metadata, *metadata);
    }
    return facts;
}

}  // namespace

asio::awaitable<Result<std::string>> BatchRoutes::object_of(TenantId tenant, Uuid id,
                                                            BatchFacts facts) {
    if (const auto running = runner_.state(id)) co_return batch_object(facts, *running);
    const FileId end(part_of(id, BatchPart::end));
    const auto file = co_await jobs::get_file(site_.parts.log, tenant, end);
    if (!file) co_return fail(file.error());
    BatchState state;
    if (*file) {
        const auto text =
            co_await jobs::load_bytes(site_.parts.blobs, tenant, (*file)->blob, kMostBytes);
        if (!text) co_return fail(text.error());
        if (const auto tree = parse_json_object(*text)) state = state_from(*tree);
    }
    co_return batch_object(facts, state);
}

asio::awaitable<Reply> BatchRoutes::create(http::Exchange& exchange) {
    const auto body = co_await read_json_body(exchange, site_.settings.max_body_bytes);
    if (!body) co_return fail(body.error());
    auto facts = read_batch(body->tree);
    if (!facts) co_return fail(std::move(facts).error());
    auto input = facts->input_file;
    const auto file = co_await find_file(site_, exchange, std::move(input));
    if (!file) {
        Error error = file.error();
        for (auto& violation : error.violations) violation.path = "input_file_id";
        co_return fail(std::move(error));
    }
    if (file->purpose != "batch") {
        co_return fail(bad_field("input_file_id", code::kInvalid,
                                 "Invalid 'input_file_id': its purpose must be 'batch'."));
    }
    const auto& who = caller_of(exchange);
    const auto id = site_.ids.make<Uuid>();
    facts->id = wire_id(kBatchPrefix, id);
    facts->created = site_.parts.clock.wall() / 1000;
    facts->expires = facts->created + kWindowSeconds;
    DocumentKey key{who.tenant, who.key_id, id, kBatchPurpose};
    auto text = facts_text(*facts);
    auto kept = co_await keep_document(site_, std::move(key), std::move(text), kKeepMs);
    if (!kept) co_return fail(std::move(kept).error());
    runner_.begin({id, who.tenant, who.key_id}, *facts);
    co_return json_response(batch_object(*facts, BatchState{}));
}

asio::awaitable<Reply> BatchRoutes::get(http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    auto found = co_await find_document(site_, exchange, kBatchPrefix, id, kBatchPurpose);
    if (!found) co_return fail(std::move(found).error());
    const auto tree = parse_json_object(*found ? (*found)->text : "");
    if (!*found || !tree) co_return fail(no_such_batch(id));
    const auto& file = (*found)->file;
    auto object = co_await object_of(file.tenant, file.id, facts_from(*tree, id));
    if (!object) co_return fail(std::move(object).error());
    co_return json_response(std::move(*object));
}

asio::awaitable<Reply> BatchRoutes::list(http::Exchange& exchange) {
    const auto page = read_page(exchange);
    if (!page) co_return fail(page.error());
    const auto& who = caller_of(exchange);
    jobs::FileQuery query;
    query.tenant = who.tenant;
    query.owner = access::seen_caller(who);
    query.purpose = kBatchPurpose;
    query.oldest_first = page->oldest_first;
    query.limit = page->limit + 1;
    if (page->after) {
        const auto uuid = parse_wire_id(kBatchPrefix, *page->after);
        if (!uuid) co_return fail(no_such_batch(*page->after));
        query.after = FileId(*uuid);
    }
    auto files = co_await jobs::list_files(site_.parts.log, std::move(query));
    if (!files) co_return fail(std::move(files).error());
    const bool more = files->size() > page->limit;
    if (more) files->resize(page->limit);
    ListAnswer answer;
    for (const auto& file : *files) {
        const auto text =
            co_await jobs::load_bytes(site_.parts.blobs, file.tenant, file.blob, kMostBytes);
        const auto tree = parse_json_object(text ? *text : "");
        if (!tree) continue;
        auto id = wire_id(kBatchPrefix, file.id);
        auto object = co_await object_of(file.tenant, file.id, facts_from(*tree, id));
        if (!object) co_return fail(std::move(object).error());
        answer.add(id, *object);
    }
    co_return json_response(answer.finish(more));
}

asio::awaitable<Reply> BatchRoutes::cancel(http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    auto found = co_await find_document(site_, exchange, kBatchPrefix, id, kBatchPurpose);
    if (!found) co_return fail(std::move(found).error());
    const auto tree = parse_json_object(*found ? (*found)->text : "");
    if (!*found || !tree) co_return fail(no_such_batch(id));
    const auto& file = (*found)->file;
    auto facts = facts_from(*tree, id);
    const FileId end(part_of(file.id, BatchPart::end));
    const auto ended = co_await jobs::get_file(site_.parts.log, file.tenant, end);
    if (!ended) co_return fail(ended.error());
    if (*ended) {
        co_return fail(ErrorCode::conflict, "Cannot cancel a batch that has ended.");
    }
    // On disk first, so that a restart does not forget it.
    DocumentKey key{file.tenant, file.owner, part_of(file.id, BatchPart::cancel),
                    kBatchPartPurpose};
    auto kept = co_await keep_document(site_, std::move(key), "{}", kKeepMs);
    if (!kept && kept.error().code != ErrorCode::conflict) co_return fail(std::move(kept).error());
    runner_.cancel(file.id);
    auto state = runner_.state(file.id).value_or(BatchState{});
    state.status = "cancelling";
    co_return json_response(batch_object(facts, state));
}

void BatchRoutes::add_to(RouteList& routes) {
    using access::Right;
    const auto reply = [&](http::Method method, std::string_view pattern, Right right,
                           asio::awaitable<Reply> (BatchRoutes::*handler)(http::Exchange&)) {
        routes.add_reply(method, pattern, right, [this, handler](http::Exchange& exchange) {
            return (this->*handler)(exchange);
        });
    };
    reply(http::Method::post, "/batches", Right::submit_job, &BatchRoutes::create);
    reply(http::Method::get, "/batches", Right::read_job, &BatchRoutes::list);
    reply(http::Method::get, "/batches/{id}", Right::read_job, &BatchRoutes::get);
    reply(http::Method::post, "/batches/{id}/cancel", Right::cancel_job, &BatchRoutes::cancel);
}

}  // namespace headrace::protocols::openai
