#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/loop.hpp"
#include "jobs/activity.hpp"
#include "jobs/core.hpp"

namespace headrace::main {

namespace asio = boost::asio;

/// Closes a step of the samples every five seconds. On the core's loop.
class Sampler {
  public:
    Sampler(jobs::Core& core, jobs::Activity& activity, Loop& core_loop)
        : core_(core), activity_(activity), loop_(core_loop) {}

    asio::awaitable<void> run();

  private:
    jobs::Core& core_;
    jobs::Activity& activity_;
    Loop& loop_;
};

}  // namespace headrace::main
