#include "base/out_of_memory.hpp"

#include <limits>
#include <new>

#include <gtest/gtest.h>

namespace headrace {
namespace {

// The sanitizers bring an operator new of their own, which reports and never asks the handler.
#if defined(__has_feature)  // clang's word for it
#define HEADRACE_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEADRACE_SANITIZED 1
#else
#define HEADRACE_SANITIZED 0
#endif
#if HEADRACE_SANITIZED
constexpr bool kNewAsksHandler = false;
#else
constexpr bool kNewAsksHandler = true;
#endif

TEST(OutOfMemory, EndsTheProcessWithALine) {
    const auto take_too_much = [] {
        end_when_out_of_memory();
        if (!kNewAsksHandler) std::get_new_handler()();
        volatile std::size_t size = std::numeric_limits<std::ptrdiff_t>::max() - 64;
        delete[] new char[size];
    };
    EXPECT_EXIT(take_too_much(), testing::ExitedWithCode(kOutOfMemoryExit), "out of memory");
}

}  // namespace
}  // namespace headrace
