#include "protocols/openai/page.hpp"

#include <charconv>

#include "base/json.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

void append_id(std::string& out, std::string_view name, const std::string& id) {
    out += ",\"";
    out += name;
    out += "\":";
    if (id.empty()) {
        out += "null";
    } else {
        append_json_string(out, id);
    }
}

}  // namespace

Result<Page> read_page(const http::Exchange& exchange, std::uint32_t most, std::uint32_t usual) {
    Page page;
    page.limit = usual;
    if (const auto text = exchange.query("limit")) {
        const auto* end = text->data() + text->size();
        const auto read = std::from_chars(text->data(), end, page.limit);
        if (read.ec != std::errc{} || read.ptr != end || page.limit < 1 || page.limit > most) {
            return fail(bad_field("limit", code::kInvalid,
                                  "Invalid 'limit': it takes 1 to " + std::to_string(most) + "."));
        }
    }
    if (const auto order = exchange.query("order")) {
        if (*order != "asc" && *order != "desc") {
            return fail(
                bad_field("order", code::kInvalid, "Invalid 'order': it takes 'asc' or 'desc'."));
        }
        page.oldest_first = *order == "asc";
    }
    page.after = exchange.query("after");
    return page;
}

void ListAnswer::add(const std::string& id, const std::string& object) {
    if (first_.empty()) first_ = id;
    last_ = id;
    if (!data_.empty()) data_ += ',';
    data_ += object;
}

std::string ListAnswer::finish(bool more) const {
    std::string out = "{\"object\":\"list\",\"data\":[" + data_ + ']';
    append_id(out, "first_id", first_);
    append_id(out, "last_id", last_);
    out += more ? ",\"has_more\":true}" : ",\"has_more\":false}";
    return out;
}

}  // namespace headrace::protocols::openai
