#pragma once

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/chunk_decoder.hpp"

namespace headrace::bench {

/// One answer as it comes in: its status, and where it ends.
class Answer {
  public:
    explicit Answer(const std::string& event) : event_(event) {}

    /// False when it cannot be understood.
    bool feed(std::string_view piece) {
        if (!head_done_) {
            head_.append(piece);
            const auto end = head_.find("\r\n\r\n");
            if (end == std::string::npos) return head_.size() < 64 * 1024;
            if (!read_head(std::string_view(head_).substr(0, end + 2))) return false;
            head_done_ = true;
            const std::string rest = head_.substr(end + 4);
            return take_body(rest);
        }
        return take_body(piece);
    }
    [[nodiscard]] bool done() const { return head_done_ && done_; }
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] bool closes() const { return closes_; }
    [[nodiscard]] bool empty() const { return head_.empty(); }
    [[nodiscard]] std::uint64_t events() const { return events_; }

    void reset() {
        head_.clear();
        tail_.clear();
        chunks_ = http::ChunkDecoder();
        head_done_ = done_ = chunked_ = closes_ = false;
        left_ = events_ = 0;
    }

  private:
    bool read_head(std::string_view head) {
        if (head.size() < 12 || !head.starts_with("HTTP/1.")) return false;
        std::from_chars(head.data() + 9, head.data() + 12, status_);
        std::size_t at = head.find("\r\n") + 2;
        while (at < head.size()) {
            const auto end = head.find("\r\n", at);
            take_field(head.substr(at, end - at));
            at = end + 2;
        }
        done_ = !chunked_ && left_ == 0;
        return true;
    }

    void take_field(std::string_view line) {
        const auto value_of = [line](std::string_view name) {
            if (line.size() <= name.size() || line[name.size()] != ':') return std::string_view();
            if (strncasecmp(line.data(), name.data(), name.size()) != 0) return std::string_view();
            const auto value = line.substr(name.size() + 1);
            return value.substr(std::min(value.find_first_not_of(' '), value.size()));
        };
        if (const auto length = value_of("content-length"); !length.empty())
            std::from_chars(length.data(), length.data() + length.size(), left_);
        if (value_of("transfer-encoding") == "chunked") chunked_ = true;
        if (value_of("connection") == "close") closes_ = true;
    }

    bool take_body(std::string_view piece) {
        if (!chunked_) {
            if (piece.size() > left_) return false;
            count_events(piece);
            left_ -= piece.size();
            done_ = left_ == 0;
            return true;
        }
        while (!piece.empty() && !done_) {
            const auto got = chunks_.next(piece);
            if (got.broken) return false;
            count_events(got.data);
            done_ = got.done;
            piece.remove_prefix(got.consumed);
        }
        return piece.empty();
    }

    void count_events(std::string_view data) {
        if (event_.empty() || data.empty()) return;
        tail_.append(data);
        std::size_t at = 0;
        for (auto found = tail_.find(event_); found != std::string::npos;
             found = tail_.find(event_, at)) {
            ++events_;
            at = found + event_.size();
        }
        // What may be the beginning of a name that the next piece ends.
        const std::size_t kept = std::min(event_.size() - 1, tail_.size() - at);
        tail_.erase(0, tail_.size() - kept);
    }

    const std::string& event_;
    std::string head_;
    std::string tail_;
    http::ChunkDecoder chunks_;
    std::uint64_t left_ = 0;
    std::uint64_t events_ = 0;
    int status_ = 0;
    bool head_done_ = false;
    bool done_ = false;
    bool chunked_ = false;
    bool closes_ = false;
};

}  // namespace headrace::bench
