#include "main/request_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "catalog/interface.hpp"
#include "catalog/version.hpp"
#include "main/request_lines.hpp"
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
        folder_ = fs::path(testing::TempDir()) /
                  (std::string("requests-") + info->name() + "-" + std::to_string(::getpid()));
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

TEST_F(RequestLogTest, ARefusalHasALineOfItsOwn) {
    auto given = settings();
    given.redact = {"[0-9]{4}"};
    {
        auto log = RequestLog::open(given, registry_, clock_);
        ASSERT_TRUE(log) << log.error().message;
        access::Refusal refusal;
        refusal.tenant = TenantId("a");
        refusal.key = "k1";
        refusal.model = std::string(2'000, 'm');
        refusal.operation = "chat";
        refusal.status = 429;
        refusal.code = "rate_limit_exceeded";
        refusal.message = "not 4711 " + std::string(2'000, 'x');
        refusal.trace = "0af7651916cd43dd8448eb211c80319c";
        (*log)->refused(std::move(refusal));
    }
    RequestQuery query;
    query.outcome = "refused";
    query.status = 429;
    for (const auto* text : {"NOT [RED", "req_0af7651916cd43dd8448eb211c80319c", "0AF7651916"}) {
        query.text = text;
        const auto page = search_requests(folder_, query);
        ASSERT_TRUE(page) << page.error().message;
        ASSERT_EQ(page->lines.size(), 1U) << text;
        const auto& line = page->lines.front();
        EXPECT_EQ(line.at("at").as_string(), "2026-11-29T12:00:00.000Z");
        EXPECT_EQ(line.at("code").as_string(), "rate_limit_exceeded");
        EXPECT_EQ(line.at("model").as_string().size(), 512U);
        EXPECT_EQ(line.at("message").as_string().size(), 512U);
        EXPECT_FALSE(line.contains("job") || line.contains("capability"));
    }
    query.text = "req_1";
    EXPECT_TRUE(search_requests(folder_, query)->lines.empty());
    query.text.clear();
    query.of = {"m"};
    EXPECT_TRUE(search_requests(folder_, query)->lines.empty()) << "a key of other models";
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

/// Three calls on each of three days, the second of model "b".
class RequestSearchTest : public RequestLogTest {
  protected:
    void SetUp() override {
        RequestLogTest::SetUp();
        auto files = RequestFiles::open(folder_, 300, 9);
        ASSERT_TRUE(files);
        for (int day = 0; day < 3; ++day) {
            for (int i = 0; i < 3; ++i) {
                const auto at = kNoon + day * kDay + i;
                files->append(line(at, i == 1 ? "b" : "a", "Day " + std::to_string(day)), at);
                times_.insert(times_.begin(), to_rfc3339(at));
            }
        }
    }

    static std::string line(WallMs at, std::string_view model, std::string_view answer) {
        std::string out = R"({"at":")" + to_rfc3339(at) + R"(","tenant":"t","key":"k","model":")";
        out.append(model).append(R"(","app":"shop","user":"ann","upstream":"gpu-1")");
        out.append(R"(,"capability":"c-)").append(model).append(R"(","outcome":"succeeded")");
        if (model == "b") out.append(R"(,"status":400)");
        return out.append(R"(,"answer":")").append(answer).append("\"}\n");
    }

    std::vector<std::string> times(const RequestQuery& query, const SearchBounds& bounds = {}) {
        std::vector<std::string> out;
        const auto page = search_requests(folder_, query, bounds);
        EXPECT_TRUE(page) << page.error().message;
        if (!page) return out;
        for (const auto& line : page->lines) out.emplace_back(line.at("at").as_string());
        next_ = page->next_cursor;
        return out;
    }

    std::vector<std::string> times_;  // newest first
    std::string next_;                // cursor of the last page
};

TEST_F(RequestSearchTest, GivesTheNewestThatMatch) {
    std::ofstream(folder_ / "requests-2026-12-01.jsonl", std::ios::app) << R"({"torn)";
    RequestQuery query;
    query.model = "a";
    query.limit = 3;
    const auto page = search_requests(folder_, query);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->unreadable, 1U);
    EXPECT_THAT(times(query), ElementsAre(times_[0], times_[2], times_[3]));
    query = {};
    query.text = "dAY 1";
    query.from = kNoon + 1;
    EXPECT_EQ(times(query).size(), 3U);
    query.to = kNoon + kDay + 1;
    EXPECT_EQ(times(query).size(), 1U);
    EXPECT_EQ(next_, "") << "the files were read to their end";
    query.key = "other";
    EXPECT_TRUE(times(query).empty());
}

