#include "main/request_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "catalog/interface.hpp"
#include "catalog/version.hpp"
#include "main/request_search.hpp"

namespace headrace::main {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr WallMs kNoon = 1'795'953'600'000;  // 2026-11-29T12:00:00Z
constexpr WallMs kDay = 86'400'000;

class FixedClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return kNoon; }
};

class RequestLogTest : public testing::Test {
  protected:
    void SetUp() override {
        const auto* info = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::path(testing::TempDir()) / (std::string("requests-") + info->name());
        fs::remove_all(folder_);
        auto interface = catalog::interface_from_json(
            R"({"profile":"chat","inputs":{},"parameters":{"messages":{"kind":"json"}},)"
            R"("outputs":{"text":{"kind":"text"}}})");
        auto version = std::make_shared<catalog::Version>();
        version->model = "org/m";
        version->validator = *catalog::Validator::compile(std::move(*interface));
        version_ = version;
    }
    void TearDown() override { fs::remove_all(folder_); }

    RequestLogSettings settings() const {
        RequestLogSettings out;
        out.folder = folder_;
        return out;
    }

    static std::shared_ptr<const jobs::Payload> payload(std::string_view name,
                                                        catalog::Value value) {
        catalog::Values values;
        values.set(name, std::move(value));
        auto out = std::make_shared<jobs::Payload>();
        out->values = catalog::encode(values);
        return out;
    }

    /// Writes one call and gives the lines that are there then.
    std::string write(const RequestLogSettings& settings, const std::string& asked,
                      const std::string& said) {
        {
            auto log = RequestLog::open(settings, registry_, clock_);
            EXPECT_TRUE(log) << log.error().message;
            if (!log) return "";
            jobs::JobRecord job;
            job.tenant = TenantId("a");
            job.caller = "k1";
            job.capability = "m";
            job.created_at = kNoon - 1'000;
            job.finished_at = kNoon;
            job.attempt = 1;
            job.state = jobs::JobState::succeeded;
            job.usage.meters = {{"prompt_tokens", 7}, {"completion_tokens", 3}};
            job.output = payload("text", said);
            const auto input = payload("messages", catalog::Json{asked});
            jobs::EndFacts facts{version_, input};
            facts.waited = 2ms;
            facts.first_output = 250ms;
            facts.after_first = 700ms;
            (*log)->record(job, facts, "gpu-1");
        }
        std::string out;
        for (const auto& file : request_files(folder_)) {
            std::ifstream in(file.path);
            out += (std::stringstream() << in.rdbuf()).str();
        }
        return out;
    }

    fs::path folder_;
    jobs::VersionPtr version_;
    telemetry::Registry registry_;
    FixedClock clock_;
};

