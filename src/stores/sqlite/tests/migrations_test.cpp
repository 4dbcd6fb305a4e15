#include "stores/sqlite/migrations.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace headrace::stores {
namespace {

constexpr Migration kFirst[] = {{1, "CREATE TABLE a(x INTEGER)"}};
constexpr Migration kBoth[] = {{1, "CREATE TABLE a(x INTEGER)"}, {2, "CREATE TABLE b(x INTEGER)"}};
constexpr Migration kOther[] = {{1, "CREATE TABLE a(y INTEGER)"}};
constexpr Migration kBroken[] = {{1, "CREATE TABLE a(x INTEGER)"},
                                 {2, "CREATE TABLE c(x INTEGER); nonsense"}};

struct Migrations : testing::Test {
    std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "migrations_test";
    void SetUp() override {
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
    }
    void TearDown() override { std::filesystem::remove_all(folder); }
    std::string path() const { return folder / "x.db"; }
};

TEST_F(Migrations, GoOnWhereTheyStopped) {
    {
        auto first = open_checked(path(), kFirst);
        ASSERT_TRUE(first) << first.error().message;
        ASSERT_TRUE(first->prepare("INSERT INTO a(x) VALUES(?)").run(7));
    }
    auto both = open_checked(path(), kBoth);
    ASSERT_TRUE(both) << both.error().message;
    EXPECT_TRUE(both->prepare("INSERT INTO b(x) VALUES(?)").run(8));
    auto row = both->prepare("SELECT x FROM a");
    row.start();
    ASSERT_TRUE(row.step().value());
    EXPECT_EQ(row.integer(0), 7);
}

TEST_F(Migrations, RefuseANewerOrAnotherSchema) {
    ASSERT_TRUE(open_checked(path(), kBoth));
    const auto older = open_checked(path(), kFirst);
    ASSERT_FALSE(older);
    EXPECT_NE(older.error().message.find("newer version"), std::string::npos)
        << older.error().message;
    EXPECT_NE(older.error().message.find("x.db"), std::string::npos);
    EXPECT_FALSE(open_checked(path(), kOther));
    EXPECT_TRUE(open_checked(path(), kBoth)) << "a refusal changes nothing";
}

TEST_F(Migrations, AStepThatFailsLeavesNothing) {
    ASSERT_TRUE(open_checked(path(), kFirst));
    EXPECT_FALSE(open_checked(path(), kBroken));
    EXPECT_TRUE(open_checked(path(), kBoth));
}

TEST_F(Migrations, AnEmptyFileIsDamageNotABeginning) {
    std::ofstream(path()).close();
    EXPECT_FALSE(open_checked(path(), kFirst));
    std::filesystem::remove(path());
    std::ofstream(path() + ".new") << "left by a crash";
    EXPECT_TRUE(open_checked(path(), kFirst));
    EXPECT_FALSE(std::filesystem::exists(path() + ".new"));
}

}  // namespace
}  // namespace headrace::stores
