#include "config/config.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "config/show.hpp"

namespace headrace::config {
namespace {

class ConfigTest : public testing::Test {
  protected:
    std::filesystem::path file(const std::string& content) {
        std::ofstream(path_) << content;
        return path_;
    }
    void TearDown() override { std::filesystem::remove(path_); }
    static std::string first_problem(const Sources& sources) {
        const auto loaded = load(declared(), sources);
        return loaded ? "" : loaded.error().message;
    }

  private:
    std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) /
                                  ("config-" + std::to_string(::getpid()) + ".toml");
};

TEST_F(ConfigTest, DefaultsAreDeclaredOnceAndWithinTheirOwnBounds) {
    std::set<std::string> names;
    for (const auto& setting : declared()) {
        EXPECT_TRUE(names.insert(setting.name()).second) << setting.name();
        EXPECT_FALSE(setting.doc.empty()) << setting.name();
        EXPECT_FALSE(section_doc(setting.section).empty()) << setting.section;
        const auto value = parse_value(setting, setting.initial);
        ASSERT_TRUE(value) << setting.name();
        EXPECT_TRUE(check_value(setting, *value)) << setting.name();
        EXPECT_EQ(*parse_value(setting, show_value(setting, *value)), *value) << setting.name();
    }
}

TEST_F(ConfigTest, LaterSourcesWinAndEachValueKnowsItsOrigin) {
    Sources sources;
    sources.file = file(
        "[server]\ndata = \"a\"\ndrain_s = 5\n[limits]\nbody_bytes = \"1MiB\"\n"
        "[client]\ncors_origins = [\"https://a\", \"https://b\"]\n");
    sources.environment = {{"HEADRACE_SERVER_DATA", "b"}, {"HEADRACE_SERVER_IO_LOOPS", "2"}};
    sources.overrides = {{"server.io_loops", "3", "--set"}, {"server.io_loops", "4", "--set"}};
    const auto config = load(declared(), sources);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->text("server.data"), "b");
    EXPECT_EQ(config->entry("server.data").origin, "HEADRACE_SERVER_DATA");
    EXPECT_EQ(config->integer("server.io_loops"), 4);
    EXPECT_EQ(config->entry("server.io_loops").origin, "--set");
    EXPECT_EQ(config->seconds("server.drain_s"), 5);
    EXPECT_EQ(config->entry("server.drain_s").origin, sources.file->string() + ":3");
    EXPECT_EQ(config->integer("limits.body_bytes"), 1 << 20);
    EXPECT_EQ(config->list("client.cors_origins"),
              (std::vector<std::string>{"https://a", "https://b"}));
    EXPECT_EQ(config->entry("log.level").origin, "default");
}

TEST_F(ConfigTest, UnknownNamesSayWhereAndWhatWasMeant) {
    Sources sources;
    sources.file = file("[server]\n\ndta = \"x\"\n");
    EXPECT_EQ(first_problem(sources),
              sources.file->string() + ":3: unknown setting server.dta; did you mean server.data?");
    EXPECT_EQ(first_problem({.environment = {{"HEADRACE_LOG_LEVLE", "info"}}}),
              "HEADRACE_LOG_LEVLE: unknown setting; did you mean HEADRACE_LOG_LEVEL?");
    EXPECT_EQ(first_problem({.overrides = {{"zzz.yyy", "1", "--set"}}}),
              "--set: unknown setting zzz.yyy");
    // Names of the client commands and Kubernetes' own are nobody's typo.
    EXPECT_EQ(first_problem({.environment = {{"HEADRACE_URL", "x"},
                                             {"HEADRACE_CONTROL_URL", "x"},
                                             {"HEADRACE_KEY_FILE", "x"},
                                             {"HEADRACE_SERVER_SERVICE_HOST", "10.0.0.1"},
                                             {"HEADRACE_SERVER_PORT", "tcp://10.0.0.1:8600"}}}),
              "");
}

