#pragma once
// Internal: the walk over JSON text that json_scan is made of.

#include <optional>
#include <string_view>

#include "base/json_scan.hpp"

namespace headrace {

Error scan_error(std::string rule, std::string message, std::size_t at, std::string limit = {});

/// The 16 bits of the four hexadecimal digits at `at`, or -1.
int hex4(std::string_view text, std::size_t at);
inline bool is_high_surrogate(int unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}
inline bool is_low_surrogate(int unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

/// Walks over JSON text without keeping anything of it. What fails is remembered, not handed up:
/// an Error costs more than the value it stands beside.
class JsonWalk {
  public:
    JsonWalk(std::string_view text, const JsonLimits& limits, JsonWatcher* watcher = nullptr)
        : text_(text), limits_(limits), watcher_(watcher) {}

    std::size_t at = 0;

    void blanks() {
        while (at < text_.size() && static_cast<unsigned char>(text_[at]) <= ' ') {
            const char c = text_[at];
            if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
            ++at;
        }
    }
    [[nodiscard]] char peek() const { return at < text_.size() ? text_[at] : '\0'; }
    bool take(char c) {
        const bool there = at < text_.size() && text_[at] == c;
        at += there ? 1 : 0;
        return there;
    }
    [[nodiscard]] bool at_end() const { return at >= text_.size(); }
    [[nodiscard]] Error broken() const;
    [[nodiscard]] Error too_deep() const;
    /// Why string(), value() or whole() has failed.
    [[nodiscard]] Error error() const;

    bool string();
    std::optional<JsonKind> value(std::size_t depth);
    /// Steps over a value of text that is known to be sound.
    std::optional<JsonKind> skip();
    /// The text is one value and nothing else.
    bool whole();

  private:
    enum class Wrong : unsigned char { syntax, depth, surrogate };

    bool wrong(Wrong what) {
        wrong_ = what;
        return false;
    }
    bool escape();
    bool number();
    bool word(std::string_view wanted);
    bool nested(std::size_t depth);
    bool key(std::size_t depth);

    std::string_view text_;
    JsonLimits limits_;
    JsonWatcher* watcher_;
    Wrong wrong_ = Wrong::syntax;
};

/// Finds what parse_json() refuses and the walk alone does not see. In doubt it finds something.
class PlainWatcher final : public JsonWatcher {
  public:
    [[nodiscard]] bool plain() const { return plain_; }
    void object(std::size_t depth) override;
    void key(std::size_t depth, std::string_view raw, std::string_view rest) override;
    void odd_number() override { plain_ = false; }

  private:
    struct Key {
        std::size_t depth;
        std::string_view raw;
    };
    std::vector<Key> keys_;  // of the objects that are open, the outermost first
    bool plain_ = true;
};

}  // namespace headrace
