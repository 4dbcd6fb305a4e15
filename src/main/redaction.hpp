#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace re2 {
class RE2;
}

namespace headrace::main {

/// Takes out of texts what must not be kept: every match of its patterns (RE2 syntax, linear time)
/// becomes "[redacted]". Thread-safe.
class Redaction {
  public:
    Redaction();
    Redaction(Redaction&&) noexcept;
    Redaction& operator=(Redaction&&) noexcept;
    ~Redaction();

    /// invalid_argument: a pattern that RE2 does not take, or that matches nothing at all.
    static Result<Redaction> make(const std::vector<std::string>& patterns);

    void apply(std::string& text) const;
    /// JSON text: each string in it as it is meant, whatever its escapes, and then the whole.
    /// Where there are patterns, what is no strict JSON (a key twice) is left out: its escapes
    /// could hide what a pattern looks for.
    [[nodiscard]] std::string apply_json(std::string_view text) const;

  private:
    std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

/// At most `most` bytes, without half a character at the end.
std::string_view cut_text(std::string_view text, std::size_t most);

}  // namespace headrace::main
