#pragma once

#include <cstdint>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/limits.hpp"

namespace headrace::access {

/// Limiter::admit(), and where that says `unavailable` (counters are shared, and this server has no
/// share yet) it waits for one. On a Loop; `who` must outlive it. Costs nothing more than a call
/// when written as
///
///     auto permit = limiter.admit(who, model, tokens);
///     if (must_wait(permit)) permit = co_await admit_with_share(limiter, who, model, tokens);
boost::asio::awaitable<Result<Permit>> admit_with_share(Limiter& limiter, const Principal& who,
                                                        std::string model, std::uint64_t tokens);

inline bool must_wait(const Result<Permit>& permit) {
    return !permit && permit.error().code == ErrorCode::unavailable;
}

}  // namespace headrace::access
