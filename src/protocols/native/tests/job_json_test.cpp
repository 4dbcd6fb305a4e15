#include "protocols/native/job_json.hpp"

#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "access/secrets.hpp"
#include "base/json.hpp"

namespace headrace::protocols::native {
namespace {

struct FixedClock final : Clock {
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return 1'700'000'000'000; }
};

class JobJson : public testing::Test {
  protected:
    void SetUp() override {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        path_ = std::filesystem::path(testing::TempDir()) /
                (std::string("job_json_") + test->name() + ".key-" + std::to_string(::getpid()));
        std::filesystem::remove(path_);
        keys_ = access::MasterKeys::open(path_).value();
        urls_ = std::make_unique<access::SignedUrls>(*keys_, clock_);
        job.id = JobId(Uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057").value());
        job.tenant = TenantId("acme");
        job.capability = "echo";
        job.version = "1.0.0";
        job.created_at = 1'700'000'000'123;
    }
    void TearDown() override { std::filesystem::remove(path_); }

    [[nodiscard]] Links links() const {
        return Links{*urls_, clock_.wall() + 3'600'000, job.tenant, "http://host:1"};
    }
    [[nodiscard]] std::string text(const JobShape& shape = {}) const {
        std::string out;
        append_job(out, job, links(), shape);
        EXPECT_TRUE(parse_json(out)) << out;
        return out;
    }

    FixedClock clock_;
    std::filesystem::path path_;
    std::optional<access::MasterKeys> keys_;
    std::unique_ptr<access::SignedUrls> urls_;
    jobs::JobRecord job;
};

TEST_F(JobJson, QueuedHasWhatItHas) {
    const std::optional<jobs::QueuePlace> place = jobs::QueuePlace{3, 1.25};
    EXPECT_EQ(text({&place, nullptr}),
              R"({"id":"01890a5d-ac96-774b-bcce-b302099a8057","capability":"echo@1.0.0",)"
              R"("state":"queued","created_at":"2023-11-14T22:13:20.123Z",)"
              R"("queue":{"position":3,"estimate_s":1.25}})");
}

TEST_F(JobJson, RunningShowsProgressWithItsOutputs) {
    job.state = jobs::JobState::running;
    job.started_at = 1'700'000'001'000;
    job.attempt = 2;
    job.progress.fraction = 0.5;
    job.progress.message = "half \"way\"";
    catalog::Values values;
    values.set("preview", catalog::Value(std::string("p")));
    job.progress.values = catalog::encode(values);
    EXPECT_EQ(text(), R"({"id":"01890a5d-ac96-774b-bcce-b302099a8057","capability":"echo@1.0.0",)"
                      R"("state":"running","created_at":"2023-11-14T22:13:20.123Z",)"
                      R"("started_at":"2023-11-14T22:13:21.000Z","attempt":2,)"
                      R"("progress":{"fraction":0.5,"message":"half \"way\"","preview":"p"}})");
}

TEST_F(JobJson, EndedShowsErrorAndUsage) {
    job.state = jobs::JobState::failed;
    job.finished_at = 1'700'000'002'000;
    job.attempt = 5;
    job.error = jobs::JobError{"engine_failed", "no", "dead", true};
    job.usage.engine_us = 1'500'000;
    job.usage.bytes_in = 1;
    job.usage.bytes_out = 2;
    job.usage.meters = {{"tokens", 7}};
    EXPECT_EQ(text(),
              R"({"id":"01890a5d-ac96-774b-bcce-b302099a8057","capability":"echo@1.0.0",)"
              R"("state":"failed","created_at":"2023-11-14T22:13:20.123Z",)"
              R"("finished_at":"2023-11-14T22:13:22.000Z","attempt":5,)"
              R"("error":{"code":"engine_failed","message":"no","reason":"dead","retryable":true},)"
              R"("usage":{"engine_s":1.5,"bytes_in":1,"bytes_out":2,"meters":{"tokens":7}}})");
}

TEST_F(JobJson, AnErrorSaysWhenToTryAgain) {
    job.state = jobs::JobState::failed;
    job.error = jobs::JobError{"unavailable", "busy", "", false, 40};
    const auto tree = parse_json_object(text());
    ASSERT_TRUE(tree);
    EXPECT_EQ(tree->at("error").at("retry_after"), 40);
}

TEST_F(JobJson, AcceptedIsTheSameForEver) {
    std::string at_accept;
    append_accepted(at_accept, job);
    job.state = jobs::JobState::succeeded;
    job.attempt = 1;
    job.started_at = job.finished_at = 1'700'000'002'000;
    std::string later;
    append_accepted(later, job);
    EXPECT_EQ(at_accept, later);
    EXPECT_EQ(at_accept,
              R"({"id":"01890a5d-ac96-774b-bcce-b302099a8057","capability":"echo@1.0.0",)"
              R"("state":"queued","created_at":"2023-11-14T22:13:20.123Z"})");
}

TEST_F(JobJson, MediaHaveASignedAddressAndTheirDigest) {
    const auto file = Uuid::parse("01890a5d-ac96-774b-bcce-b302099a8058").value();
    catalog::Media media;
    media.content_type = "image/png";
    media.source = catalog::FileSource{file.text()};
    catalog::Values values;
    values.set("image", catalog::Value(media));
    job.state = jobs::JobState::succeeded;
    auto payload = std::make_shared<jobs::Payload>();
    payload->values = catalog::encode(values);
    payload->media = {{sha256("content"), 7}};
    job.output = payload;
    const auto object = parse_json_object(text({nullptr, &payload->values})).value();
    const auto& image = object.at("output").as_object().at("image").as_object();
    EXPECT_EQ(image.size(), 5U);
    EXPECT_EQ(std::string(image.at("file_id").as_string()), file.text());
    EXPECT_EQ(image.at("size").as_int64(), 7);
    EXPECT_EQ(std::string(image.at("sha256").as_string()), to_hex(sha256("content")));
    const std::string url(image.at("url").as_string());
    const std::string start = "http://host:1/api/v1/files/" + file.text() + "/content?token=";
    ASSERT_TRUE(url.starts_with(start)) << url;
    const auto claim =
        urls_->verify(url.substr(start.size()), access::UrlPurpose::read_content, FileId(file));
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->tenant, job.tenant);
    EXPECT_EQ(claim->expires_at, clock_.wall() + 3'600'000);
}

TEST_F(JobJson, TheTagFollowsTheObject) {
    const auto record = std::make_shared<jobs::JobRecord>(job);
    jobs::JobView view{record, std::nullopt};
    const auto before = etag_of(view);
    EXPECT_EQ(before, etag_of(view));
    EXPECT_TRUE(before.starts_with('"') && before.ends_with('"'));
    record->progress.fraction = 0.5;
    EXPECT_NE(before, etag_of(view));
    record->progress.fraction = -1;
    record->output_removed = true;
    EXPECT_NE(before, etag_of(view));
    record->output_removed = false;
    view.queue = jobs::QueuePlace{1, -1};
    EXPECT_NE(before, etag_of(view));
}

}  // namespace
}  // namespace headrace::protocols::native
