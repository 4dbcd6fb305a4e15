#include "main/commands/call_flags.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "main/commands/api.hpp"
#include "main/commands/call_session.hpp"

namespace headrace::main {
namespace {

constexpr std::string_view kInterface = R"({
  "inputs": {"image": {"kind": "image"}, "note": {"kind": "text", "required": false},
             "x": {"kind": "tensor", "dtype": "fp32", "shape": [-1, 2], "required": false}},
  "parameters": {"max_size": {"kind": "integer", "required": false},
                 "scale": {"kind": "float", "required": false},
                 "fast": {"kind": "boolean", "required": false},
                 "mode": {"kind": "enum", "values": ["a", "b"], "required": false},
                 "tags": {"kind": "string", "list": true, "required": false},
                 "output": {"kind": "string", "required": false}},
  "outputs": {"text": {"kind": "text"}}})";

class CallFlagsTest : public testing::Test {
  protected:
    void SetUp() override {
        auto interface = catalog::interface_from_json(kInterface);
        ASSERT_TRUE(interface) << interface.error().message << ' '
                               << (interface.error().violations.empty()
                                       ? ""
                                       : interface.error().violations[0].path + " " +
                                             interface.error().violations[0].rule);
        interface_ = std::move(*interface);
    }
    /// Parses the arguments and gives the input object as text, or "exit N", or the error.
    std::string input(const std::vector<std::string>& arguments) {
        CommandLine line("call", "");
        std::string output;
        auto root = line.root();
        root.option("--output", output, "one of the command's own");
        const CallFlags flags(interface_, root);
        if (const auto code = line.parse(arguments)) return "exit " + std::to_string(*code);
        auto api = Api::open(Connection{});
        auto object = flags.input(*api);
        return object ? canonical_json(*object) : "error: " + object.error().message;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
        std::filesystem::create_directories(folder_);
        const auto path = folder_ / name;
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }
    catalog::Interface interface_;

  private:
    std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) / ("call_flags-" + std::to_string(::getpid()));
};

TEST_F(CallFlagsTest, ValuesHaveTheTypesOfTheInterface) {
    EXPECT_EQ(input({"--max-size", "3", "--scale=1.5", "--fast", "--mode", "b", "--tags", "x",
                     "--tags", "y"}),
              R"({"fast":true,"max_size":3,"mode":"b","scale":1.5,"tags":["x","y"]})");
    EXPECT_EQ(input({"--max_size", "-4", "--no-fast"}), R"({"fast":false,"max_size":-4})");
    EXPECT_EQ(input({}), "{}");
}

TEST_F(CallFlagsTest, WrongTypesAndUnknownFlagsEndWithUsage) {
    EXPECT_EQ(input({"--max-size", "many"}), "exit 2");
    EXPECT_EQ(input({"--mode", "c"}), "exit 2");
    EXPECT_EQ(input({"--nonsense", "1"}), "exit 2");
    EXPECT_EQ(input({"--help"}), "exit 0");
}

TEST_F(CallFlagsTest, ANameOfTheCommandsOwnFlagsIsPrefixed) {
    EXPECT_EQ(input({"--input-output", "o"}), R"({"output":"o"})");
    EXPECT_EQ(input({"--output", "o"}), "{}");
}

TEST_F(CallFlagsTest, TextMayComeFromAFile) {
    const auto path = file("note.txt", "from a file");
    EXPECT_EQ(input({"--note", "@" + path}), R"({"note":"from a file"})");
    EXPECT_EQ(input({"--note", "@@home"}), R"({"note":"@home"})");
    EXPECT_TRUE(
        input({"--note", "@/no/such"}).starts_with("error: the file /no/such cannot be read"));
}

TEST_F(CallFlagsTest, SmallMediaTravelInsideAndAddressesStayAddresses) {
    const auto path = file("dot.png", "abc");
    EXPECT_EQ(input({"--image", path}), R"({"image":"data:image/png;base64,YWJj"})");
    EXPECT_EQ(input({"--image", "https://a/b.png"}), R"({"image":{"url":"https://a/b.png"}})");
    EXPECT_TRUE(input({"--image", "/no/such.png"}).starts_with("error: --image: /no/such.png"));
}

TEST_F(CallFlagsTest, NestedListsAreATensor) {
    EXPECT_EQ(input({"--x", "[[1,2],[3,4],[5,6]]"}),
              R"({"x":{"data":[1,2,3,4,5,6],"dtype":"fp32","shape":[3,2]}})");
    EXPECT_TRUE(input({"--x", "[[1,"}).starts_with("error: --x:"));
}

TEST_F(CallFlagsTest, FlagsGoOverTheWholeInput) {
    EXPECT_EQ(input({"--input", R"({"mode":"a","note":"n"})", "--mode", "b"}),
              R"({"mode":"b","note":"n"})");
}

TEST(WavSamples, FindsTheDataChunkAndTrustsNoSize) {
    const std::string head =
        std::string("RIFF\x24\0\0\0WAVE", 12) + std::string("LIST\x03\0\0\0abc\0", 12);
    EXPECT_EQ(wav_samples(head + std::string("data\x04\0\0\0", 8) + "1234more"), "1234");
    EXPECT_EQ(wav_samples(head + std::string("data\xff\xff\xff\xff", 8) + "12"), "12");
    EXPECT_EQ(wav_samples("raw samples"), "raw samples");
    const std::string broken = std::string("RIFF\x24\0\0\0WAVEfmt \xff\xff\xff\x7f", 20);
    EXPECT_EQ(wav_samples(broken), broken);
}

}  // namespace
}  // namespace headrace::main
