#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

/// /session: signing in to the console, with a one-time link or a key, and out again. On the
/// control door.
class SignInRoutes {
  public:
    explicit SignInRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> sign_in(http::Exchange& exchange);
    asio::awaitable<Reply> show(http::Exchange& exchange);
    asio::awaitable<Reply> sign_out(http::Exchange& exchange);
    asio::awaitable<Reply> make_link(http::Exchange& exchange);

    Site& site_;
};

}  // namespace headrace::protocols::native
