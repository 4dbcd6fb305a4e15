#include "engines/gpu.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace headrace::engines {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::string_view kTwo =
    "0, GPU-aaaa, NVIDIA H100 80GB HBM3, 81559, 512\n"
    "1, GPU-bbbb, NVIDIA L4, 23034, 0\n";

std::vector<Gpu> three() {
    std::vector<Gpu> out;
    for (std::uint32_t i = 0; i < 3; ++i) {
        out.push_back({i, "GPU-" + std::to_string(i), "fake", (24 + i) * kGiB, 0});
    }
    return out;
}

std::vector<std::uint32_t> indexes(const Result<std::vector<Gpu>>& gpus) {
    std::vector<std::uint32_t> out;
    if (!gpus) return out;
    for (const auto& gpu : *gpus) out.push_back(gpu.index);
    return out;
}

/// A stand-in for the driver's tool, for machines without one.
class FakeTool {
  public:
    explicit FakeTool(const std::string& body)
        : path_(std::filesystem::temp_directory_path() /
                ("headrace-gpu-tool-" + std::to_string(::getpid()))) {
        std::ofstream(path_) << "#!/bin/sh\n" << body;
        std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
    }
    ~FakeTool() { std::filesystem::remove(path_); }
    [[nodiscard]] std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

TEST(Gpu, ReadsWhatTheToolPrints) {
    const auto gpus = parse_gpus(kTwo);
    ASSERT_TRUE(gpus) << gpus.error().message;
    ASSERT_EQ(gpus->size(), 2U);
    EXPECT_EQ((*gpus)[0].name, "NVIDIA H100 80GB HBM3");
    EXPECT_EQ((*gpus)[0].memory_used, 512ULL << 20);
    EXPECT_EQ((*gpus)[1].uuid, "GPU-bbbb");
    EXPECT_EQ(describe((*gpus)[0]), "0 NVIDIA H100 80GB HBM3, 80 GiB");
}

TEST(Gpu, UnknownMemoryIsNoError) {
    const auto gpus = parse_gpus("0, GPU-c, Orin, [N/A], [N/A]\n");
    ASSERT_TRUE(gpus);
    EXPECT_EQ(gpus->front().memory_total, 0U);
}

TEST(Gpu, NonsenseIsNamed) {
    const auto gpus = parse_gpus("driver mismatch\n");
    ASSERT_FALSE(gpus);
    EXPECT_NE(gpus.error().message.find("driver mismatch"), std::string::npos);
    EXPECT_EQ(parse_gpus("No devices were found\n")->size(), 0U);
}

TEST(Gpu, TheToolIsAsked) {
    const FakeTool tool("case \"$1\" in --query-gpu=index,uuid,*) printf '" +
                        std::string("0, GPU-x, fake, 1024, 1\\n") + "';; *) exit 1;; esac\n");
    const auto gpus = list_gpus(tool.path());
    ASSERT_TRUE(gpus) << gpus.error().message;
    EXPECT_EQ(gpus->front().memory_total, kGiB);
}

TEST(Gpu, NoToolAndNoDriverMeanNoGpu) {
    EXPECT_EQ(list_gpus("/no/such/tool")->size(), 0U);
    const FakeTool tool("echo 'NVIDIA-SMI has failed'; exit 9\n");
    EXPECT_EQ(list_gpus(tool.path())->size(), 0U);
    const FakeTool broken("echo broken; exit 3\n");
    ASSERT_FALSE(list_gpus(broken.path()));
}

TEST(GpuBook, TheMostRoomFirst) {
    GpuBook book(three());
    EXPECT_EQ(indexes(book.take("a", {2, 8 * kGiB})), (std::vector<std::uint32_t>{2, 1}));
    EXPECT_EQ(indexes(book.take("b", {1, 8 * kGiB})), (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(indexes(book.take("c", {1, 18 * kGiB})), (std::vector<std::uint32_t>{2}));
    EXPECT_EQ(book.promised("GPU-2"), 26 * kGiB);
}

TEST(GpuBook, NoMemoryNamedMeansAlone) {
    GpuBook book(three());
    EXPECT_EQ(indexes(book.take("alone", {1, 0})), (std::vector<std::uint32_t>{2}));
    EXPECT_EQ(indexes(book.take("small", {1, kGiB})), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(indexes(book.take("other", {1, 0})), (std::vector<std::uint32_t>{0}));
    const auto none = book.take("late", {1, 0});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message, "1 GPUs that nobody else has are needed, 0 of 3 are there");
    book.give_back("alone");
    EXPECT_EQ(indexes(book.take("late", {1, 0})), (std::vector<std::uint32_t>{2}));
}

TEST(GpuBook, ARestartTakesTheSameAgain) {
    GpuBook book(three());
    ASSERT_TRUE(book.take("host", {3, 24 * kGiB}));
    EXPECT_TRUE(book.take("host", {3, 24 * kGiB}));
    EXPECT_FALSE(book.take("other", {1, 24 * kGiB}));
}

}  // namespace
}  // namespace headrace::engines
