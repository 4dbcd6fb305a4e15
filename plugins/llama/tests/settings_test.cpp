#include "settings.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace headrace::llama {
namespace {

namespace fs = std::filesystem;

std::string error_of(std::string_view text) {
    const auto parsed = parse_settings(text);
    return parsed ? "accepted" : parsed.error().message;
}

TEST(Settings, AreReadWithTheirDefaults) {
    const auto plain = parse_settings(R"({"model":"m.gguf"})");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->task, Settings::Task::chat);
    EXPECT_EQ(plain->threads, 1);
    EXPECT_EQ(plain->gpu_layers, 0);
    const auto full = parse_settings(
        R"({"task":"embed","model":"m","context":512,"threads":2,"gpu_layers":-1,"batch":64,)"
        R"("step_ms":20,"system":"Be kind.","check_weights":false,"models":"/m","chat_template":"t.jinja",)"
        R"("adapters":[{"path":"a.gguf","scale":0.5},{"path":"b.gguf"}]})");
    ASSERT_TRUE(full) << full.error().message;
    EXPECT_EQ(full->task, Settings::Task::embed);
    EXPECT_EQ(full->gpu_layers, -1);
    EXPECT_EQ(full->system, "Be kind.");
    ASSERT_EQ(full->adapters.size(), 2U);
    EXPECT_FLOAT_EQ(full->adapters[0].scale, 0.5F);
    EXPECT_FLOAT_EQ(full->adapters[1].scale, 1);
}

TEST(Settings, ErrorsNameTheKey) {
    EXPECT_EQ(error_of(""), "settings.model is missing: the GGUF file to load");
    EXPECT_EQ(error_of(R"({"modle":"m"})"), "settings.modle is not known");
    EXPECT_EQ(error_of(R"({"model":""})"), "settings.model must be a text that is not empty");
    EXPECT_EQ(error_of(R"({"model":"m","context":1})"),
              "settings.context must be an integer from 64 to 1048576");
    EXPECT_EQ(error_of(R"({"model":"m","task":"draw"})"), "settings.task must be chat or embed");
    EXPECT_EQ(error_of(R"({"model":"m","adapters":[{"scale":1}]})"),
              "settings.adapters need a `path` each");
    EXPECT_EQ(error_of("[]"), "settings are no JSON object");
}

class ModelFileTest : public ::testing::Test {
  protected:
    ModelFileTest() {
        std::string name = (fs::temp_directory_path() / "model-XXXXXX").string();
        folder = ::mkdtemp(name.data());
    }
    ~ModelFileTest() override { fs::remove_all(folder); }
    std::string write(const fs::path& path, const std::string& content) const {
        fs::create_directories((folder / path).parent_path());
        std::ofstream(folder / path, std::ios::binary) << content;
        return (folder / path).string();
    }
    fs::path folder;
};

TEST_F(ModelFileTest, ALocatorIsAPathOrAFileOfAPackage) {
    const auto plain = write("engine/m.gguf", "x");
    const auto packed = write("models/llm-x/m.gguf", "x");
    const std::string engine = (folder / "engine").string();
    const std::string models = (folder / "models").string();
    EXPECT_EQ(*find_model("m.gguf", engine, models), plain);
    EXPECT_EQ(*find_model(plain, "/elsewhere", models), plain);
    EXPECT_EQ(*find_model("pypi:llm-x/m.gguf", engine, models), packed);
    EXPECT_NE(find_model("pypi:llm-y/m.gguf", engine, models).error().message.find("fetch.sh"),
              std::string::npos);
    EXPECT_EQ(find_model("pypi:../engine/m.gguf", engine, models).error().code, "invalid_argument");
    EXPECT_EQ(find_model("none.gguf", engine, models).error().code, "not_found");
}

std::string head(const char* magic, std::uint32_t version, std::uint64_t tensors,
                 std::uint64_t keys) {
    std::string out(magic, 4);
    out.append(reinterpret_cast<const char*>(&version), 4);
    out.append(reinterpret_cast<const char*>(&tensors), 8);
    out.append(reinterpret_cast<const char*>(&keys), 8);
    return out + std::string(1'000, '\0');
}

TEST_F(ModelFileTest, AFileThatIsNoModelIsSaidSo) {
    EXPECT_TRUE(check_gguf(write("a", head("GGUF", 3, 2, 3))));
    EXPECT_NE(check_gguf(write("b", head("GGML", 3, 2, 3))).error().message.find("no GGUF file"),
              std::string::npos);
    EXPECT_NE(check_gguf(write("c", head("GGUF", 9, 2, 3))).error().message.find("version 9"),
              std::string::npos);
    EXPECT_NE(
        check_gguf(write("d", head("GGUF", 3, 1ULL << 60, 3))).error().message.find("damaged"),
        std::string::npos);
    EXPECT_NE(check_gguf(write("e", "GGUF")).error().message.find("no GGUF file"),
              std::string::npos);
}

}  // namespace
}  // namespace headrace::llama
