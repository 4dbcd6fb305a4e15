#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace headrace::catalog {

/// A place inside a value, as a chain on the stack: its text is made only when a rule is violated.
struct PathNode {
    const PathNode* parent = nullptr;
    std::string_view name;
    std::ptrdiff_t index = -1;  // >= 0: an item of a list, `name` is empty

    [[nodiscard]] PathNode at(std::string_view member) const { return {this, member, -1}; }
    [[nodiscard]] PathNode at(std::size_t item) const {
        return {this, {}, static_cast<std::ptrdiff_t>(item)};
    }
    /// "input.lines[3].score". A name that is no field name (it is a client's text) shows as "?".
    [[nodiscard]] std::string text() const;
};

/// Gathers violations up to a limit. With limit 0 it only says whether there was one.
class Findings {
  public:
    explicit Findings(std::size_t limit) : limit_(limit) {}
    void add(const PathNode& path, std::string_view rule, std::string bound = {});
    [[nodiscard]] bool any() const { return any_; }
    /// Nothing more will be kept: stop looking.
    [[nodiscard]] bool full() const { return any_ && violations_.size() >= limit_; }
    /// invalid_argument; `subject` begins the message, e.g. "the input".
    [[nodiscard]] Error error(std::string_view subject) &&;

  private:
    std::size_t limit_;
    bool any_ = false;
    std::vector<Violation> violations_;
};

}  // namespace headrace::catalog
