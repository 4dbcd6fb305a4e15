#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"

namespace headrace::access {

/// A part of one window's budget, asked for by one server.
struct ShareAsk {
    std::string counter;       // "key/acme/k3…/requests_per_minute"
    WallMs starts = 0;         // of the window
    WallMs ends = 0;           // it may be forgotten after this
    std::uint64_t limit = 0;   // of all servers together in this window
    std::uint64_t want = 0;    // at most this much is granted
    std::uint64_t charge = 0;  // used beyond an earlier share: counted whatever the limit
};

struct Share {
    std::uint64_t granted = 0;  // 0 to want
    std::uint64_t taken = 0;  // by all servers, this grant and charge included; may pass the limit
};

/// Counters that several servers share. What is granted over all asks of one window never passes
/// its limit: `granted = min(want, max(0, limit - taken))`, in one step however many ask. Callable
/// from any thread; answers in the order of the asks, on the calling loop, or on a thread of the
/// store's where there is none. `unavailable` when the store is away: then nothing, or all, of it
/// was counted.
class CounterStore {
  public:
    virtual ~CounterStore() = default;
    virtual void take(std::vector<ShareAsk> asks,
                      UniqueFunction<void(Result<std::vector<Share>>)> done) = 0;
};

}  // namespace headrace::access
