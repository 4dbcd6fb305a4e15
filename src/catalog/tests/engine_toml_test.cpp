#include "catalog/engine_toml.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace headrace::catalog {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOcr = R"(capability = "ocr"
version = "1.0.0"
slots = 2
max_batch = 8
max_wait_ms = 5

[python]
entry = "engine:Ocr"
venv = ".venv"

[limits]
memory = "2 GiB"
run_timeout_s = 2.5
stall_timeout_s = 30

[sandbox]
network = false

[environment]
OMP_NUM_THREADS = "1"

[inputs.image]
kind = "image"
[outputs.text]
kind = "text"
[outputs.lines]
kind = "json"
)";

Result<EngineSpec> parse(std::string_view text) {
    return parse_engine_toml(text, "engine.toml", "/srv/ocr");
}

std::string message_of(std::string_view text) {
    const auto engine = parse(text);
    return engine ? "accepted" : engine.error().message;
}

std::string replaced(std::string_view from, std::string_view to) {
    std::string text(kOcr);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

TEST(EngineToml, ReadsAWholeFile) {
    const auto engine = parse(kOcr);
    ASSERT_TRUE(engine.has_value()) << engine.error().message;
    EXPECT_EQ(engine->text(), "ocr@1.0.0");
    EXPECT_EQ(engine->kind, EngineKind::python);
    EXPECT_EQ(engine->entry, "engine:Ocr");
    EXPECT_EQ(engine->limits.slots, 2U);
    EXPECT_EQ(engine->limits.max_batch, 8U);
    EXPECT_EQ(engine->limits.memory_bytes, 2ULL << 30);
    EXPECT_EQ(engine->limits.run_timeout_ms, 2'500U);
    EXPECT_EQ(engine->limits.stall_timeout_ms, 30'000U);
    EXPECT_EQ(engine->network, false);
    EXPECT_EQ(engine->limits.cancel_grace_ms, ServingLimits{}.cancel_grace_ms);
    EXPECT_EQ(engine->environment.at("OMP_NUM_THREADS"), "1");
    EXPECT_EQ(engine->interface.outputs.at(0).name, "lines");
    EXPECT_EQ(engine->directory, "/srv/ocr");
    EXPECT_EQ(engine->processes(), 1U);  // it batches
}

TEST(EngineToml, SettingsOfTheEngineArePassedOnUnread) {
    EXPECT_EQ(parse(std::string(kOcr))->settings, "");
    const auto with = parse(std::string(kOcr) +
                            "[settings]\nmodel = \"m.gguf\"\n"
                            "adapters = [{path = \"a\", scale = 0.5}]\n");
    EXPECT_EQ(with->settings, R"({"adapters":[{"path":"a","scale":5E-1}],"model":"m.gguf"})");
    EXPECT_EQ(interface_to_json(with->interface),
              interface_to_json(parse(std::string(kOcr))->interface));
    EXPECT_EQ(message_of("settings = 1\n" + std::string(kOcr)),
              "engine.toml:1: settings type:object");
    EXPECT_NE(message_of(std::string(kOcr) + "[settings]\nx = \"" + std::string(70'000, 'x') + "\"")
                  .find("settings max_bytes (65536)"),
              std::string::npos);
}

TEST(EngineToml, OneProcessPerSlotUnlessItSharesOne) {
    EXPECT_EQ(parse(replaced("max_batch = 8", ""))->processes(), 2U);
    auto text = replaced("max_batch = 8", "");
    text.replace(text.find("venv = \".venv\""), 14, "async = true");
    EXPECT_EQ(parse(text)->processes(), 1U);
}

TEST(EngineToml, NamesKeyAndLine) {
    EXPECT_EQ(message_of(replaced("slots = 2", "slots = 0")), "engine.toml:3: slots min (1)");
    EXPECT_EQ(message_of(replaced("slots = 2", "slosts = 2")),
              "engine.toml:3: slosts unknown_field");
    EXPECT_EQ(message_of(replaced("kind = \"image\"", "kind = \"image\"\nmax_pixel = 5")),
              "engine.toml:24: inputs.image.max_pixel unknown_field");
    EXPECT_EQ(message_of(replaced("venv = \".venv\"", "venv = \"../venv\"")),
              "engine.toml:9: python.venv path (absolute, or inside the engine's folder)");
    EXPECT_EQ(message_of(replaced("engine:Ocr", "engine.Ocr")),
              "engine.toml:8: python.entry entry (module:Name)");
    EXPECT_EQ(message_of(replaced("OMP_NUM_THREADS = \"1\"", "OMP_NUM_THREADS = 1")),
              "engine.toml:20: environment.OMP_NUM_THREADS type:string");
    EXPECT_EQ(message_of(replaced("\"2 GiB\"", "\"2 gigs\"")),
              "engine.toml:12: limits.memory bytes (a number, or as \"512 MiB\")");
    EXPECT_EQ(message_of(replaced("slots = 2", "slots = nan")),
              "engine.toml:3: slots finite; engine.toml:3: slots type:integer");
    EXPECT_EQ(message_of(replaced("slots = 2", "slots =")).substr(0, 34),
              "engine.toml:3: not valid TOML: Err");
    EXPECT_EQ(message_of(replaced("version = \"1.0.0\"", "version = \"1.0\"")),
              "engine.toml:2: version semver (1.2.3)");
}

TEST(EngineToml, AsksForOneKindOfEngine) {
    const auto text = replaced("[python]\nentry = \"engine:Ocr\"\nvenv = \".venv\"",
                               "[native]\nlibrary = \"libocr.so\"");
    const auto engine = parse(text);
    ASSERT_TRUE(engine.has_value()) << engine.error().message;
    EXPECT_EQ(engine->library, "libocr.so");
    EXPECT_FALSE(parse(replaced("[python]", "[native]\nlibrary = \"libocr.so\"\n[python]")));
    EXPECT_FALSE(parse(replaced("[python]\nentry = \"engine:Ocr\"\nvenv = \".venv\"", "")));
    EXPECT_FALSE(parse(replaced("[python]\nentry = \"engine:Ocr\"\nvenv = \".venv\"",
                                "[native]\nlibrary = \"../libocr.so\"")));
    EXPECT_FALSE(parse("capability = \"x\""));
    EXPECT_FALSE(parse("capability = \"x"));
}

TEST(EngineToml, ACommandStaysInsideTheFolderOrIsNamedWhole) {
    const auto with = [](std::string_view argv) {
        return parse("capability = \"x\"\nversion = \"1.0.0\"\nslots = 3\n[command]\nargv = " +
                     std::string(argv) + "\n[outputs.y]\nkind = \"text\"\n");
    };
    const auto engine = with(R"(["./run", "-v"])");
    ASSERT_TRUE(engine.has_value()) << engine.error().message;
    EXPECT_EQ(engine->kind, EngineKind::command);
    EXPECT_EQ(engine->command, (std::vector<std::string>{"./run", "-v"}));
    EXPECT_EQ(engine->processes(), 1U);
    EXPECT_TRUE(with(R"(["/usr/bin/env", "deno"])"));
    EXPECT_TRUE(with(R"(["deno"])"));
    for (const char* argv : {R"(["../run"])", "[]", R"("run")", R"([""])", "[1]"}) {
        EXPECT_FALSE(with(argv)) << argv;
    }
}

TEST(EngineToml, TheDocumentsExamplesAreTrue) {
    std::ifstream file(std::string(HEADRACE_SOURCE_DIR) + "/docs/engine-toml.md");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    int examples = 0;
    for (auto begin = text.find("```toml\n"); begin != std::string::npos;
         begin = text.find("```toml\n", begin), ++examples) {
        begin += 8;
        EXPECT_EQ(message_of(std::string_view(text).substr(begin, text.find("```", begin) - begin)),
                  "accepted");
    }
    EXPECT_EQ(examples, 3);
}

TEST(EngineToml, TheExampleEnginesAreRead) {
    const auto engines = load_engines(std::string(HEADRACE_SOURCE_DIR) + "/examples/engines");
    ASSERT_TRUE(engines.has_value()) << engines.error().message;
    EXPECT_FALSE(engines->empty());
}

class EngineFolders : public testing::Test {
  protected:
    EngineFolders() { fs::create_directories(root); }
    ~EngineFolders() override { fs::remove_all(root); }
    void put(const fs::path& folder, std::string_view text) {
        fs::create_directories(root / folder);
        std::ofstream(root / folder / "engine.toml") << text;
    }
    fs::path root = fs::temp_directory_path() / ("headrace-engines-" + std::to_string(::getpid()));
};

TEST_F(EngineFolders, AreSearchedAtAnyDepth) {
    put("b/inner", kOcr);
    put("a", replaced("\"ocr\"", "\"first\""));
    put(".hidden", "broken");
    put("a/venv/lib", "broken");
    std::ofstream(root / "a/venv/pyvenv.cfg") << "home = x\n";
    fs::create_directory_symlink(root / "b", root / "loop");
    const auto engines = load_engines(root);
    ASSERT_TRUE(engines.has_value()) << engines.error().message;
    ASSERT_EQ(engines->size(), 2U);
    EXPECT_EQ((*engines)[0].capability, "first");
    EXPECT_EQ((*engines)[1].directory, root / "b/inner");
    EXPECT_EQ(load_engines(root / "b/inner")->size(), 1U);
    put("c", "slots = 1");
    const auto broken = load_engines(root);
    ASSERT_FALSE(broken);
    EXPECT_NE(broken.error().message.find("c/engine.toml:1: capability required"),
              std::string::npos)
        << broken.error().message;
    EXPECT_EQ(load_engines(root / "none").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace headrace::catalog
