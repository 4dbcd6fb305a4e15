#pragma once

#include <memory>

#include "http/route.hpp"
#include "protocols/openai/parts.hpp"

namespace headrace::protocols::openai {

/// The OpenAI dialect under /v1 (docs/protocols/openai.md). Stateless beyond its parts and the
/// batches that it runs, so any number of loops may serve it; make it before the doors and let it
/// outlive them.
class Api {
  public:
    Api(Parts parts, Settings settings);
    ~Api();
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    /// All routes are of the class client. A request's context is a `const Context`.
    [[nodiscard]] http::Mount mount() const;

    /// Takes up the batches of an earlier life. On the core's loop, once it runs.
    void resume();
    /// Ends what runs beside requests; before the core drains, on its loop.
    void stop();

  private:
    struct Rooms;
    std::unique_ptr<Rooms> rooms_;
};

}  // namespace headrace::protocols::openai
