#include "stores/sqlite/migrations.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/digest.hpp"

namespace headrace::stores {
namespace {

constexpr Step kFirst[] = {{1, "a", StepKind::expand, "CREATE TABLE a(x INTEGER)", "DROP TABLE a"}};
constexpr Step kBoth[] = {{1, "a", StepKind::expand, "CREATE TABLE a(x INTEGER)", "DROP TABLE a"},
                          {2, "b", StepKind::expand, "CREATE TABLE b(x INTEGER)", "DROP TABLE b"}};
constexpr Step kOther[] = {{1, "a", StepKind::expand, "CREATE TABLE a(y INTEGER)", "DROP TABLE a"}};
constexpr Step kBroken[] = {
    {1, "a", StepKind::expand, "CREATE TABLE a(x INTEGER)", "DROP TABLE a"},
    {2, "c", StepKind::expand, "CREATE TABLE c(x INTEGER); nonsense", "DROP TABLE c"}};

struct Migrations : testing::Test {
    std::filesystem::path folder = std::filesystem::path(testing::TempDir()) /
                                   ("migrations_test-" + std::to_string(::getpid()));
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

// Version 0.1.0 kept number and raw checksum alone; its own table stays for it.
TEST_F(Migrations, AFileOfTheFirstVersionIsTakenOver) {
    {
        auto old = Database::open(path());
        ASSERT_TRUE(old);
        ASSERT_TRUE(old->execute("CREATE TABLE a(x INTEGER)"));
        ASSERT_TRUE(old->execute(
            "CREATE TABLE migrations(number INTEGER PRIMARY KEY, checksum BLOB NOT NULL)"));
        const Sha256 digest = sha256(kFirst[0].up.text());
        const std::string sum(digest.begin(), digest.end());
        ASSERT_TRUE(old->prepare("INSERT INTO migrations VALUES(?, ?)").run(1, Blob{sum}));
    }
    EXPECT_FALSE(open_checked(path(), kOther)) << "its checksum counts";
    auto taken = open_checked(path(), kBoth);
    ASSERT_TRUE(taken) << taken.error().message;
    SqliteSteps steps(*taken);
    const auto applied = applied_steps(steps, kBoth);
    ASSERT_TRUE(applied);
    ASSERT_EQ(applied->size(), 2U);
    EXPECT_EQ(applied->front().program, "0.1.0");
    Statement kept = taken->prepare("SELECT count(*) FROM migrations");
    kept.start();
    ASSERT_TRUE(kept.step().value());
    EXPECT_EQ(kept.integer(0), 1);
}

TEST_F(Migrations, GoDownAndUpAgain) {
    auto database = open_checked(path(), kBoth);
    ASSERT_TRUE(database);
    SqliteSteps steps(*database);
    ASSERT_TRUE(migrate_to(steps, kBoth, 1, {}, false));
    EXPECT_TRUE(database->execute("CREATE TABLE b(y INTEGER)")) << "it is gone";
    EXPECT_TRUE(database->execute("DROP TABLE b"));
    ASSERT_TRUE(migrate_to(steps, kBoth, std::nullopt, {}, false));
    EXPECT_TRUE(database->prepare("INSERT INTO b(x) VALUES(?)").run(8));
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
