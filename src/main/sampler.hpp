#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/loop.hpp"
#include "jobs/activity.hpp"
#include "jobs/core.hpp"

namespace headrace::main {

namespace asio = boost::asio;

/// Closes a step of the samples every five seconds; when a step has brought no job after others
/// had, gives what memory they left back to the system. On the core's loop.
class Sampler {
  public:
    Sampler(jobs::Core& core, jobs::Activity& activity, Loop& core_loop)
        : core_(core), activity_(activity), loop_(core_loop) {}

    asio::awaitable<void> run();

  private:
    void release_memory();

    jobs::Core& core_;
    jobs::Activity& activity_;
    Loop& loop_;
    std::uint64_t accepted_ = 0;  // jobs, as of the last step
    std::uint64_t held_ = 0;      // bytes of jobs, as of the last release
    bool released_ = false;
};

}  // namespace headrace::main
