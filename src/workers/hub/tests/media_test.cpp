// Media and large values through the hub, both ways.
#include "workers/hub/tests/hub_fixture.hpp"

namespace headrace::workers::hub {
namespace {

constexpr const char* kPicture =
    R"({"inputs":{"image":{"kind":"image"}},)"
    R"("outputs":{"image":{"kind":"image"},"text":{"kind":"text","conditional":true}}})";

class MediaTest : public HubTest {
  protected:
    std::unique_ptr<TestWorker> ready_picture() {
        picture = version_of("picture", kPicture);
        auto worker = local(picture);
        worker->send(hello("picture"));
        worker->credit();
        return worker;
    }
    jobs::Payload with_blob(const std::string& bytes) {
        const auto blob = blobs.put(bytes);
        catalog::Values values;
        catalog::Media media;
        media.content_type = "image/png";
        media.size = blob.size;
        media.source = catalog::BlobSource{blob.digest};
        values.set("image", media);
        jobs::Payload payload;
        payload.values = catalog::encode(values);
        payload.media = {blob};
        return payload;
    }
    static std::string bytes_of(const TestWorker& worker, std::uint32_t part) {
        std::string all;
        for (const auto& frame : worker.frames) {
            if (frame.input().chunk().part() == part) all += frame.input().chunk().data();
        }
        return all;
    }
    static bool has_last(const TestWorker& worker, std::uint32_t part) {
        for (const auto& frame : worker.frames) {
            if (frame.has_input() && frame.input().chunk().part() == part &&
                frame.input().chunk().last())
                return true;
        }
        return false;
    }
    /// Gives room for what has come, as a worker does.
    void grant(TestWorker& worker, std::uint64_t bytes) {
        wire::Frame frame;
        *frame.mutable_window()->mutable_ref() = worker.leased().ref();
        frame.mutable_window()->set_bytes(bytes);
        worker.send(frame);
    }
    static catalog::Values image_of(const catalog::Media& media) {
        catalog::Values values;
        values.set("image", media);
        return values;
    }
    jobs::VersionPtr picture;
};

TEST_F(MediaTest, BlobsOfTheInputComeAsChunksWithinTheWindow) {
    const auto worker = ready_picture();
    const std::string bytes(700'000, 'p');
    submit(picture, with_blob(bytes));
    ASSERT_TRUE(
        wait([&] { return worker->leases() == 1 && bytes_of(*worker, 1).size() >= 256 * 1024; }));
    EXPECT_EQ(worker->leased().parts(), 1U);
    const auto values = catalog::decode(worker->leased().values());
    ASSERT_TRUE(values);
    EXPECT_TRUE(std::holds_alternative<catalog::PartSource>(
        values->find("image")->get<catalog::Media>()->source));
    EXPECT_LE(bytes_of(*worker, 1).size(), 256U * 1024 + link::kMaxChunk);
    grant(*worker, 1'000'000);
    ASSERT_TRUE(wait([&] { return has_last(*worker, 1); }));
    EXPECT_EQ(bytes_of(*worker, 1), bytes);
}

TEST_F(MediaTest, ABlobThatIsGoneFailsTheJobAndStopsTheWorker) {
    const auto worker = ready_picture();
    auto payload = with_blob("gone");
    blobs.content.clear();
    const auto events = submit(picture, std::move(payload));
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(events->record()->error->code, "internal");
    EXPECT_TRUE(wait([&] { return worker->find(&wire::Frame::has_cancel) != nullptr; }));
}

TEST_F(MediaTest, SpilledValuesComeAsPartZero) {
    const auto worker = ready_echo();
    const auto values = text(std::string(200'000, 'v')).values;
    jobs::Payload payload;
    payload.spilled = blobs.put(values);
    submit(echo, std::move(payload));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1 && has_last(*worker, 0); }));
    EXPECT_EQ(worker->leased().values_size(), values.size());
    EXPECT_EQ(bytes_of(*worker, 0), values);
}

TEST_F(MediaTest, SpilledValuesWithMediaAreRewrittenFirst) {
    picture = version_of("both", R"({"inputs":{"image":{"kind":"image"},"text":{"kind":"text"}},)"
                                 R"("outputs":{"text":{"kind":"text"}}})");
    const auto worker = local(picture);
    worker->send(hello("both"));
    worker->credit();
    auto payload = with_blob("image bytes");
    auto values = *catalog::decode(payload.values);
    values.set("text", std::string(100'000, 't'));
    payload.spilled = blobs.put(catalog::encode(values));
    payload.values.clear();
    submit(picture, std::move(payload));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1 && has_last(*worker, 1); }));
    const auto sent = catalog::decode(worker->leased().values());
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->find("text")->get<std::string>()->size(), 100'000U);
    EXPECT_EQ(bytes_of(*worker, 1), "image bytes");
}

TEST_F(MediaTest, ChunksOfTheOutputBecomeAFile) {
    const auto worker = ready_picture();
    const auto events = submit(picture, with_blob("in"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    wire::Frame chunk;
    *chunk.mutable_output()->mutable_ref() = worker->leased().ref();
    auto* piece = chunk.mutable_output()->mutable_chunk();
    piece->set_part(1);
    piece->set_data(std::string(60'000, 'a'));
    worker->send(chunk);
    piece->set_data("end");
    piece->set_last(true);
    worker->send(chunk);
    catalog::Media media;
    media.content_type = "image/jpeg";
    media.source = catalog::PartSource{1};
    worker->result(worker->leased().ref(), image_of(media));
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    ASSERT_EQ(events->record()->state, jobs::JobState::succeeded)
        << events->record()->error->message;
    ASSERT_EQ(log.files.size(), 1U);
    const auto& file = log.files[0];
    EXPECT_EQ(file.owner, "caller-1");
    EXPECT_EQ(file.content_type, "image/jpeg");
    EXPECT_EQ(file.blob.size, 60'003U);
    EXPECT_EQ(file.job, job);
    const auto values = catalog::decode(events->record()->output->values);
    const auto* out = values->find("image")->get<catalog::Media>();
    EXPECT_EQ(std::get<catalog::FileSource>(out->source).id, file.id.text());
    EXPECT_EQ(out->size, 60'003U);
    EXPECT_EQ(events->record()->output->media, std::vector<jobs::BlobRef>{file.blob});
}

TEST_F(MediaTest, InlineMediaOfAnOutputBecomeAFileToo) {
    const auto worker = ready_picture();
    const auto events = submit(picture, with_blob("in"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    catalog::Media media;
    media.content_type = "image/png";
    media.size = 5;
    media.source = catalog::InlineBytes{"small"};
    worker->result(worker->leased().ref(), image_of(media));
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    ASSERT_EQ(log.files.size(), 1U);
    EXPECT_EQ(blobs.content.at(to_hex(log.files[0].blob.digest)), "small");
}

TEST_F(MediaTest, MediaThatDidNotComeOrPointElsewhereFailTheJob) {
    const auto worker = ready_picture();
    catalog::Media missing;
    missing.content_type = "image/png";
    missing.source = catalog::PartSource{4};
    catalog::Media foreign;
    foreign.content_type = "image/png";
    foreign.source = catalog::FileSource{"0190a1b2-0000-7000-8000-000000000000"};
    for (const auto& media : {missing, foreign}) {
        worker->credit();
        const auto before = worker->leases();
        const auto events = submit(picture, with_blob("in"));
        ASSERT_TRUE(wait([&] { return worker->leases() == before + 1; }));
        worker->result(worker->leased(before).ref(), image_of(media));
        ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
        EXPECT_EQ(events->record()->error->code, "engine_failed");
        EXPECT_NE(events->record()->error->message.find("output.image"), std::string::npos);
    }
}

TEST_F(MediaTest, AFullDiskFailsTheAttemptAsUnavailable) {
    const auto worker = ready_picture();
    const auto events = submit(picture, with_blob("in"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    blobs.full = true;
    catalog::Media media;
    media.content_type = "image/png";
    media.source = catalog::InlineBytes{"small"};
    worker->result(worker->leased().ref(), image_of(media));
    worker->credit();
    ASSERT_TRUE(wait([&] { return worker->leases() == 2; }));  // it is tried again
    EXPECT_EQ(worker->leased(1).attempt(), 2U);
    blobs.full = false;
    worker->result(worker->leased(1).ref(), image_of(media));
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(events->record()->state, jobs::JobState::succeeded);
}

TEST_F(MediaTest, LargeValuesOfAnOutputAreSpilled) {
    const auto worker = ready_echo();
    const auto events = submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    const auto values = text(std::string(150'000, 'v')).values;
    for (std::size_t at = 0; at < values.size(); at += link::kMaxChunk) {
        wire::Frame chunk;
        *chunk.mutable_output()->mutable_ref() = worker->leased().ref();
        chunk.mutable_output()->mutable_chunk()->set_data(values.substr(at, link::kMaxChunk));
        chunk.mutable_output()->mutable_chunk()->set_last(at + link::kMaxChunk >= values.size());
        worker->send(chunk);
    }
    wire::Frame frame;
    auto* result = frame.mutable_result()->add_results();
    *result->mutable_ref() = worker->leased().ref();
    result->set_values_size(values.size());
    worker->send(frame);
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    ASSERT_TRUE(events->record()->output->spilled);
    EXPECT_EQ(blobs.content.at(to_hex(events->record()->output->spilled->digest)), values);
}

}  // namespace
}  // namespace headrace::workers::hub
