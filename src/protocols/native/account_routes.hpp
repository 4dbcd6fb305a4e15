#pragma once

#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/directory.hpp"
#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

/// /tenants, /apps and /users: the records that keys belong to, three times the same routes.
class AccountRoutes {
  public:
    explicit AccountRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    using Kind = access::AccountKind;
    struct Place {
        TenantId tenant;
        std::string name;
    };
    void add_kind(RouteList& routes, Kind kind);
    [[nodiscard]] Result<Place> place_of(const http::Exchange& exchange, Kind kind) const;
    asio::awaitable<Reply> create(http::Exchange& exchange, Kind kind);
    asio::awaitable<Reply> list(http::Exchange& exchange, Kind kind);
    asio::awaitable<Reply> get(http::Exchange& exchange, Kind kind);
    asio::awaitable<Reply> update(http::Exchange& exchange, Kind kind);
    asio::awaitable<Reply> remove(http::Exchange& exchange, Kind kind);

    Site& site_;
};

}  // namespace headrace::protocols::native
