#include "catalog/model_table.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace headrace::catalog {
namespace {

VersionPtr version_of(const std::string& tenant, const std::string& model) {
    auto version = std::make_shared<Version>();
    version->tenant = TenantId(tenant);
    version->model = model;
    return version;
}

TEST(ModelTable, IsEmptyAtFirst) {
    ModelTable table;
    EXPECT_EQ(table.find(TenantId("acme"), "m"), nullptr);
    table.erase(TenantId("acme"), "m");
    EXPECT_EQ(table.size(), 0U);
}

/// Few names, so that places collide, are taken away and are taken again: what is there and what is
/// not is as in a map.
TEST(ModelTable, FindsWhatAMapWouldFind) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::minstd_rand random(seed + 1);
        const auto names = static_cast<unsigned>(4 + random() % 200);
        ModelTable table;
        std::map<std::pair<std::string, std::string>, VersionPtr> map;
        for (int step = 0; step < 2'000; ++step) {
            const std::string tenant(1, static_cast<char>('a' + random() % 3));
            const std::string model = "m" + std::to_string(random() % names);
            if (random() % 2 == 0) {
                auto version = version_of(tenant, model);
                map[{tenant, model}] = version;
                table.put(std::move(version));
            } else {
                map.erase({tenant, model});
                table.erase(TenantId(tenant), model);
            }
            ASSERT_EQ(table.size(), map.size());
            if (step % 50 != 0) continue;
            for (unsigned name = 0; name < names; ++name) {
                for (const char* owner : {"a", "b", "c", "d"}) {
                    const std::string id = "m" + std::to_string(name);
                    const auto known = map.find({owner, id});
                    ASSERT_EQ(table.find(TenantId(owner), id),
                              known == map.end() ? nullptr : known->second);
                }
            }
        }
    }
}

TEST(ModelTable, ACopyKeepsWhatItHad) {
    ModelTable table;
    for (int i = 0; i < 100; ++i) table.put(version_of("a", std::to_string(i)));
    const ModelTable copy = table;
    for (int i = 0; i < 100; ++i) table.erase(TenantId("a"), std::to_string(i));
    EXPECT_EQ(table.size(), 0U);
    for (int i = 0; i < 100; ++i) EXPECT_NE(copy.find(TenantId("a"), std::to_string(i)), nullptr);
}

}  // namespace
}  // namespace headrace::catalog
