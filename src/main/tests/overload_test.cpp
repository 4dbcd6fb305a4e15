#include "main/overload.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace headrace::main {
namespace {

ResourceUses at(std::uint64_t memory, std::uint64_t descriptors = 0, std::uint64_t queue = 0) {
    return {{{memory, 1000}, {descriptors, 1000}, {queue, 1000}}};
}

std::vector<std::pair<OverloadAction, bool>> changes(Overload& overload, const ResourceUses& uses) {
    std::vector<std::pair<OverloadAction, bool>> out;
    const auto changed = overload.look(uses);
    for (std::size_t i = 0; i < changed.count; ++i) {
        out.emplace_back(changed.list.at(i).action, changed.list.at(i).on);
    }
    return out;
}

using Action = OverloadAction;

TEST(OverloadTest, ActionsGoOnOneAfterTheOtherAndReadinessLast) {
    Overload overload;
    const std::vector<std::pair<std::uint64_t, Action>> steps{{850, Action::close_idle},
                                                              {900, Action::shed_streams},
                                                              {950, Action::stop_accepting_jobs},
                                                              {1000, Action::not_ready}};
    for (const auto& [used, action] : steps) {
        EXPECT_TRUE(changes(overload, at(used - 1)).empty()) << used;
        EXPECT_FALSE(overload.is_on(action));
        const auto changed = changes(overload, at(used));
        ASSERT_EQ(changed.size(), 1U) << used;
        EXPECT_EQ(changed[0], std::pair(action, true));
        EXPECT_TRUE(overload.is_on(action));
    }
}

TEST(OverloadTest, NothingFlutters) {
    Overload overload;
    EXPECT_EQ(changes(overload, at(960)).size(), 3U);
    EXPECT_TRUE(changes(overload, at(940)).empty()) << "still within the slack";
    EXPECT_TRUE(changes(overload, at(901)).empty());
    const auto first = changes(overload, at(890));
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0], std::pair(Action::stop_accepting_jobs, false));
    EXPECT_EQ(changes(overload, at(0)).size(), 2U);
}

TEST(OverloadTest, TheScarcestResourceDecides) {
    Overload overload;
    EXPECT_EQ(changes(overload, at(100, 840, 910)).size(), 2U);
    EXPECT_EQ(overload.worst(), Resource::queue_bytes);
    EXPECT_DOUBLE_EQ(overload.pressure(Resource::descriptors), 0.84);
    EXPECT_EQ(changes(overload, at(100, 840, 0)).size(), 1U);
    EXPECT_TRUE(overload.is_on(Action::close_idle));
    EXPECT_FALSE(overload.is_on(Action::shed_streams));
}

TEST(OverloadTest, WhatHasNoLimitIsNotWatched) {
    Overload overload;
    EXPECT_TRUE(changes(overload, {{{5000, 0}, {0, 1000}, {9999, 0}}}).empty());
}

}  // namespace
}  // namespace headrace::main
