#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>

#include "base/await.hpp"
#include "jobs/service.hpp"
#include "protocols/native/parts.hpp"

namespace headrace::protocols::native {

/// Runs `call` with the core, on its loop, and brings what it returns back to the calling one.
template <class T, class Call>
asio::awaitable<Result<T>> on_core(Site& site, Call call) {
    auto& service = site.parts.jobs;
    auto start = [&service, call = std::move(call)](UniqueFunction<void(Result<T>)> done) mutable {
        service.core_loop().dispatch(
            [&service, call = std::move(call), done = std::move(done)]() mutable {
                done(call(service.core()));
            });
    };
    return await_result<T>(std::move(start));
}

}  // namespace headrace::protocols::native
