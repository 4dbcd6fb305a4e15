#include "http/chunk_decoder.hpp"

#include <algorithm>

#include "http/message.hpp"

namespace headrace::http {
namespace {

constexpr std::size_t kMaxExtras = 8 * 1024;
constexpr unsigned kMaxDigits = 15;  // no size that could overflow, leading zeros counted

bool is_text(char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

}  // namespace

ChunkDecoder::Piece ChunkDecoder::next(std::string_view input) {
    Piece piece;
    while (piece.consumed < input.size() && state_ != State::done && state_ != State::broken) {
        if (state_ == State::data) {
            const auto length = static_cast<std::size_t>(
                std::min<std::uint64_t>(left_, input.size() - piece.consumed));
            piece.data = input.substr(piece.consumed, length);
            piece.consumed += length;
            left_ -= length;
            if (left_ == 0) state_ = State::data_cr;
            break;
        }
        state_ = step(input[piece.consumed++]);
    }
    piece.done = state_ == State::done;
    piece.broken = state_ == State::broken;
    return piece;
}

ChunkDecoder::State ChunkDecoder::step(char c) {
    switch (state_) {
        case State::size:
            return take_size(c);
        case State::padding:
            if (c == ' ' || c == '\t')
                return ++extras_ > kMaxExtras ? State::broken : State::padding;
            return c == ';' ? State::extension : State::broken;
        case State::extension:
            if (c == '\r') return State::size_lf;
            return is_text(c) && ++extras_ <= kMaxExtras ? State::extension : State::broken;
        case State::size_lf:
            return c == '\n' ? end_of_size() : State::broken;
        case State::data_cr:
            return c == '\r' ? State::data_lf : State::broken;
        case State::data_lf:
            digits_ = 0;
            return c == '\n' ? State::size : State::broken;
        case State::trailer:
            if (c == '\r') return State::trailer_lf;
            trailer_.push_back(c);
            return is_text(c) && ++extras_ <= kMaxExtras ? State::trailer : State::broken;
        case State::trailer_lf:
            return c == '\n' ? end_of_trailer() : State::broken;
        case State::data:
        case State::done:
        case State::broken:
            break;
    }
    return State::broken;
}

ChunkDecoder::State ChunkDecoder::take_size(char c) {
    unsigned digit = 16;
    if (c >= '0' && c <= '9')
        digit = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
        digit = static_cast<unsigned>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
        digit = static_cast<unsigned>(c - 'A' + 10);
    if (digit < 16) {
        if (++digits_ > kMaxDigits) return State::broken;
        left_ = left_ * 16 + digit;
        return State::size;
    }
    if (digits_ == 0) return State::broken;
    if (c == '\r') return State::size_lf;
    if (c == ';') return State::extension;
    return c == ' ' || c == '\t' ? State::padding : State::broken;
}

ChunkDecoder::State ChunkDecoder::end_of_size() {
    return left_ > 0 ? State::data : State::trailer;
}

ChunkDecoder::State ChunkDecoder::end_of_trailer() {
    if (trailer_.empty()) return State::done;
    const std::string_view line = trailer_;
    const auto name = line.substr(0, line.find(':'));
    const bool framing = equal_without_case(name, "content-length") ||
                         equal_without_case(name, "transfer-encoding") ||
                         equal_without_case(name, "host");
    if (framing || name.size() == line.size() || !is_token(name)) return State::broken;
    trailer_.clear();
    return State::trailer;
}

}  // namespace headrace::http
