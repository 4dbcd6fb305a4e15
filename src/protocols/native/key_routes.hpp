#pragma once

#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/keys.hpp"
#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

/// /keys: made, listed, shown, changed, rotated and revoked. A secret leaves only in the answer to
/// POST.
class KeyRoutes {
  public:
    explicit KeyRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    Result<access::KeySpec> read_spec(const json::object& body, const access::Principal& who) const;
    std::optional<access::KeyRecord> find(const http::Exchange& exchange) const;
    asio::awaitable<Reply> create(http::Exchange& exchange);
    asio::awaitable<Reply> list(http::Exchange& exchange);
    asio::awaitable<Reply> get(http::Exchange& exchange);
    asio::awaitable<Reply> update(http::Exchange& exchange);
    asio::awaitable<Reply> rotate(http::Exchange& exchange);
    asio::awaitable<Reply> revoke(http::Exchange& exchange);

    Site& site_;
};

}  // namespace headrace::protocols::native
