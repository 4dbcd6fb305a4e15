#include "protocols/native/request_routes.hpp"

#include <charconv>
#include <utility>

#include "access/keys.hpp"
#include "base/json.hpp"
#include "jobs/job.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/limits_json.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::string_view kQuery =
    "model key tenant app user upstream outcome status from to text cursor limit";
constexpr std::string_view kOutcomes = "succeeded failed cancelled expired refused";
constexpr std::int64_t kMostOfPage = 200;

bool is_outcome(const std::string& word) {
    const auto state = jobs::job_state_from(word);
    return word == "refused" || (state && jobs::is_terminal(*state));
}

/// A whole number within bounds; `otherwise` where the query does not name it.
Result<std::int64_t> number_query(const http::Exchange& exchange, std::string_view name,
                                  std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    const auto text = exchange.query(name);
    if (!text) return otherwise;
    std::int64_t number = 0;
    const auto* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    const bool whole = read.ec == std::errc() && read.ptr == end;
    if (whole && number >= least && number <= most) return number;
    const bool high = read.ec == std::errc::result_out_of_range || (whole && number > most);
    return fail(invalid("query." + std::string(name), high ? "max" : "min",
                        std::to_string(high ? most : least), "the query is not valid"));
}

Result<RequestQuery> read_query(const http::Exchange& exchange) {
    if (auto known = check_query(exchange, kQuery); !known) return fail(known.error());
    const auto& who = caller_of(exchange);
    RequestQuery query;
    const auto named = exchange.query("tenant");
    if (!who.system || named) {
        auto tenant = access::acting_tenant(
            who, named ? std::optional<std::string_view>(*named) : std::nullopt);
        if (!tenant) return fail(std::move(tenant).error());
        query.tenant = std::move(tenant->name);
    }
    query.of = who.capabilities;
    const auto text = [&](const char* name) { return exchange.query(name).value_or(""); };
    query.model = text("model");
    query.key = text("key");
    query.app = text("app");
    query.user = text("user");
    query.upstream = text("upstream");
    query.outcome = text("outcome");
    query.text = text("text");
    query.cursor = text("cursor");
    if (!query.outcome.empty() && !is_outcome(query.outcome)) {
        return fail(
            invalid("query.outcome", "enum", std::string(kOutcomes), "the query is not valid"));
    }
    const auto from = time_query(exchange, "from");
    if (!from) return fail(from.error());
    const auto to = time_query(exchange, "to");
    if (!to) return fail(to.error());
    const auto status = number_query(exchange, "status", 0, 100, 599);
    if (!status) return fail(status.error());
    const auto limit = number_query(exchange, "limit", 50, 1, kMostOfPage);
    if (!limit) return fail(limit.error());
    query.from = *from;
    query.to = *to;
    query.status = *status;
    query.limit = static_cast<std::size_t>(*limit);
    return query;
}

std::string text_of(const json::object& line, std::string_view name) {
    const auto* value = line.if_contains(name);
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::string(*text) : std::string();
}

}  // namespace

/// The line as it stands in the log, and what its key is called now.
void RequestRoutes::append(std::string& out, const json::object& line) const {
    append_json(out, line);
    const auto who = site_.parts.keys.whose(text_of(line, "key"));
    if (!who || who->tenant.name != text_of(line, "tenant")) return;
    out.pop_back();
    append_text_member(out, "key_name", who->name);
    out += '}';
}

asio::awaitable<Reply> RequestRoutes::search(http::Exchange& exchange) {
    auto query = read_query(exchange);
    if (!query) co_return fail(std::move(query).error());
    if (!site_.parts.requests) {
        co_return fail(ErrorCode::conflict,
                       "the request log is off: set request_log.enabled = true and start the "
                       "server again");
    }
    auto page = co_await site_.parts.requests(std::move(*query));
    if (!page) co_return fail(std::move(page).error());
    std::string text = "{\"requests\":[";
    for (const auto& line : page->lines) {
        if (text.back() != '[') text += ',';
        append(text, line);
    }
    text += "],\"next_cursor\":";
    if (page->next_cursor.empty()) {
        text += "null";
    } else {
        append_json_string(text, page->next_cursor);
    }
    append_time_member(text, "searched_to", page->searched_to);
    text += ",\"unreadable\":" + std::to_string(page->unreadable) + '}';
    co_return json_response(std::move(text));
}

void RequestRoutes::add_to(RouteList& routes) {
    routes.add_reply({.pattern = "/requests",
                      .route_class = http::RouteClass::admin,
                      .right = access::Right::read_requests,
                      .tag = "operations",
                      .summary = "Search the request log of this server",
                      .query = kQuery,
                      .answer = "RequestList",
                      .errors = "400 409 503"},
                     [this](http::Exchange& exchange) { return search(exchange); });
}

}  // namespace headrace::protocols::native
