#pragma once

#include <string_view>

namespace headrace::stores {

/// SQL text. Only a literal becomes one (the constructor runs at compile time alone), so no value
/// can ever be pasted into a statement: values are bound.
class Sql {
  public:
    consteval Sql(const char* literal) : text_(literal) {}  // NOLINT: converts from literals
    [[nodiscard]] constexpr std::string_view text() const { return text_; }

  private:
    std::string_view text_;
};

}  // namespace headrace::stores