TEST_F(RequestSearchTest, EveryFilterLeavesOutWhatItIsNot) {
    const auto count = [this](auto set) {
        RequestQuery query;
        set(query);
        return times(query).size();
    };
    EXPECT_EQ(count([](auto& query) { query.app = "shop"; }), 9U);
    EXPECT_EQ(count([](auto& query) { query.app = "sho"; }), 0U);
    EXPECT_EQ(count([](auto& query) { query.user = "ann"; }), 9U);
    EXPECT_EQ(count([](auto& query) { query.user = "bob"; }), 0U);
    EXPECT_EQ(count([](auto& query) { query.upstream = "gpu-2"; }), 0U);
    EXPECT_EQ(count([](auto& query) { query.tenant = "other"; }), 0U);
    EXPECT_EQ(count([](auto& query) { query.outcome = "failed"; }), 0U);
    EXPECT_EQ(count([](auto& query) { query.status = 400; }), 3U);
    EXPECT_EQ(count([](auto& query) { query.status = 401; }), 0U);
    EXPECT_EQ(count([](auto& query) { query.of = {"b", "x"}; }), 3U);
    EXPECT_EQ(count([](auto& query) { query.of = {"c-a"}; }), 6U);
    EXPECT_EQ(count([](auto& query) { query.of = {"x"}; }), 0U);
}

TEST_F(RequestSearchTest, PagesJoinWithoutGapOrTwin) {
    for (const std::size_t limit : {1U, 2U, 4U, 9U}) {
        RequestQuery query;
        query.limit = limit;
        std::vector<std::string> all;
        do {
            const auto page = times(query);
            EXPECT_LE(page.size(), limit);
            all.insert(all.end(), page.begin(), page.end());
            query.cursor = next_;
            ASSERT_LE(all.size(), times_.size());
        } while (!next_.empty());
        EXPECT_EQ(all, times_);
    }
}

TEST_F(RequestSearchTest, BoundsEndAPageAndTheCursorLeadsOn) {
    RequestQuery query;
    query.text = "day 0";
    for (const auto& bounds :
         {SearchBounds{1, kMostFound, kLongestSearch}, SearchBounds{kMostSearched, 1, 1h},
          SearchBounds{kMostSearched, kMostFound, 0ms}}) {
        query.cursor.clear();
        std::vector<std::string> all;
        std::size_t pages = 0;
        do {
            const auto page = times(query, bounds);
            EXPECT_LE(page.size(), 1U);
            all.insert(all.end(), page.begin(), page.end());
            query.cursor = next_;
            ASSERT_LE(++pages, 10U);
        } while (!next_.empty());
        EXPECT_EQ(all, std::vector(times_.begin() + 6, times_.end()));
        EXPECT_GE(pages, 3U);
    }
}

TEST_F(RequestSearchTest, WhatIsWrittenMeanwhileDoesNotMoveTheCursor) {
    RequestQuery query;
    query.limit = 2;
    EXPECT_THAT(times(query), ElementsAre(times_[0], times_[1]));
    query.cursor = next_;
    auto files = RequestFiles::open(folder_, 300, 9);
    const auto at = kNoon + 2 * kDay;
    for (int i = 0; i < 5; ++i) files->append(line(at + 9, "new", ""), at);
    EXPECT_THAT(times(query), ElementsAre(times_[2], times_[3]));
    // Its file's time is over: what is older is still found.
    for (const auto& file : request_files(folder_)) {
        if (file.day == "2026-12-01") fs::remove(file.path);
    }
    EXPECT_THAT(times(query), ElementsAre(times_[3], times_[4]));
}

TEST_F(RequestSearchTest, CursorsThatAreNoneAreRefused) {
    for (const auto* cursor :
         {"x", "2026-11-29", "2026-11-29.", "2026-11-29.0", "2026-11-29.0.", "2026-11-29.0.-1",
          "2026-11-29.0.1x", "2026-13-29.0.1", "../../etc.0.1", "2026-11-29.99999999999.1"}) {
        RequestQuery query;
        query.cursor = cursor;
        const auto page = search_requests(folder_, query);
        ASSERT_FALSE(page) << cursor;
        EXPECT_EQ(page.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(page.error().violations.at(0).path, "query.cursor");
    }
    // One within a line gives no part of that line.
    RequestQuery query;
    query.cursor = "2026-11-29.0.40";
    EXPECT_TRUE(times(query).empty());
}

TEST_F(RequestSearchTest, LinesLongerThanABlockAreRead) {
    const std::string words(700'000, 'w');
    {
        std::ofstream out(folder_ / "requests-2026-12-02.jsonl");
        out << line(kNoon, "a", "first") << line(kNoon + 1, "long", words)
            << std::string(LinesBackwards::kLongest + 300'000, 'x') << '\n'
            << line(kNoon + 2, "a", "last");
    }
    RequestQuery query;
    query.limit = 3;
    const auto page = search_requests(folder_, query, {1ULL << 40, 1ULL << 40, 1h});
    ASSERT_TRUE(page);
    ASSERT_EQ(page->lines.size(), 3U);
    EXPECT_EQ(page->unreadable, 1U);
    EXPECT_EQ(page->lines[0].at("answer").as_string(), "last");
    EXPECT_EQ(page->lines[1].at("answer").as_string(), words);
    EXPECT_EQ(page->lines[2].at("answer").as_string(), "first");
}

TEST_F(RequestSearchTest, ALinkInTheFolderIsNotFollowed) {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    fs::create_symlink("/etc/passwd", folder_ / "requests-2026-12-03.jsonl");
    EXPECT_FALSE(search_requests(folder_, {}));
}

}  // namespace
}  // namespace headrace::main
