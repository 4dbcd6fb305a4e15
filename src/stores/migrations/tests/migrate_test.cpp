#include "stores/migrations/migrate.hpp"

#include <gtest/gtest.h>

namespace headrace::stores {
namespace {

constexpr Step kSteps[] = {
    {1, "tables", StepKind::expand, "one up", "one down"},
    {2, "column", StepKind::expand, "two up", "two down"},
    {3, "column gone", StepKind::contract, "three up", "three down"},
    {4, "more", StepKind::expand, "four up", "four down"},
};
constexpr Step kOther[] = {{1, "tables", StepKind::expand, "one, changed", "one down"}};

/// Keeps rows as a database would, and the SQL it was given.
class Fake final : public SteppedDatabase {
  public:
    Result<void> begin() override {
        before_ = rows;
        sql_before_ = sql;
        return {};
    }
    Result<std::vector<AppliedStep>> applied() override { return rows; }
    Result<void> execute(Sql text) override {
        if (text.text() == broken) return fail(ErrorCode::internal, "syntax error");
        sql.emplace_back(text.text());
        return {};
    }
    Result<void> note(const AppliedStep& row) override {
        rows.push_back(row);
        return {};
    }
    Result<void> forget(int number) override {
        std::erase_if(rows, [number](const AppliedStep& row) { return row.number == number; });
        return {};
    }
    Result<void> commit() override { return {}; }
    void rollback() override {
        rows = before_;
        sql = sql_before_;
    }

    std::vector<AppliedStep> rows;
    std::vector<std::string> sql;
    std::string broken;

  private:
    std::vector<AppliedStep> before_;
    std::vector<std::string> sql_before_;
};

const MigrateOptions kApply{OnPending::apply, "0.2.0", 17};

TEST(Migrate, ANewDatabaseGetsEveryStep) {
    Fake database;
    ASSERT_TRUE(migrate_at_start(database, kSteps, kApply));
    EXPECT_EQ(database.sql, (std::vector<std::string>{"one up", "two up", "three up", "four up"}));
    ASSERT_EQ(database.rows.size(), 4U);
    EXPECT_EQ(database.rows[1].name, "column");
    EXPECT_EQ(database.rows[1].checksum, checksum(kSteps[1]));
    EXPECT_EQ(database.rows[1].applied_at, 17);
    EXPECT_EQ(database.rows[1].program, "0.2.0");
}

TEST(Migrate, AStartStopsBeforeWhatContracts) {
    Fake database;
    ASSERT_TRUE(migrate_to(database, kSteps, 1, kApply, false));
    ASSERT_TRUE(migrate_at_start(database, kSteps, kApply));
    EXPECT_EQ(database.rows.size(), 2U);
    ASSERT_TRUE(migrate_at_start(database, kSteps, kApply)) << "what is done is done";
    EXPECT_EQ(database.rows.size(), 2U);
    ASSERT_TRUE(migrate_to(database, kSteps, std::nullopt, kApply, false));
    EXPECT_EQ(database.rows.size(), 4U);
}

TEST(Migrate, AStartThatOnlyChecksNamesTheCommand) {
    Fake database;
    ASSERT_TRUE(migrate_to(database, kSteps, 1, kApply, false));
    const auto refused = migrate_at_start(database, kSteps, {OnPending::refuse, "0.2.0", 1});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_NE(refused.error().message.find("headrace migrate up"), std::string::npos);
    EXPECT_EQ(database.rows.size(), 1U);
    ASSERT_TRUE(migrate_to(database, kSteps, 2, kApply, false));
    EXPECT_TRUE(migrate_at_start(database, kSteps, {OnPending::refuse, "0.2.0", 1}));
}

TEST(Migrate, GoesDownInReverse) {
    Fake database;
    ASSERT_TRUE(migrate_at_start(database, kSteps, kApply));
    database.sql.clear();
    ASSERT_TRUE(migrate_to(database, kSteps, 1, kApply, false));
    EXPECT_EQ(database.sql, (std::vector<std::string>{"four down", "three down", "two down"}));
    EXPECT_EQ(database.rows.size(), 1U);
}

TEST(Migrate, ADryRunChangesNothing) {
    Fake database;
    const auto moves = migrate_to(database, kSteps, 2, kApply, true);
    ASSERT_TRUE(moves);
    EXPECT_EQ(as_script(*moves), "-- step 1 up (tables)\none up\n-- step 2 up (column)\ntwo up\n");
    EXPECT_TRUE(database.rows.empty());
    EXPECT_TRUE(database.sql.empty());
}

TEST(Migrate, RefusesANewerDatabaseAndOneOfOtherSteps) {
    Fake database;
    ASSERT_TRUE(migrate_at_start(database, kSteps, kApply));
    const auto older = migrate_at_start(database, std::span(kSteps).first(2), kApply);
    ASSERT_FALSE(older);
    EXPECT_EQ(older.error().code, ErrorCode::conflict);
    EXPECT_NE(older.error().message.find("newer version"), std::string::npos);
    EXPECT_NE(older.error().message.find("migrate down --to 2"), std::string::npos);
    const auto other = migrate_at_start(database, kOther, kApply);
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("step 1 (tables, applied by 0.2.0)"), std::string::npos);
    EXPECT_EQ(migrate_to(database, kSteps, 5, kApply, false).error().code,
              ErrorCode::invalid_argument);
    EXPECT_FALSE(applied_steps(database, kOther));
    EXPECT_EQ(applied_steps(database, kSteps)->size(), 4U);
}

TEST(Migrate, AStepThatFailsLeavesNothing) {
    Fake database;
    database.broken = "three up";
    const auto failed = migrate_at_start(database, kSteps, kApply);
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find("step 3 (column gone) failed"), std::string::npos);
    EXPECT_TRUE(database.rows.empty());
    EXPECT_TRUE(database.sql.empty());
}

}  // namespace
}  // namespace headrace::stores
