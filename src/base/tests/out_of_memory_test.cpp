#include "base/out_of_memory.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(OutOfMemory, EndsTheProcessWithALine) {
    const auto take_too_much = [] {
        end_when_out_of_memory();
        volatile std::size_t size = std::numeric_limits<std::ptrdiff_t>::max() - 64;
        delete[] new char[size];
    };
    EXPECT_EXIT(take_too_much(), testing::ExitedWithCode(kOutOfMemoryExit), "out of memory");
}

}  // namespace
}  // namespace headrace
