#include "stores/disk/data_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

namespace headrace::stores {
namespace {

struct DataFolderTest : testing::Test {
    std::filesystem::path root = std::filesystem::path(testing::TempDir()) /
                                 ("data_folder_test-" + std::to_string(::getpid()));
    void SetUp() override { std::filesystem::remove_all(root); }
    void TearDown() override { std::filesystem::remove_all(root); }
};

TEST_F(DataFolderTest, IsMadePrivateWithItsLayout) {
    const auto folder = DataFolder::open((root / "deep" / "data/").string());
    ASSERT_TRUE(folder) << folder.error().message;
    struct stat status {};
    ASSERT_EQ(::stat(folder->path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U);
    const std::string at = (root / "deep" / "data").string();
    EXPECT_EQ(folder->jobs_db(), at + "/jobs.db");
    EXPECT_EQ(folder->catalog_db(), at + "/catalog.db");
    EXPECT_EQ(folder->blobs(), at + "/blobs");
    EXPECT_EQ(folder->master_key(), at + "/master.key");
    EXPECT_TRUE(std::filesystem::exists(at + "/lock"));
}

TEST_F(DataFolderTest, ASecondServerLearnsWhoHoldsIt) {
    auto first = DataFolder::open(root.string());
    ASSERT_TRUE(first);
    const auto second = DataFolder::open(root.string());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::conflict);
    EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid())), std::string::npos)
        << second.error().message;
    first = fail(ErrorCode::internal, "closed");
    EXPECT_TRUE(DataFolder::open(root.string()));
}

TEST_F(DataFolderTest, RefusesAFolderOthersMayWrite) {
    std::filesystem::create_directories(root);
    ::chmod(root.c_str(), 0777);
    EXPECT_FALSE(DataFolder::open(root.string()));
    ::chmod(root.c_str(), 0755);
    EXPECT_TRUE(DataFolder::open(root.string()));
    EXPECT_FALSE(DataFolder::open((root / "lock").string())) << "a file is no folder";
}

}  // namespace
}  // namespace headrace::stores
