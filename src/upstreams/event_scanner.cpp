#include "upstreams/event_scanner.hpp"

#include <cstring>
#include <utility>

namespace headrace::upstreams {

void EventScanner::feed(std::string piece) {
    if (begin_ == held_.size()) {
        held_ = std::move(piece);
        begin_ = line_ = scan_ = data_ = 0;
        return;
    }
    held_.erase(0, begin_);
    line_ -= begin_;
    scan_ -= begin_;
    if (data_lines_ > 0) data_ -= begin_;
    begin_ = 0;
    held_ += piece;
}

/// Notes what the line that ends before `end` says.
void EventScanner::take_line(std::size_t end) {
    std::string_view line(held_.data() + line_, end - line_);
    if (!line.starts_with("data:")) return;
    std::size_t skip = 5;
    if (line.size() > skip && line[skip] == ' ') ++skip;
    line.remove_prefix(skip);
    if (data_lines_ == 0) {
        data_ = line_ + skip;
        data_size_ = line.size();
    } else {
        if (data_lines_ == 1) joined_.assign(held_, data_, data_size_);
        joined_ += '\n';
        joined_ += line;
    }
    ++data_lines_;
}

std::optional<EventScanner::Event> EventScanner::next() {
    while (!too_large_) {
        const char* found = scan_ < held_.size()
                                ? static_cast<const char*>(
                                      std::memchr(held_.data() + scan_, '\n', held_.size() - scan_))
                                : nullptr;
        if (!found) {
            scan_ = held_.size();
            too_large_ = held_.size() - begin_ > most_;
            return std::nullopt;
        }
        const auto at = static_cast<std::size_t>(found - held_.data());
        const std::size_t end = at > line_ && held_[at - 1] == '\r' ? at - 1 : at;
        const bool blank = end == line_;
        if (!blank) take_line(end);
        line_ = scan_ = at + 1;
        if (!blank) {
            too_large_ = scan_ - begin_ > most_;
            continue;
        }
        Event event;
        event.text = std::string_view(held_).substr(begin_, scan_ - begin_);
        if (data_lines_ == 1)
            event.data = std::string_view(held_).substr(data_, data_size_);
        else if (data_lines_ > 1)
            event.data = joined_;
        begin_ = scan_;
        data_lines_ = 0;
        return event;
    }
    return std::nullopt;
}

}  // namespace headrace::upstreams
