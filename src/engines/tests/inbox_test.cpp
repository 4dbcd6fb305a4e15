#include "engines/host/inbox.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace headrace::engines::host {
namespace {

TEST(Inbox, IsCompleteAtOnceWithoutParts) {
    EXPECT_TRUE(Inbox("values", 0, 0).complete());
}

TEST(Inbox, WaitsForValuesAndParts) {
    Inbox inbox("", 6, 1);
    EXPECT_TRUE(inbox.add(0, "val", false));
    EXPECT_TRUE(inbox.add(1, "media", true));
    EXPECT_FALSE(inbox.complete());
    EXPECT_TRUE(inbox.add(0, "ues", true));
    EXPECT_TRUE(inbox.complete());
    EXPECT_EQ(inbox.values(), "values");
    EXPECT_EQ(inbox.part(1)->data(), "media");
}

TEST(Inbox, RefusesWhatIsNotAwaitedOrTooLong) {
    Inbox inbox("", 3, 1);
    EXPECT_FALSE(inbox.add(2, "x", true));
    EXPECT_FALSE(inbox.add(0, "long", true));
    Inbox other("", 0, 1);
    EXPECT_FALSE(other.add(0, "x", true));
    EXPECT_TRUE(other.add(1, "", true));
    EXPECT_FALSE(other.add(1, "again", true));
}

TEST(Part, LargeOnesLieInAFileThatHasAPath) {
    Part part;
    const std::string piece(600'000, 'p');
    ASSERT_TRUE(part.add(piece));
    EXPECT_TRUE(part.path().empty());
    ASSERT_TRUE(part.add(piece));
    ASSERT_FALSE(part.path().empty());
    EXPECT_TRUE(part.data().empty());
    EXPECT_EQ(part.size(), 1'200'000U);
    std::ifstream file(part.path());
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(content, piece + piece);
}

}  // namespace
}  // namespace headrace::engines::host
