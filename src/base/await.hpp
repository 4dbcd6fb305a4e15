#pragma once

#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"

namespace headrace {

/// Awaits what answers by callback: `start` is called with a UniqueFunction<void(Result<T>)>, which
/// may be called from any thread, once. The awaiting coroutine goes on on its own Loop; call from a
/// Loop's thread only. Cancelling the coroutine does not cancel the call.
template <class T, class Start>
asio::awaitable<Result<T>> await_result(Start start) {
    auto initiate = [](auto handler, Start begin, Loop* home) {
        begin(UniqueFunction<void(Result<T>)>(
            [handler = std::move(handler), home](Result<T> result) mutable {
                if (home->is_current()) return std::move(handler)(std::move(result));
                home->post([handler = std::move(handler), result = std::move(result)]() mutable {
                    std::move(handler)(std::move(result));
                });
            }));
    };
    // Deferred, the operation needs no coroutine frame of its own.
    auto answer = asio::async_initiate<const asio::deferred_t, void(Result<T>)>(
        initiate, asio::deferred, std::move(start), Loop::current());
    co_return co_await std::move(answer);
}

}  // namespace headrace
