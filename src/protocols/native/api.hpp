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

    /// Every route of the dialect. Give the same to each door: a door serves the classes it is for
    /// (client door: client and open; control door: worker, admin and open).
    ///
    /// A request's context is its `const access::Principal`, or null where no key was needed.
    [[nodiscard]] http::Mount mount() const;

  private:
    struct Rooms;
    std::unique_ptr<Rooms> rooms_;
};

}  // namespace headrace::protocols::native
