#include <fcntl.h>
#include <sys/stat.h>

#include "sqlite_stores.hpp"

namespace headrace::stores {
namespace {

/// Wall time of the machine (file times are the kernel's), moved by the test.
class ShiftedClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override {
        return SteadyTime(std::chrono::milliseconds(wall()));
    }
    [[nodiscard]] WallMs wall() const override { return system_.wall() + shift_; }
    void advance(std::chrono::minutes by) { shift_ += std::chrono::milliseconds(by).count(); }

  private:
    SystemClock system_;
    WallMs shift_ = 0;
};

/// References as the test says.
class NamedReferences final : public jobs::BlobReferences {
  public:
    Result<std::vector<TenantId>> tenants() override {
        if (broken) return fail(ErrorCode::unavailable, "no database");
        return std::vector<TenantId>{TenantId("acme")};
    }
    Result<bool> refers(const TenantId&, const Sha256& digest) override {
        if (during_look) during_look();
        return referred.contains(digest);
    }
    std::set<Sha256> referred;
    std::function<void()> during_look;
    bool broken = false;
};

class DiskSweep : public testing::Test, protected StoreCalls {
  protected:
    void SetUp() override {
        settings_.low_water = {0, 0};
        reopen();
    }
    void reopen() {
        disk_.reset();
        disk_ = DiskBlobStore::open(folder_ / "blobs", settings_, time_).value();
    }
    jobs::BlobRef store(const std::string& content, const char* tenant = "acme") {
        auto sink = disk_->create(TenantId(tenant)).value();
        EXPECT_TRUE(caller_.ask<void>([&](auto done) { sink->write(content, std::move(done)); }));
        return caller_.ask<jobs::BlobRef>([&](auto done) { sink->finish(true, std::move(done)); })
            .value();
    }
    bool there(const jobs::BlobRef& blob, const char* tenant = "acme") {
        return open(blob, tenant).has_value();
    }
    Result<std::unique_ptr<jobs::BlobSource>> open(const jobs::BlobRef& blob,
                                                   const char* tenant = "acme") {
        return caller_.ask<std::unique_ptr<jobs::BlobSource>>(
            [&](auto done) { disk_->open(TenantId(tenant), blob, std::move(done)); });
    }
    Result<Swept> sweep() {
        return caller_.ask<Swept>([&](auto done) { disk_->sweep(references_, std::move(done)); });
    }
    std::vector<std::filesystem::path> files() {
        std::vector<std::filesystem::path> out;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "blobs")) {
            if (entry.is_regular_file()) out.push_back(entry.path());
        }
        return out;
    }

    TestFolder folder_;
    ShiftedClock time_;
    BlobSettings settings_;
    NamedReferences references_;
    std::unique_ptr<DiskBlobStore> disk_;
};

TEST_F(DiskSweep, AnUnreferencedBlobGoesAfterTwoLooksAnHourApart) {
    const auto loose = store("loose");
    const auto held = store("held");
    const auto foreign = store("of a tenant without references", "gone");
    references_.referred = {held.digest};
    EXPECT_EQ(sweep()->removed, 0U) << "too young";
    time_.advance(std::chrono::minutes(61));
    EXPECT_EQ(sweep()->removed, 0U) << "seen loose for the first time";
    EXPECT_TRUE(there(loose));
    time_.advance(std::chrono::minutes(59));
    EXPECT_EQ(sweep()->removed, 0U);
    time_.advance(std::chrono::minutes(2));
    const auto swept = sweep();
    EXPECT_EQ(swept->removed, 2U);
    EXPECT_EQ(swept->kept, 1U);
    EXPECT_EQ(swept->bytes, loose.size + foreign.size);
    EXPECT_FALSE(there(loose));
    EXPECT_TRUE(there(held));
}