TEST_F(ConfigTest, EveryProblemIsFoundAndNothingIsTaken) {
    Sources sources;
    sources.file = file(
        "top = 1\n[jobs]\nmax_attempts = 0\nlease_s = \"soon\"\n[log]\nlevel = \"loud\"\n"
        "[limits]\nbody_bytes = \"3 cats\"\n[server.deeper]\nx = 1\n");
    const auto config = load(declared(), sources);
    ASSERT_FALSE(config);
    std::vector<std::string> names;
    for (const auto& problem : config.error().violations) names.push_back(problem.path);
    EXPECT_EQ(names,
              (std::vector<std::string>{"jobs.lease_s", "jobs.max_attempts", "limits.body_bytes",
                                        "log.level", "server.deeper", "top"}));
    EXPECT_EQ(config.error().violations[1].rule,
              sources.file->string() + ":3: jobs.max_attempts must be from 1 to 100");
    EXPECT_EQ(config.error().violations[3].rule,
              sources.file->string() + ":6: log.level must be debug, info, warn, error or off");
}

TEST_F(ConfigTest, BrokenAndMissingFilesAreNamed) {
    Sources sources;
    sources.file = file("[server]\ndata = \n");
    EXPECT_TRUE(first_problem(sources).starts_with(sources.file->string() + ":2: not valid TOML"))
        << first_problem(sources);
    EXPECT_EQ(first_problem({.file = "/no/such.toml"}), "/no/such.toml: cannot be read");
}

TEST_F(ConfigTest, ValuesOfTheWrongShapeAreRefused) {
    for (const auto* text : {"limits.body_bytes=-1", "limits.body_bytes=9999999GiB",
                             "jobs.lease_s=nan", "jobs.lease_s=1e999", "jobs.max_attempts=1.5",
                             "client.insecure=yes", "jobs.max_attempts=", "log.format=xml"}) {
        const auto item = parse_override(text);
        ASSERT_TRUE(item);
        EXPECT_NE(first_problem({.overrides = {*item}}), "") << text;
    }
    EXPECT_FALSE(parse_override("server.data"));
    EXPECT_FALSE(parse_override("data=1.2"));
}

constexpr Setting kWithSecret[] = {
    {.section = "s", .key = "token", .type = Type::secret, .doc = "d"}};

TEST_F(ConfigTest, SecretsComeFromFilesAndAreNeverShown) {
    const auto path = file("hush\n");
    const auto config =
        load(kWithSecret, {.environment = {{"HEADRACE_S_TOKEN_FILE", path.string()}}});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->secret("s.token").reveal(), "hush");
    EXPECT_EQ(json::serialize(to_json(*config)).find("hush"), std::string::npos);
    EXPECT_EQ(show_value(kWithSecret[0], config->entry("s.token").value), "(set)");
    EXPECT_FALSE(load(kWithSecret, {.environment = {{"HEADRACE_S_TOKEN_FILE", path.string()},
                                                    {"HEADRACE_S_TOKEN", "x"}}}));
    EXPECT_FALSE(load(kWithSecret, {.environment = {{"HEADRACE_S_TOKEN_FILE", "/no/such"}}}));
}

TEST_F(ConfigTest, ChangesTellWhatDiffers) {
    const auto before = load(declared(), {});
    const auto after = load(declared(), {.overrides = {{"log.level", "debug", "--set"}}});
    ASSERT_TRUE(before && after);
    const auto found = changes(*before, *after);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].setting->name(), "log.level");
    EXPECT_FALSE(found[0].setting->restart);
    EXPECT_EQ(found[0].before + found[0].after, "infodebug");
}

TEST_F(ConfigTest, TheDocumentIsWhatTheTableSays) {
    const std::string path = HEADRACE_SOURCE_DIR "/docs/operate/configuration.md";
    if (std::getenv("HEADRACE_UPDATE_GOLDEN") != nullptr)
        std::ofstream(path) << to_markdown(declared());
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    EXPECT_TRUE(text.str() == to_markdown(declared()))
        << "run with HEADRACE_UPDATE_GOLDEN=1, or: headrace config docs";
}

}  // namespace
}  // namespace headrace::config
