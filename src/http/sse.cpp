#include "http/sse.hpp"

#include <algorithm>

namespace headrace::http {

void append_sse(std::string& out, std::optional<std::uint64_t> id, std::string_view event,
                std::string_view data) {
    if (id) out.append("id: ").append(std::to_string(*id)).append("\n");
    if (!event.empty()) {
        out.append("event: ");
        for (const char c : event) {
            if (c != '\n' && c != '\r') out.push_back(c);
        }
        out.append("\n");
    }
    // A reader ends a line at CR, LF or CRLF alike.
    for (;;) {
        const auto end = std::min(data.find_first_of("\r\n"), data.size());
        out.append("data: ").append(data.substr(0, end)).append("\n");
        if (end == data.size()) break;
        data.remove_prefix(data.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
    }
    out.append("\n");
}

}  // namespace headrace::http
