#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "http/exchange.hpp"

namespace headrace::protocols::native {

namespace asio = boost::asio;

/// The body as one JSON object: unsupported_media unless it says it is JSON, invalid_argument with
/// the violated rule otherwise.
asio::awaitable<Result<json::object>> read_object(http::Exchange& exchange, std::uint64_t limit);
/// The same where the body has come already: no coroutine. nullopt: ask read_object().
std::optional<Result<json::object>> object_at_hand(http::Exchange& exchange, std::uint64_t limit);

/// Reads the members of one object, gathers every fault with its path, and at the end knows which
/// members nobody asked for. Views point into the object, which must outlive them.
class FieldReader {
  public:
    /// `root` begins the paths: "" or "input", …
    explicit FieldReader(const json::object& object, std::string root = {});

    std::optional<std::string_view> text(std::string_view name, std::size_t max_length);
    std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
    /// A number of seconds above zero, as milliseconds.
    std::optional<std::int64_t> seconds(std::string_view name, std::int64_t max_seconds);
    std::optional<bool> boolean(std::string_view name);
    std::optional<WallMs> time(std::string_view name);
    const json::object* object(std::string_view name);
    std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t max_items,
                                                  std::size_t max_length);
    /// The raw member, or null.
    const json::value* any(std::string_view name);

    void require(std::string_view name);
    void add(std::string_view name, std::string rule, std::string limit = {});
    /// Call last: adds unknown members, then gives what was found wrong, `message` in front.
    Result<void> finish(std::string_view message);

  private:
    const json::value* take(std::string_view name);

    const json::object& object_;
    std::string root_;
    std::vector<std::string_view> asked_;
    std::vector<Violation> violations_;
};

}  // namespace headrace::protocols::native
