#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>

#include "base/await.hpp"
#include "base/loop.hpp"
#include "base/task_group.hpp"

namespace headrace::protocols::fastchat {

/// Runs `call` on the core's loop and brings the Result it returns back to the calling one.
template <class T, class Call>
asio::awaitable<Result<T>> on_core(Loop& core, Call call) {
    auto start = [&core, call = std::move(call)](UniqueFunction<void(Result<T>)> done) mutable {
        core.dispatch([call = std::move(call), done = std::move(done)]() mutable { done(call()); });
    };
    return await_result<T>(std::move(start));
}

/// As above, for what takes a Done itself.
template <class T, class Start>
asio::awaitable<Result<T>> started_on_core(Loop& core, Start begin) {
    auto start = [&core, begin = std::move(begin)](UniqueFunction<void(Result<T>)> done) mutable {
        core.dispatch([begin = std::move(begin), done = std::move(done)]() mutable {
            begin(std::move(done));
        });
    };
    return await_result<T>(std::move(start));
}

}  // namespace headrace::protocols::fastchat
