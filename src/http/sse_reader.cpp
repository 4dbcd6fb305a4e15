#include "http/sse_reader.hpp"

namespace headrace::http {

Result<std::vector<SseEvent>> SseReader::feed(std::string_view piece) {
    std::vector<SseEvent> events;
    while (!piece.empty()) {
        if (after_cr_ && piece.front() == '\n') {
            piece.remove_prefix(1);  // the second half of a CRLF that was cut
            after_cr_ = false;
            continue;
        }
        after_cr_ = false;
        const auto end = piece.find_first_of("\r\n");
        line_.append(piece.substr(0, end));
        if (line_.size() + data_.size() > max_event_bytes_) {
            return fail(ErrorCode::too_large, "an event of the stream is too large");
        }
        if (end == std::string_view::npos) break;
        after_cr_ = piece[end] == '\r';
        piece.remove_prefix(end + 1);
        take_line(line_, events);
        line_.clear();
    }
    return events;
}

void SseReader::take_line(std::string_view line, std::vector<SseEvent>& events) {
    if (first_line_ && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    first_line_ = false;
    if (line.empty()) {
        if (has_data_) {
            data_.pop_back();  // each data line added a newline
            events.push_back({id_, event_.empty() ? "message" : event_, std::move(data_)});
        }
        event_.clear();
        data_.clear();
        has_data_ = false;
        return;
    }
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "data") {
        data_.append(value).append("\n");
        has_data_ = true;
    } else if (name == "event") {
        event_ = value;
    } else if (name == "id" && value.find('\0') == std::string_view::npos) {
        id_ = value;
    }
}

}  // namespace headrace::http
