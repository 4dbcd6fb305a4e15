#include "main/request_search.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "main/request_files.hpp"
#include "main/request_lines.hpp"

namespace headrace::main {
namespace {

constexpr std::size_t kDayLength = 10;
constexpr std::string_view kFirstMember = "{\"at\":\"";
constexpr std::size_t kTimeLength = 24;
constexpr std::string_view kRequestId = "req_";
constexpr std::size_t kLeastOfTrace = 8;

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

/// A place in the log: before this byte of this file, and in all that is older.
struct Place {
    std::string day;
    std::uint32_t part = 0;
    std::uint64_t before = 0;

    [[nodiscard]] std::string text() const { return fmt::format("{}.{}.{}", day, part, before); }
};

template <class Number>
bool read_number(std::string_view text, Number& out) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
    return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

std::optional<Place> place_from(std::string_view text) {
    Place out;
    if (text.size() <= kDayLength || text[kDayLength] != '.') return std::nullopt;
    out.day = text.substr(0, kDayLength);
    if (!from_rfc3339(out.day + "T00:00:00Z")) return std::nullopt;
    text.remove_prefix(kDayLength + 1);
    const auto dot = text.find('.');
    if (dot == std::string_view::npos || !read_number(text.substr(0, dot), out.part) ||
        !read_number(text.substr(dot + 1), out.before))
        return std::nullopt;
    return out;
}

bool newer(const RequestFile& file, const Place& place) {
    return std::tie(file.day, file.part) > std::tie(place.day, place.part);
}

/// Says of a line whether it matches; most lines are refused before they are parsed.
class Matcher {
  public:
    explicit Matcher(const RequestQuery& query) : query_(query), lowered_(lower(query.text)) {
        // As a caller of /v1 was told it.
        traced_ = lowered_.substr(lowered_.starts_with(kRequestId) ? kRequestId.size() : 0);
        for (const auto& [name, value] : texts()) {
            if (value->empty()) continue;
            std::string member = fmt::format("\"{}\":", name);
            append_json_string(member, *value);
            members_.push_back(std::move(member));
        }
    }

    /// As the log writes lines: each member that is asked for stands in it.
    [[nodiscard]] bool may_match(std::string_view line) const {
        return std::all_of(members_.begin(), members_.end(), [&](const std::string& member) {
            return line.find(member) != std::string_view::npos;
        });
    }

    [[nodiscard]] bool matches(const json::object& line) const {
        for (const auto& [name, value] : texts()) {
            if (!value->empty() && text_of(line, name) != *value) return false;
        }
        if (query_.status != 0) {
            const auto* status = line.if_contains("status");
            if (!status || !status->is_int64() || status->get_int64() != query_.status)
                return false;
        }
        if (!query_.of.empty()) {
            const auto is = [&](const std::string& name) {
                return text_of(line, "capability") == name || text_of(line, "model") == name;
            };
            if (!std::any_of(query_.of.begin(), query_.of.end(), is)) return false;
        }
        return in_time(line) && has_text(line);
    }

  private:
    using Text = std::pair<std::string_view, const std::string*>;

    [[nodiscard]] std::array<Text, 7> texts() const {
        return {Text{"model", &query_.model},    Text{"key", &query_.key},
                Text{"tenant", &query_.tenant},  Text{"app", &query_.app},
                Text{"user", &query_.user},      Text{"upstream", &query_.upstream},
                Text{"outcome", &query_.outcome}};
    }

    [[nodiscard]] bool in_time(const json::object& line) const {
        if (query_.from == 0 && query_.to == 0) return true;
        const auto at = from_rfc3339(text_of(line, "at"));
        return at && *at >= query_.from && (query_.to == 0 || *at < query_.to);
    }

    [[nodiscard]] bool has_text(const json::object& line) const {
        if (lowered_.empty()) return true;
        const auto has = [&](std::string_view name) {
            return lower(text_of(line, name)).find(lowered_) != std::string::npos;
        };
        return has("request") || has("answer") || has("message") || has("job") || is_traced(line);
    }

