#include "access/sharded_map.hpp"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace headrace::access {
namespace {

using Map = ShardedMap<std::string, int, std::hash<std::string>, std::equal_to<>>;

std::map<std::string, int> all_of(const Map& map) {
    std::map<std::string, int> out;
    map.each([&out](const std::string& key, int value) { return out.emplace(key, value).second; });
    return out;
}

TEST(ShardedMap, IsWhatAPlainMapIs) {
    std::mt19937 random(7);
    Map map;
    std::map<std::string, int> plain;
    for (int round = 0; round < 200; ++round) {
        Map next = map;
        {
            Map::Changes changes(next);
            for (int i = 0; i < 20; ++i) {
                const auto key = std::to_string(random() % 500);
                if (random() % 3 == 0) {
                    changes.erase(key);
                    plain.erase(key);
                } else {
                    const int value = static_cast<int>(random());
                    changes.put(key, value);
                    plain[key] = value;
                }
                ASSERT_EQ(next.find(key) != nullptr, plain.contains(key));
            }
        }
        map = next;
        ASSERT_EQ(map.size(), plain.size());
        ASSERT_EQ(all_of(map), plain);
    }
}

TEST(ShardedMap, ACopyDoesNotSeeLaterChanges) {
    Map first;
    Map::Changes changes(first);
    for (int i = 0; i < 1'000; ++i) changes.put(std::to_string(i), i);
    const Map before = first;
    Map after = before;
    Map::Changes later(after);
    later.put("1", -1);
    later.put("new", 1);
    later.erase("2");
    EXPECT_EQ(*before.find("1"), 1);
    EXPECT_EQ(before.find("new"), nullptr);
    EXPECT_EQ(*before.find("2"), 2);
    EXPECT_EQ(before.size(), 1'000U);
    EXPECT_EQ(*after.find("1"), -1);
    EXPECT_EQ(after.find("2"), nullptr);
    EXPECT_EQ(after.size(), 1'000U);
    // What was not changed is not copied.
    std::size_t shared = 0;
    before.each([&](const std::string& key, const int& value) {
        shared += after.find(key) == &value ? 1U : 0U;
        return true;
    });
    EXPECT_GT(shared, 900U);
}

TEST(ShardedMap, EachEndsWhenTold) {
    Map map;
    Map::Changes changes(map);
    for (int i = 0; i < 100; ++i) changes.put(std::to_string(i), i);
    int seen = 0;
    map.each([&seen](const std::string&, int) { return ++seen < 10; });
    EXPECT_EQ(seen, 10);
}

}  // namespace
}  // namespace headrace::access
