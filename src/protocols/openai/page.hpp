#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http/exchange.hpp"

namespace headrace::protocols::openai {

/// How a list is asked for: limit 1 to 100 (20), order asc or desc (desc), after or before an id.
struct Page {
    std::uint32_t limit = 20;
    bool oldest_first = false;
    std::optional<std::string> after;
};
/// `most`: of limit; files allow more than other lists.
Result<Page> read_page(const http::Exchange& exchange, std::uint32_t most = 100,
                       std::uint32_t usual = 20);

/// Puts `{"object":"list","data":[…],"first_id","last_id","has_more"}` around rendered objects.
class ListAnswer {
  public:
    void add(const std::string& id, const std::string& object);
    [[nodiscard]] std::string finish(bool more) const;

  private:
    std::string data_;
    std::string first_;
    std::string last_;
};

}  // namespace headrace::protocols::openai
