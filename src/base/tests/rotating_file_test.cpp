#include "base/rotating_file.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <unistd.h>

namespace headrace {
namespace {

namespace fs = std::filesystem;

class RotatingFileTest : public testing::Test {
  protected:
    RotatingFileTest()
        : folder_(fs::temp_directory_path() / ("headrace-log-" + std::to_string(::getpid()))) {
        fs::create_directories(folder_);
    }
    ~RotatingFileTest() override { fs::remove_all(folder_); }

    [[nodiscard]] std::string path() const { return (folder_ / "log").string(); }
    [[nodiscard]] std::string text(const std::string& suffix = "") const {
        std::ifstream file(path() + suffix);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path folder_;
};

TEST_F(RotatingFileTest, RotatesBeforeItPassesItsSize) {
    auto file = RotatingFile::open(path(), 10, 2);
    ASSERT_TRUE(file) << file.error().message;
    for (const char* line : {"one\n", "two\n", "three\n", "four\n", "five\n", "six\n"}) {
        file->write(line);
    }
    EXPECT_EQ(text(), "six\n");
    EXPECT_EQ(text(".1"), "four\nfive\n");
    EXPECT_EQ(text(".2"), "three\n");
    EXPECT_FALSE(fs::exists(path() + ".3"));
}

TEST_F(RotatingFileTest, NothingToWriteRotatesNothing) {
    auto file = RotatingFile::open(path(), 10, 2);
    ASSERT_TRUE(file);
    file->write("longer than its size\n");
    file->write("");
    EXPECT_EQ(text(), "longer than its size\n");
}

TEST_F(RotatingFileTest, GoesOnWhereItWas) {
    { RotatingFile::open(path(), 100, 1)->write("before\n"); }
    auto file = RotatingFile::open(path(), 10, 1);
    file->write("after\n");
    EXPECT_EQ(text(), "after\n");
    EXPECT_EQ(text(".1"), "before\n");
}

TEST_F(RotatingFileTest, NoticesThatItWasMovedAway) {
    auto file = RotatingFile::open(path(), 100, 1);
    file->write("old\n");
    fs::rename(path(), path() + ".moved");
    file->write("new\n");
    EXPECT_EQ(text(), "new\n");
    EXPECT_EQ(text(".moved"), "old\n");
}

TEST_F(RotatingFileTest, SaysWhyItCannotBeOpened) {
    const auto missing = RotatingFile::open((folder_ / "no" / "log").string(), 10, 1);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
    EXPECT_FALSE(RotatingFile::open(folder_.string(), 10, 1));
    fs::create_symlink("/etc/passwd", path());
    EXPECT_FALSE(RotatingFile::open(path(), 10, 1));
}

}  // namespace
}  // namespace headrace
