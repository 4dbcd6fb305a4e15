#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::llama {

/// Turns the bytes of tokens, which may end inside a character, into valid UTF-8. What can never
/// become a character is replaced by U+FFFD.
class Utf8Splitter {
  public:
    /// Appends to `text` the characters that are whole by now.
    void feed(std::string_view bytes, std::string& text);
    /// Appends U+FFFD if a character was left unfinished.
    void finish(std::string& text);

  private:
    std::string held_;  // at most three bytes of a character that has begun
};

/// Finds the first of several texts in a text that comes in pieces, without ever letting go of what
/// may be the beginning of one.
class StopMatcher {
  public:
    /// Empty texts are left out.
    explicit StopMatcher(std::vector<std::string> stops);
    /// Appends to `out` what is certain to stand before any stop. True when one was found; what
    /// follows it is dropped, and nothing may be fed any more.
    bool feed(std::string_view text, std::string& out);
    /// Appends what was held back: no more text comes.
    void finish(std::string& out);
    /// Bytes let out so far.
    [[nodiscard]] std::size_t let_out() const { return let_out_; }

  private:
    void let_go(std::size_t count, std::string& out);

    std::vector<std::string> stops_;
    std::string held_;
    std::size_t let_out_ = 0;
};

/// The text of one generation and, beside it, one entry per token (log probabilities): an entry
/// comes out with the text of its token, never before it, and not at all behind a stop.
class TextOut {
  public:
    explicit TextOut(std::vector<std::string> stops) : stops_(std::move(stops)) {}
    struct Piece {
        std::string text;
        std::vector<std::string> entries;
    };
    /// True when a stop was found. `entry` may be empty: there is none.
    bool feed(std::string_view bytes, std::string entry, Piece& out);
    /// No more comes: lets out what was held back, unless a stop was found.
    void finish(Piece& out);

  private:
    struct Waiting {
        std::size_t begin;  // of the token's text
        std::size_t end;
        std::string entry;
    };
    void release(Piece& out);

    Utf8Splitter splitter_;
    StopMatcher stops_;
    bool stopped_ = false;
    std::size_t split_ = 0;  // bytes of whole characters so far
    std::deque<Waiting> waiting_;
};

}  // namespace headrace::llama
