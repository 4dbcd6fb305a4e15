#pragma once

#include <utility>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"

namespace headrace::access {

/// An answer that is known at once still arrives after the call, as every other does.
template <class T>
void reply_later(UniqueFunction<void(Result<T>)> done, Result<T> result) {
    Loop* const loop = Loop::current();
    if (loop == nullptr) {
        done(std::move(result));
        return;
    }
    loop->post([done = std::move(done), result = std::move(result)]() mutable {
        done(std::move(result));
    });
}

}  // namespace headrace::access