    /// A few digits would be in every other one.
    [[nodiscard]] bool is_traced(const json::object& line) const {
        return traced_.size() >= kLeastOfTrace && text_of(line, "trace").starts_with(traced_);
    }

    const RequestQuery& query_;
    std::string lowered_;
    std::string traced_;
    std::vector<std::string> members_;
};

/// When the call of a line was accepted, by its first member; 0 where it is not to be seen there.
WallMs time_of(std::string_view line) {
    if (!line.starts_with(kFirstMember)) return 0;
    return from_rfc3339(line.substr(kFirstMember.size(), kTimeLength)).value_or(0);
}

class Search {
  public:
    Search(const RequestQuery& query, const SearchBounds& bounds)
        : query_(query), matcher_(query), bounds_(bounds) {}

    /// False: the page is full, or the bounds are reached.
    Result<bool> read(const RequestFile& file, std::uint64_t before);
    RequestPage page;

  private:
    void look_at(std::string_view line);
    [[nodiscard]] bool enough() const {
        return page.lines.size() >= query_.limit || found_ >= bounds_.found ||
               searched_ >= bounds_.searched ||
               std::chrono::steady_clock::now() - begun_ >= bounds_.time;
    }

    const RequestQuery& query_;
    Matcher matcher_;
    SearchBounds bounds_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    std::uint64_t searched_ = 0;
    std::uint64_t found_ = 0;
};

void Search::look_at(std::string_view text) {
    searched_ += text.size() + 1;
    const auto time = time_of(text);
    if (time != 0) {
        page.searched_to = time;
        if (time < query_.from || (query_.to != 0 && time >= query_.to)) return;
    }
    if (time != 0 && !matcher_.may_match(text)) return;
    auto line = parse_json_object(text);
    if (!line) {
        ++page.unreadable;
    } else if (matcher_.matches(*line)) {
        found_ += text.size();
        page.lines.push_back(std::move(*line));
    }
}

Result<bool> Search::read(const RequestFile& file, std::uint64_t before) {
    const auto failed = [&](std::string_view why) {
        return fail(ErrorCode::unavailable, fmt::format("{}: {}", file.path.string(), why));
    };
    UniqueFd fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd && errno == ENOENT) return true;  // its time was over while we looked
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return failed(std::strerror(errno));
    if (!S_ISREG(status.st_mode)) return failed("it is no file");
    LinesBackwards lines(std::move(fd),
                         std::min(before, static_cast<std::uint64_t>(status.st_size)));
    for (;;) {
        const auto line = lines.next();
        if (!line) return failed(line.error().message);
        if (!*line) return true;
        look_at(**line);
        if (!enough()) continue;
        page.next_cursor = Place{file.day, file.part, lines.at()}.text();
        return false;
    }
}

/// A call is written on the day of its end, which may be long after it was accepted.
bool may_hold(const RequestFile& file, const RequestQuery& query) {
    return query.from == 0 || file.day >= to_rfc3339(query.from).substr(0, kDayLength);
}

}  // namespace

Result<RequestPage> search_requests(const std::filesystem::path& folder, const RequestQuery& query,
                                    const SearchBounds& bounds) {
    std::optional<Place> place;
    if (!query.cursor.empty()) {
        place = place_from(query.cursor);
        if (!place) {
            return fail(Error{ErrorCode::invalid_argument,
                              "this is no cursor of ours",
                              {{"query.cursor", "format:cursor", ""}},
                              0});
        }
    }
    Search search(query, bounds);
    for (const auto& file : request_files(folder)) {
        if (place && newer(file, *place)) continue;
        if (!may_hold(file, query)) break;
        const bool here = place && file.day == place->day && file.part == place->part;
        const auto more = search.read(file, here ? place->before : UINT64_MAX);
        if (!more) return fail(more.error());
        if (!*more) break;
    }
    return std::move(search.page);
}

}  // namespace headrace::main
