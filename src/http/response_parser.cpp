#include "http/response_parser.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "http/head_text.hpp"
#include "http/request_parser.hpp"

namespace headrace::http {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

bool has_body(int status) {
    return status / 100 != 1 && status != 204 && status != 304;
}

}  // namespace

std::size_t ResponseParser::feed(std::string_view input, std::string& body) {
    if (step_ == Step::head) return feed_head(input);
    std::size_t used = 0;
    switch (step_) {
        case Step::sized:
            used = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
            body.append(input.substr(0, used));
            left_ -= used;
            if (left_ == 0) step_ = Step::done;
            break;
        case Step::until_end:
            used = input.size();
            body.append(input);
            break;
        case Step::chunked:
            if (body.empty()) body.reserve(input.size());
            while (used < input.size() && step_ == Step::chunked) {
                const auto piece = chunks_.next(input.substr(used));
                used += piece.consumed;
                body.append(piece.data);
                if (piece.done) step_ = Step::done;
                if (piece.broken) step_ = Step::broken;
            }
            break;
        default:
            break;
    }
    return used;
}

std::size_t ResponseParser::feed_head(std::string_view input) {
    // What speaks another protocol need not be waited for.
    const auto begun = std::min(input.size(), kVersion.size());
    if (input.substr(0, begun) != kVersion.substr(0, begun)) {
        step_ = Step::broken;
        return 0;
    }
    const auto end = find_head_end(input, scanned_);
    if (!end && input.size() <= head_bytes_) return 0;
    if (!end || *end > head_bytes_ || !take_head(input.substr(0, *end))) {
        step_ = Step::broken;
        return 0;
    }
    head_done_ = true;
    step_ = step_of_body();
    needs_end_ = step_ == Step::until_end;
    return *end;
}

void ResponseParser::feed_end() {
    if (step_ == Step::done) return;
    step_ = step_ == Step::until_end ? Step::done : Step::broken;
}

bool ResponseParser::keep_alive() const {
    if (says_close_ || needs_end_) return false;
    return !http_1_0_ || says_keep_alive_;
}

/// `head` ends with its blank line.
bool ResponseParser::take_head(std::string_view head) {
    const auto line_end = head.find("\r\n");
    if (!take_status_line(head.substr(0, line_end))) return false;
    return take_fields(head.substr(line_end + 2));
}

bool ResponseParser::take_status_line(std::string_view line) {
    // "HTTP/1.1 200 OK"; some leave out the blank before a reason that they do not give.
    line.remove_prefix(kVersion.size());
    if (line.size() < 5 || (line[0] != '0' && line[0] != '1') || line[1] != ' ') return false;
    http_1_0_ = line[0] == '0';
    line.remove_prefix(2);
    if (line[0] == '0' || !std::all_of(line.begin(), line.begin() + 3, is_digit)) return false;
    status_ = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    line.remove_prefix(3);
    return line.empty() || (line.front() == ' ' && run_of_value(line) == line.size());
}

/// `lines` end with the head's blank line. A bare CR or LF and a NUL are in no name and no value.
bool ResponseParser::take_fields(std::string_view lines) {
    while (!lines.starts_with("\r\n")) {
        const auto colon = run_of(kToken, lines);
        if (colon == 0 || colon >= lines.size() || lines[colon] != ':') return false;
        const auto name = lines.substr(0, colon);
        lines.remove_prefix(colon + 1);
        auto end = run_of_value(lines);
        if (!lines.substr(end).starts_with("\r\n")) return false;
        std::string value(trim(lines.substr(0, end)));
        lines.remove_prefix(end + 2);
        while (!lines.empty() && is_blank(lines.front())) {
            end = run_of_value(lines);
            if (!lines.substr(end).starts_with("\r\n")) return false;
            const auto more = trim(lines.substr(0, end));
            if (!value.empty() && !more.empty()) value += ' ';
            value.append(more);
            lines.remove_prefix(end + 2);
        }
        if (!look_at(name, value)) return false;
        headers_.add(std::string(name), std::move(value));
    }
    return lines.size() == 2;
}

/// Notes what decides about the connection and the body.
bool ResponseParser::look_at(std::string_view name, std::string_view value) {
    switch (name.size()) {
        case 10:
            if (equal_without_case(name, "connection")) take_connection(value);
            return true;
        case 14:
            return !equal_without_case(name, "content-length") || take_length(value);
        case 17:
            if (equal_without_case(name, "transfer-encoding")) {
                const auto comma = value.rfind(',');
                const auto last =
                    trim(comma == std::string_view::npos ? value : value.substr(comma + 1));
                has_coding_ = true;
                // What follows the chunks could not be told from them.
                if (last_is_chunked_) return false;
                last_is_chunked_ = equal_without_case(last, "chunked");
            }
            return true;
        default:
            return true;
    }
}

bool ResponseParser::take_length(std::string_view value) {
    std::uint64_t length = 0;
    const auto* end = value.data() + value.size();
    if (value.empty() || !is_digit(value.front())) return false;
    const auto read = std::from_chars(value.data(), end, length);
    if (read.ec != std::errc{} || read.ptr != end) return false;
    if (std::exchange(has_length_, true) && length != left_) return false;
    left_ = length;
    return true;
}

void ResponseParser::take_connection(std::string_view value) {
    while (!value.empty()) {
        const auto end = std::min(value.find(','), value.size());
        const auto option = trim(value.substr(0, end));
        value.remove_prefix(std::min(end + 1, value.size()));
        says_close_ = says_close_ || equal_without_case(option, "close");
        says_keep_alive_ = says_keep_alive_ || equal_without_case(option, "keep-alive");
    }
}

/// RFC 9112 §6.3.
ResponseParser::Step ResponseParser::step_of_body() const {
    if (no_body_ || !has_body(status_)) return Step::done;
    // Two parsers could see two ends.
    if (has_coding_ && (has_length_ || http_1_0_)) return Step::broken;
    if (has_coding_) return last_is_chunked_ ? Step::chunked : Step::until_end;
    if (!has_length_) return Step::until_end;
    return left_ == 0 ? Step::done : Step::sized;
}

}  // namespace headrace::http
