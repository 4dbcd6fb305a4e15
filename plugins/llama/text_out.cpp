#include "text_out.hpp"

#include <algorithm>

namespace headrace::llama {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// How many bytes a character takes that begins with this one; 0 = none does.
std::size_t length_of(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 0;
}

/// Whether `byte` may stand at `at` (1 to 3) behind this lead: no overlong forms, no surrogates,
/// nothing above U+10FFFF.
bool may_follow(unsigned char lead, std::size_t at, unsigned char byte) {
    if (byte < 0x80 || byte > 0xBF) return false;
    if (at > 1) return true;
    switch (lead) {
        case 0xE0:
            return byte >= 0xA0;
        case 0xED:
            return byte <= 0x9F;
        case 0xF0:
            return byte >= 0x90;
        case 0xF4:
            return byte <= 0x8F;
        default:
            return true;
    }
}

}  // namespace

void Utf8Splitter::feed(std::string_view bytes, std::string& text) {
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (!held_.empty()) {
            const auto lead = static_cast<unsigned char>(held_[0]);
            if (may_follow(lead, held_.size(), byte)) {
                held_ += c;
                if (held_.size() == length_of(lead)) {
                    text += held_;
                    held_.clear();
                }
                continue;
            }
            text += kReplacement;
            held_.clear();
        }
        switch (length_of(byte)) {
            case 0:
                text += kReplacement;
                break;
            case 1:
                text += c;
                break;
            default:
                held_ = c;
        }
    }
}

void Utf8Splitter::finish(std::string& text) {
    if (!held_.empty()) text += kReplacement;
    held_.clear();
}

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
    std::erase_if(stops_, [](const auto& stop) { return stop.empty(); });
}

bool StopMatcher::feed(std::string_view text, std::string& out) {
    held_ += text;
    std::size_t first = std::string::npos;
    for (const auto& stop : stops_) first = std::min(first, held_.find(stop));
    if (first != std::string::npos) {
        let_go(first, out);
        held_.clear();
        return true;
    }
    // The longest end of what is held that begins a stop.
    std::size_t keep = 0;
    for (const auto& stop : stops_) {
        std::size_t length = std::min(stop.size() - 1, held_.size());
        while (length > keep && !held_.ends_with(std::string_view(stop).substr(0, length)))
            --length;
        keep = std::max(keep, length);
    }
    let_go(held_.size() - keep, out);
    return false;
}

void StopMatcher::finish(std::string& out) {
    let_go(held_.size(), out);
}

void StopMatcher::let_go(std::size_t count, std::string& out) {
    out.append(held_, 0, count);
    held_.erase(0, count);
    let_out_ += count;
}

bool TextOut::feed(std::string_view bytes, std::string entry, Piece& out) {
    std::string text;
    splitter_.feed(bytes, text);
    const std::size_t begin = split_;
    split_ += text.size();
    if (!entry.empty()) waiting_.push_back({begin, split_, std::move(entry)});
    stopped_ = stops_.feed(text, out.text);
    if (stopped_) {
        std::erase_if(waiting_, [&](const auto& one) { return one.begin >= stops_.let_out(); });
        for (auto& one : waiting_) out.entries.push_back(std::move(one.entry));
        waiting_.clear();
    } else {
        release(out);
    }
    return stopped_;
}

void TextOut::finish(Piece& out) {
    if (stopped_) return;
    std::string text;
    splitter_.finish(text);
    split_ += text.size();
    // The end of a character that never came whole cannot complete a stop.
    stops_.feed(text, out.text);
    stops_.finish(out.text);
    release(out);
}

void TextOut::release(Piece& out) {
    while (!waiting_.empty() && waiting_.front().end <= stops_.let_out()) {
        out.entries.push_back(std::move(waiting_.front().entry));
        waiting_.pop_front();
    }
}

}  // namespace headrace::llama
