#pragma once

#include <memory>

#include "http/route.hpp"
#include "protocols/native/parts.hpp"

namespace headrace::protocols::native {

/// Our own API under /api/v1 (docs/protocols/native.md). Stateless beyond its parts, so any number
/// of loops may serve it; make it before the doors and let it outlive them.
class Api {
  public:
    Api(Parts parts, Settings settings);
    ~Api();
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    /// Every route of the dialect; a door serves the classes it is for (client door: client and
    /// open; control door: worker, admin and open, and client). `with_console` says that sessions
    /// of the console are good here; the routes of callers are then for them alone.
    ///
    /// A request's context is its `const access::Principal`, or null where no key was needed.
    [[nodiscard]] http::Mount mount(bool with_console) const;

  private:
    struct Rooms;
    std::unique_ptr<Rooms> rooms_;
};

}  // namespace headrace::protocols::native
