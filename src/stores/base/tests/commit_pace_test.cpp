#include "stores/base/commit_pace.hpp"

#include <gtest/gtest.h>

namespace headrace::stores {
namespace {

using Kind = jobs::LogWrite::Kind;

jobs::LogWrite change(Kind kind, std::uint8_t job, std::uint32_t attempt = 1) {
    auto record = std::make_shared<jobs::JobRecord>();
    record->id.bytes.back() = job;
    record->attempt = attempt;
    jobs::LogWrite out;
    out.kind = kind;
    out.job = std::move(record);
    return out;
}

TEST(CommitPace, OnlyWhatNobodyWaitsForGathers) {
    EXPECT_EQ(hurry_of(change(Kind::usage, 1)), Hurry::usage);
    EXPECT_EQ(hurry_of(change(Kind::attempt, 1, 1)), Hurry::attempt);
    EXPECT_EQ(hurry_of(change(Kind::attempt, 1, 2)), Hurry::now);
    EXPECT_EQ(hurry_of(change(Kind::accept, 1)), Hurry::now);
    EXPECT_EQ(hurry_of(change(Kind::finish, 1)), Hurry::now);
    EXPECT_GT(patience_of(Hurry::usage), patience_of(Hurry::attempt));
    EXPECT_EQ(patience_of(Hurry::now).count(), 0);
}

TEST(CommitPace, AnAttemptIsNotWrittenWhereItsEndIs) {
    ToldLater told;
    EXPECT_FALSE(told.ask(change(Kind::finish, 1)));
    EXPECT_TRUE(told.ask(change(Kind::attempt, 1))) << "its end follows";
    EXPECT_FALSE(told.ask(change(Kind::accept, 1))) << "somebody waits for it";
    EXPECT_FALSE(told.ask(change(Kind::requeue, 2))) << "nothing follows";
    EXPECT_TRUE(told.ask(change(Kind::attempt, 2))) << "it was queued again";
    told.clear();
    EXPECT_FALSE(told.ask(change(Kind::attempt, 1)));
}

}  // namespace
}  // namespace headrace::stores
