#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace headrace::http {

struct SseEvent {
    std::string id;     // last id seen, as the standard has it
    std::string event;  // "message" where the stream names none
    std::string data;
};

/// Parses an event stream from pieces of any size.
class SseReader {
  public:
    explicit SseReader(std::size_t max_event_bytes = 8 * 1024 * 1024)
        : max_event_bytes_(max_event_bytes) {}

    /// The events that `piece` completes. Error too_large when one grows past the limit.
    Result<std::vector<SseEvent>> feed(std::string_view piece);

  private:
    void take_line(std::string_view line, std::vector<SseEvent>& events);

    std::size_t max_event_bytes_;
    std::string line_;
    std::string id_;
    std::string event_;
    std::string data_;
    bool has_data_ = false;
    bool after_cr_ = false;
    bool first_line_ = true;
};

}  // namespace headrace::http
