#include "base/unique_function.hpp"

#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(UniqueFunction, HoldsWhatCanOnlyBeMoved) {
    auto small = std::make_unique<int>(7);
    UniqueFunction<int(int)> add = [small = std::move(small)](int more) { return *small + more; };
    UniqueFunction<int(int)> moved = std::move(add);
    EXPECT_FALSE(add);
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved(1), 8);
    moved = nullptr;
    EXPECT_FALSE(moved);
}

TEST(UniqueFunction, LargeOnesMoveToo) {
    std::array<std::string, 8> words;
    words[7] = "a text that is longer than a string holds by itself";
    UniqueFunction<std::size_t()> size = [words] { return words[7].size(); };
    UniqueFunction<std::size_t()> other;
    other = std::move(size);
    EXPECT_FALSE(size);
    EXPECT_EQ(other(), words[7].size());
}

TEST(UniqueFunction, EndsWhatItHoldsOnce) {
    for (const bool large : {false, true}) {
        const auto counted = std::make_shared<int>(0);
        {
            UniqueFunction<void()> first;
            if (large)
                first = [counted, room = std::array<char, 128>()] { (void)room; };
            else
                first = [counted] {};
            UniqueFunction<void()> second = std::move(first);
            UniqueFunction<void()> third = [counted] {};
            EXPECT_EQ(counted.use_count(), 3);
            third = std::move(second);
            EXPECT_EQ(counted.use_count(), 2);
        }
        EXPECT_EQ(counted.use_count(), 1);
    }
}

TEST(UniqueFunction, WhatItLetsGoMayAssignItAgain) {
    struct Again {
        UniqueFunction<int()>* to;
        explicit Again(UniqueFunction<int()>* to_) : to(to_) {}
        Again(Again&& other) noexcept : to(std::exchange(other.to, nullptr)) {}
        ~Again() {
            if (to != nullptr) *to = [] { return 3; };
        }
        int operator()() const { return 1; }
    };
    UniqueFunction<int()> function = Again(&function);
    EXPECT_EQ(function(), 1);
    function = [] { return 2; };
    EXPECT_EQ(function(), 3);
}

}  // namespace
}  // namespace headrace
