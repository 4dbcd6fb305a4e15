#include "http/multipart.hpp"

#include <algorithm>

#include "http/message.hpp"

namespace headrace::http {
namespace {

tl::unexpected<Error> broken(const char* what) {
    return fail(ErrorCode::invalid_argument, std::string("broken multipart body: ") + what);
}

/// RFC 2046 §5.1.1.
bool boundary_is_sound(std::string_view boundary) {
    if (boundary.empty() || boundary.size() > 70 || boundary.back() == ' ') return false;
    return std::all_of(boundary.begin(), boundary.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
    });
}

/// What a browser means by filename: never a path.
std::string base_name(std::string name) {
    const auto slash = name.find_last_of("/\\");
    return slash == std::string::npos ? name : name.substr(slash + 1);
}

}  // namespace

Result<MultipartReader> MultipartReader::make(std::string_view content_type, MultipartSink sink,
                                              MultipartLimits limits) {
    if (media_type(content_type) != "multipart/form-data") {
        return fail(ErrorCode::unsupported_media, "the body must be multipart/form-data");
    }
    const auto boundary = header_parameter(content_type, "boundary");
    if (!boundary || !boundary_is_sound(*boundary)) {
        return fail(ErrorCode::invalid_argument, "Content-Type has no sound boundary");
    }
    return MultipartReader("\r\n--" + *boundary, std::move(sink), limits);
}

MultipartReader::MultipartReader(std::string delimiter, MultipartSink sink, MultipartLimits limits)
    : delimiter_(std::move(delimiter)),
      sink_(std::move(sink)),
      limits_(limits),
      // The first boundary may stand at the very start: as if behind a line end.
      buffer_("\r\n") {}

Result<void> MultipartReader::feed(std::string_view piece) {
    if (state_ == State::epilogue) return {};
    buffer_.append(piece);
    for (;;) {
        auto more = step();
        if (!more) return fail(std::move(more).error());
        if (!*more) break;
    }
    buffer_.erase(0, at_);
    at_ = 0;
    return {};
}

Result<void> MultipartReader::finish() const {
    if (state_ != State::epilogue) return broken("it ends before the closing boundary");
    return {};
}

/// True when it got on; false when it needs more input.
Result<bool> MultipartReader::step() {
    switch (state_) {
        case State::preamble:
            return step_preamble();
        case State::after_boundary:
            return step_after_boundary();
        case State::head:
            return step_head();
        case State::data:
            return step_data();
        case State::epilogue:
            break;
    }
    at_ = buffer_.size();
    return false;
}

Result<bool> MultipartReader::step_preamble() {
    const auto found = buffer_.find(delimiter_, at_);
    if (found == std::string::npos) {
        // What cannot be the start of a boundary any more is of no use.
        const auto keep = std::min(buffer_.size() - at_, delimiter_.size() - 1);
        at_ = buffer_.size() - keep;
        return false;
    }
    at_ = found + delimiter_.size();
    state_ = State::after_boundary;
    return true;
}

Result<bool> MultipartReader::step_after_boundary() {
    // Transport padding, then CRLF for a part or two dashes for the end.
    const auto rest = std::string_view(buffer_).substr(at_);
    if (rest.size() < 2) return false;
    if (rest.starts_with("--")) {
        state_ = State::epilogue;
        return true;
    }
    const auto text = rest.find_first_not_of(" \t");
    if (text == std::string_view::npos || rest.size() < text + 2) {
        if (rest.size() > 256) return broken("a boundary line is too long");
        return false;
    }
    if (rest.substr(text, 2) != "\r\n") return broken("something follows a boundary");
    if (++parts_ > limits_.parts) return fail(ErrorCode::too_large, "the form has too many parts");
    at_ += text + 2;
    state_ = State::head;
    return true;
}

Result<bool> MultipartReader::step_head() {
    const auto rest = std::string_view(buffer_).substr(at_);
    // A part without fields has its blank line at once.
    const auto end = rest.starts_with("\r\n") ? 0 : rest.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (rest.size() > limits_.head_bytes) {
            return fail(ErrorCode::too_large, "the head of a part is too large");
        }
        return false;
    }
    if (end > limits_.head_bytes) {
        return fail(ErrorCode::too_large, "the head of a part is too large");
    }
    auto begun = begin_part(rest.substr(0, end));
    if (!begun) return fail(std::move(begun).error());
    // The CRLF before the data may already belong to the next boundary of an empty part.
    at_ += end == 0 ? 0 : end + 2;
    state_ = State::data;
    skip_blank_ = true;
    return true;
}

Result<void> MultipartReader::begin_part(std::string_view head) {
    PartHead part;
    bool named = false;
    while (!head.empty()) {
        const auto end = std::min(head.find("\r\n"), head.size());
        const auto line = head.substr(0, end);
        head.remove_prefix(std::min(end + 2, head.size()));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) return broken("a field has no name");
        const auto name = line.substr(0, colon);
        auto value = line.substr(colon + 1);
        while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
        if (equal_without_case(name, "content-type")) part.content_type = value;
        if (!equal_without_case(name, "content-disposition")) continue;
        if (media_type(value) != "form-data") return broken("a part is no form-data");
        if (auto text = header_parameter(value, "name")) {
            part.name = std::move(*text);
            named = true;
        }
        part.filename = base_name(header_parameter(value, "filename").value_or(""));
    }
    if (!named) return broken("a part has no name");
    return sink_.on_part ? sink_.on_part(part) : Result<void>{};
}

Result<bool> MultipartReader::step_data() {
    if (skip_blank_) {
        // at_ stands on the blank line's CRLF. A boundary right behind the head shares it.
        const auto rest = std::string_view(buffer_).substr(at_);
        if (rest.size() < delimiter_.size() && delimiter_.starts_with(rest)) return false;
        if (!rest.starts_with(delimiter_)) at_ += 2;
        skip_blank_ = false;
    }
    const auto found = buffer_.find(delimiter_, at_);
    auto end = found;
    if (found == std::string::npos) {
        // Hold back only what may be the start of a boundary.
        const auto length = buffer_.size() - at_;
        auto keep = std::min(length, delimiter_.size() - 1);
        while (keep > 0 &&
               !delimiter_.starts_with(std::string_view(buffer_).substr(buffer_.size() - keep))) {
            --keep;
        }
        end = buffer_.size() - keep;
    }
    if (end > at_ && sink_.on_data) {
        auto taken = sink_.on_data(std::string_view(buffer_).substr(at_, end - at_));
        if (!taken) return fail(std::move(taken).error());
    }
    at_ = end;
    if (found == std::string::npos) return false;
    at_ = found + delimiter_.size();
    state_ = State::after_boundary;
    if (sink_.on_part_end) {
        auto ended = sink_.on_part_end();
        if (!ended) return fail(std::move(ended).error());
    }
    return true;
}

}  // namespace headrace::http