TEST_F(RequestLogTest, ALineWithoutTexts) {
    const auto text = write(settings(), R"([{"content":"private"}])", "secret words");
    const auto line = parse_json_object(text);
    ASSERT_TRUE(line) << text;
    EXPECT_EQ(line->at("at").as_string(), "2026-11-29T11:59:59.000Z");
    EXPECT_EQ(line->at("key").as_string(), "k1");
    EXPECT_EQ(line->at("model").as_string(), "org/m");
    EXPECT_EQ(line->at("outcome").as_string(), "succeeded");
    EXPECT_EQ(line->at("upstream").as_string(), "gpu-1");
    EXPECT_EQ(line->at("prompt_tokens").as_int64(), 7);
    EXPECT_EQ(line->at("completion_tokens").as_int64(), 3);
    EXPECT_EQ(line->at("first_token_ms").to_number<double>(), 250);
    EXPECT_EQ(line->at("total_ms").as_int64(), 1'000);
    EXPECT_THAT(text, Not(HasSubstr("private")));
    EXPECT_THAT(text, Not(HasSubstr("secret")));
    struct stat status {};
    ASSERT_EQ(::stat((folder_ / "requests-2026-11-29.jsonl").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    ASSERT_EQ(::stat(folder_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST_F(RequestLogTest, TextsAreRedactedThenCut) {
    auto given = settings();
    given.bodies = true;
    given.body_bytes = 40;
    given.redact = {"[0-9]{4} ?[0-9]{4}", "(?i)token=[a-z]+"};
    // One number is hidden by an escape, the other one lies across the cut.
    const auto text = write(given, R"([{"content":"4111\u00201111 and Token=abc"}])",
                            "the number that you asked for is: 5500 0000 and so on and so on");
    EXPECT_THAT(text, Not(HasSubstr("1111")));
    EXPECT_THAT(text, Not(HasSubstr("abc")));
    EXPECT_THAT(text, Not(HasSubstr("5500")));
    const auto line = parse_json_object(text);
    ASSERT_TRUE(line) << text;
    EXPECT_EQ(line->at("answer").as_string(), "the number that you asked for is: [redac");
    EXPECT_GT(line->at("answer_bytes").as_int64(), 40);
    EXPECT_THAT(std::string(line->at("request").as_string()), HasSubstr("[redacted]"));
}

TEST_F(RequestLogTest, WhatIsNoStrictJsonIsLeftOutWherePatternsAre) {
    auto given = settings();
    given.bodies = true;
    given.redact = {"secret"};
    EXPECT_THAT(write(given, R"([{"a":"s\u0065cret","a":1}])", "x"), Not(HasSubstr("cret")));
}

TEST_F(RequestLogTest, PatternsThatAreNone) {
    EXPECT_FALSE(Redaction::make({"("}));
    EXPECT_FALSE(Redaction::make({"a*"}));
    EXPECT_TRUE(Redaction::make({"a+", "\\bsk-[A-Za-z0-9]+"}));
}

TEST_F(RequestLogTest, ACutLeavesNoHalfCharacter) {
    EXPECT_EQ(cut_text("aé", 2), "a");
    EXPECT_EQ(cut_text("aé", 3), "aé");
    EXPECT_EQ(cut_text("日本", 5), "日");
}

TEST_F(RequestLogTest, FilesTurnByDayAndSizeAndGoByAge) {
    auto files = RequestFiles::open(folder_, 20, 2);
    ASSERT_TRUE(files) << files.error().message;
    const std::string line(15, 'x');
    EXPECT_TRUE(files->append(line, kNoon));
    EXPECT_TRUE(files->append(line, kNoon));
    EXPECT_TRUE(files->append(line, kNoon + kDay));
    const auto names = [this] {
        std::vector<std::string> out;
        for (const auto& file : request_files(folder_))
            out.push_back(file.path.filename().string());
        return out;
    };
    EXPECT_THAT(names(), ElementsAre("requests-2026-11-30.jsonl", "requests-2026-11-29.1.jsonl",
                                     "requests-2026-11-29.jsonl"));
    // Another start of the same day goes on where the last one was.
    auto again = RequestFiles::open(folder_, 100, 2);
    EXPECT_TRUE(again->append(line, kNoon));
    EXPECT_EQ(fs::file_size(folder_ / "requests-2026-11-29.1.jsonl"), 30U);
    std::ofstream(folder_ / "notes.txt") << "not ours";
    EXPECT_EQ(files->expire(kNoon + 2 * kDay), 0U);
    EXPECT_EQ(files->expire(kNoon + 3 * kDay), 2U);
    EXPECT_THAT(names(), ElementsAre("requests-2026-11-30.jsonl"));
    EXPECT_TRUE(fs::exists(folder_ / "notes.txt"));
}

TEST_F(RequestLogTest, ASearchGivesTheNewestThatMatch) {
    auto files = RequestFiles::open(folder_, 1 << 20, 9);
    ASSERT_TRUE(files);
    for (int day = 0; day < 3; ++day) {
        for (int i = 0; i < 3; ++i) {
            const auto at = kNoon + day * kDay + i;
            files->append("{\"at\":\"" + to_rfc3339(at) + "\",\"model\":\"" + (i == 1 ? "b" : "a") +
                              "\",\"key\":\"k\",\"answer\":\"Day " + std::to_string(day) + "\"}\n",
                          at);
        }
    }
    files->append("{\"torn", kNoon + 2 * kDay);
    RequestQuery query;
    query.model = "a";
    query.limit = 3;
    auto found = search_requests(folder_, query);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->unreadable, 1U);
    ASSERT_EQ(found->lines.size(), 3U);
    EXPECT_EQ(found->lines[0].at("at").as_string(), to_rfc3339(kNoon + kDay + 2));
    EXPECT_EQ(found->lines[2].at("at").as_string(), to_rfc3339(kNoon + 2 * kDay + 2));
    query = {};
    query.text = "dAY 1";
    query.from = kNoon + 1;
    EXPECT_EQ(search_requests(folder_, query)->lines.size(), 3U);
    query.to = kNoon + kDay + 1;
    EXPECT_EQ(search_requests(folder_, query)->lines.size(), 1U);
    query.key = "other";
    EXPECT_TRUE(search_requests(folder_, query)->lines.empty());
}

}  // namespace
}  // namespace headrace::main
