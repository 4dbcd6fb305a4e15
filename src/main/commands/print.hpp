#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace headrace::main {

/// Rows under headings, aligned for people; numbers to the right. An empty table says so with
/// `empty`.
class Table {
  public:
    explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] std::string text(std::string_view empty) const;

  private:
    std::vector<std::string> headings_;
    std::vector<std::vector<std::string>> rows_;
};

/// "name  value" lines, values aligned.
std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs);

/// Indented JSON with a newline at the end.
std::string pretty_json(const json::value& value);

/// A scalar as people read it; "" for absent and null; JSON text for the rest.
std::string show(const json::value* value);
/// The member at a path such as "queue.position", or null.
const json::value* member(const json::value& value, std::string_view path);
std::string show(const json::value& value, std::string_view path);

/// "3 s", "2 min 5 s", "4 h": rounded for people.
std::string show_seconds(double seconds);
/// "88 kB", "1.2 MB".
std::string show_bytes(std::uint64_t bytes);
/// "2026-11-24 13:40:00" in local time from RFC 3339; the text itself when it is none.
std::string show_time(std::string_view rfc3339);

void print(std::string_view text);        // standard output
void print_error(std::string_view text);  // standard error, with a newline

/// One clear line, the violations, and what to do next. Gives the exit code that fits.
int report(const Error& error);
/// The same for what is wrong on this side: a file, an address. Always kUsage.
int report_misuse(const Error& error);

}  // namespace headrace::main
