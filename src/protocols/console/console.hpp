#pragma once

#include <map>
#include <span>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "http/route.hpp"
#include "protocols/console/assets.hpp"

namespace headrace::protocols::console {

namespace asio = boost::asio;

/// The page at /console/: files that came with the program, nothing else. Whoever may reach the
/// door gets them without a key; what the page shows it fetches through the native dialect.
///
/// A path that is no file of the page, and not below assets/, is a place inside the page and
/// answers with index.html. Immutable; any loop. Outlives the door of the mount.
class Console {
  public:
    explicit Console(std::span<const Asset> assets);

    http::Mount mount() const;
    [[nodiscard]] bool built() const { return !assets_.empty(); }

    /// The answer to a path below /console/, as the request's head accepts it.
    [[nodiscard]] http::Response find(std::string_view path, const http::HeaderView& headers) const;

  private:
    asio::awaitable<void> serve(http::Exchange& exchange) const;

    std::map<std::string_view, Asset> assets_;
};

/// By the path's ending; application/octet-stream for one that no page has.
std::string_view content_type_of(std::string_view path);

}  // namespace headrace::protocols::console