TEST_F(DiskSweep, AReferenceInBetweenBeginsAnew) {
    const auto blob = store("content");
    time_.advance(std::chrono::minutes(61));
    ASSERT_TRUE(sweep());
    references_.referred = {blob.digest};
    time_.advance(std::chrono::minutes(61));
    ASSERT_TRUE(sweep());
    references_.referred.clear();
    time_.advance(std::chrono::minutes(61));
    EXPECT_EQ(sweep()->removed, 0U);
    EXPECT_TRUE(there(blob));
}

// The race that matters: the sweep has decided, and just then the same content is stored again.
TEST_F(DiskSweep, StoringAgainSavesABlobFromTheSweep) {
    const auto blob = store("content");
    const auto path = files().at(0);
    time_.advance(std::chrono::minutes(61));
    ASSERT_TRUE(sweep());
    time_.advance(std::chrono::minutes(61));
    references_.during_look = [&] {
        // What finish() does to a blob that is there already, at the test's time.
        const auto now = std::chrono::milliseconds(time_.wall());
        const timespec stamp{std::chrono::duration_cast<std::chrono::seconds>(now).count(), 0};
        const timespec both[2] = {stamp, stamp};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), both, 0), 0);
    };
    EXPECT_EQ(sweep()->removed, 0U);
    EXPECT_TRUE(there(blob));
}

TEST_F(DiskSweep, StoringAgainMakesYoungAndKeepsOneFile) {
    store("content");
    const auto path = files().at(0);
    const timespec old[2] = {{1000, 0}, {1000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), old, 0), 0);
    store("content");
    ASSERT_EQ(files().size(), 1U);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_GT(status.st_mtim.tv_sec, 1'000'000);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(DiskSweep, NoAnswerAboutReferencesRemovesNothing) {
    const auto blob = store("content");
    time_.advance(std::chrono::minutes(61));
    ASSERT_TRUE(sweep());
    time_.advance(std::chrono::minutes(61));
    references_.broken = true;
    EXPECT_FALSE(sweep());
    EXPECT_TRUE(there(blob));
}

TEST_F(DiskSweep, UnfinishedPiecesGoAtTheNextStart) {
    auto sink = disk_->create(TenantId("acme")).value();
    ASSERT_TRUE(caller_.ask<void>([&](auto done) { sink->write("half", std::move(done)); }));
    ASSERT_EQ(files().size(), 1U);
    const auto half = files().at(0);
    sink.reset();
    disk_.reset();
    EXPECT_TRUE(files().empty()) << "a sink that is dropped removes its file";
    write_file(half, "left by a crash");
    reopen();
    EXPECT_TRUE(files().empty());
}

TEST_F(DiskSweep, NamesAreDigestsOnly) {
    store("content", "acme");
    const std::string path = files().at(0).string();
    EXPECT_EQ(path.find("acme"), std::string::npos);
    EXPECT_NE(path.find(to_hex(sha256("acme")) + "/" + to_hex(sha256("content")).substr(0, 2) +
                        "/" + to_hex(sha256("content"))),
              std::string::npos);
}

TEST_F(DiskSweep, ALowDiskRefuses) {
    disk_.reset();
    settings_.low_water = {1ULL << 62, 0};
    reopen();
    const auto refused = disk_->create(TenantId("acme"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_GT(refused.error().retry_after_s, 0);
}

TEST_F(DiskSweep, DamageIsNoticed) {
    const auto blob = store("content");
    const auto path = files().at(0);
    write_file(path, "CONTENT");
    EXPECT_EQ(open(blob).error().code, ErrorCode::internal) << "changed while the store is open";
    reopen();
    EXPECT_EQ(open(blob).error().code, ErrorCode::internal) << "and before it was";
    store("content");
    EXPECT_TRUE(there(blob)) << "storing it again mends what has the wrong content";
    write_file(path, "cut");
    EXPECT_EQ(open(blob).error().code, ErrorCode::internal);
    store("content");
    EXPECT_TRUE(there(blob)) << "storing it again mends what has the wrong size";
    std::filesystem::remove(path);
    std::filesystem::create_symlink("/etc/passwd", path);
    EXPECT_FALSE(there(blob));
}

}  // namespace
}  // namespace headrace::stores
