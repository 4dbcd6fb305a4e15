#include "main/request_search.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <string_view>

#include "main/request_files.hpp"

namespace headrace::main {
namespace {

constexpr std::size_t kDayLength = 10;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string_view text_of(const json::object& line, std::string_view name) {
    const auto* value = line.if_contains(name);
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

bool says(const json::object& line, std::string_view name, const std::string& wanted) {
    return wanted.empty() || text_of(line, name) == wanted;
}

bool matches(const json::object& line, const RequestQuery& query, const std::string& lowered) {
    if (query.from != 0 || query.to != 0) {
        const auto at = from_rfc3339(text_of(line, "at"));
        if (!at || *at < query.from || (query.to != 0 && *at >= query.to)) return false;
    }
    if (!says(line, "model", query.model) || !says(line, "key", query.key) ||
        !says(line, "tenant", query.tenant) || !says(line, "outcome", query.outcome))
        return false;
    if (lowered.empty()) return true;
    const auto has = [&](std::string_view name) {
        return lower(text_of(line, name)).find(lowered) != std::string::npos;
    };
    return has("request") || has("answer") || has("job");
}

/// A call is written on the day of its end, which may be long after it was accepted.
bool may_hold(const RequestFile& file, const RequestQuery& query) {
    return query.from == 0 || file.day >= to_rfc3339(query.from).substr(0, kDayLength);
}

}  // namespace

Result<RequestMatches> search_requests(const std::filesystem::path& folder,
                                       const RequestQuery& query) {
    RequestMatches out;
    const auto lowered = lower(query.text);
    for (const auto& file : request_files(folder)) {
        if (out.lines.size() >= query.limit || !may_hold(file, query)) break;
        std::ifstream in(file.path);
        if (!in) {
            return fail(ErrorCode::unavailable, file.path.string() + ": " + std::strerror(errno));
        }
        std::deque<json::object> found;
        for (std::string text; std::getline(in, text);) {
            auto line = parse_json_object(text);
            if (!line) {
                ++out.unreadable;
                continue;
            }
            if (!matches(*line, query, lowered)) continue;
            found.push_back(std::move(*line));
            if (out.lines.size() + found.size() > query.limit) found.pop_front();
        }
        out.lines.insert(out.lines.begin(), std::make_move_iterator(found.begin()),
                         std::make_move_iterator(found.end()));
    }
    return out;
}

}  // namespace headrace::main
