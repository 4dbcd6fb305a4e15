#include "access/secrets.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/digest.hpp"

namespace headrace::access {
namespace {

class ManualClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return wall_; }
    WallMs wall_ = 1'000'000;
};

struct SecretsTest : testing::Test {
    std::filesystem::path folder =
        std::filesystem::path(testing::TempDir()) / ("secrets_test-" + std::to_string(::getpid()));
    std::string path = folder / "master.key";
    void SetUp() override {
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
    }
    void TearDown() override { std::filesystem::remove_all(folder); }
    MasterKeys keys() { return MasterKeys::open(path).value(); }
};

TEST_F(SecretsTest, TheFileIsMadeOnceAndPrivate) {
    const auto first = keys();
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(first.derive("x").reveal(), keys().derive("x").reveal());
    EXPECT_NE(first.derive("x").reveal(), first.derive("y").reveal());
    EXPECT_EQ(first.derive("x").reveal().size(), 32U);
}

TEST_F(SecretsTest, AnOpenOrDamagedFileStopsTheStart) {
    keys();
    ::chmod(path.c_str(), 0640);
    const auto open = MasterKeys::open(path);
    ASSERT_FALSE(open);
    EXPECT_NE(open.error().message.find("0600"), std::string::npos);
    ::chmod(path.c_str(), 0600);
    const std::string hex(64, 'a');
    for (const std::string& bad :
         {std::string(), "1 " + hex, std::string("1 abcd\n"), "x " + hex + "\n",
          "2 " + hex + "\n1 " + hex + "\n", "1 " + hex + "\n\n"}) {
        std::ofstream(path, std::ios::trunc) << bad;
        EXPECT_FALSE(MasterKeys::open(path)) << bad;
    }
    std::filesystem::remove(path);
    std::filesystem::create_symlink("/dev/null", path);
    EXPECT_FALSE(MasterKeys::open(path));
}

TEST_F(SecretsTest, SealedValuesOpenOnlyWhereTheyBelong) {
    const auto master = keys();
    const Sealer sealer(master, "upstream");
    const std::string sealed = sealer.seal(Secret("s3cret"), "acme/openai");
    EXPECT_EQ(sealed.find("s3cret"), std::string::npos);
    EXPECT_EQ(sealer.open(sealed, "acme/openai")->reveal(), "s3cret");
    EXPECT_FALSE(sealer.open(sealed, "other/openai"));
    EXPECT_FALSE(Sealer(master, "webhook").open(sealed, "acme/openai"));
    EXPECT_NE(sealer.seal(Secret("s3cret"), "acme/openai"), sealed);
    EXPECT_EQ(sealer.open(sealer.seal(Secret(""), "c"), "c")->reveal(), "");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(sealer.open(changed, "acme/openai")) << i;
        EXPECT_FALSE(sealer.open(sealed.substr(0, i), "acme/openai")) << i;
    }
}

TEST_F(SecretsTest, RotationKeepsWhatWasSealed) {
    const auto before = keys();
    const std::string sealed = Sealer(before, "p").seal(Secret("v"), "c");
    ASSERT_TRUE(MasterKeys::rotate(path));
    const auto after = keys();
    EXPECT_EQ(after.newest_id(), 2U);
    const Sealer sealer(after, "p");
    EXPECT_EQ(sealer.open(sealed, "c")->reveal(), "v");
    EXPECT_TRUE(sealer.is_stale(sealed));
    const std::string fresh = sealer.seal(Secret("v"), "c");
    EXPECT_FALSE(sealer.is_stale(fresh));
    EXPECT_FALSE(Sealer(before, "p").open(fresh, "c")) << "the old keys alone cannot";
}

TEST_F(SecretsTest, SignedUrlsBindPurposeFileTenantAndTime) {
    const auto master = keys();
    ManualClock clock;
    const SignedUrls urls(master, clock);
    IdSource ids(clock, 1);
    UrlClaim claim{UrlPurpose::upload, TenantId("acme"), ids.make<FileId>(), clock.wall_ + 1000,
                   "k1 17"};
    const std::string token = urls.sign(claim);
    const auto read = urls.verify(token, UrlPurpose::upload, claim.file);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->tenant.name, "acme");
    EXPECT_EQ(read->note, "k1 17");
    EXPECT_EQ(read->expires_at, claim.expires_at);
    EXPECT_FALSE(urls.verify(token, UrlPurpose::read_content, claim.file));
    EXPECT_FALSE(urls.verify(token, UrlPurpose::upload, ids.make<FileId>()));
    const std::string bytes = *from_base64url(token);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(urls.verify(to_base64url(changed), UrlPurpose::upload, claim.file)) << i;
        EXPECT_FALSE(urls.verify(to_base64url(bytes.substr(0, i)), UrlPurpose::upload, claim.file));
    }
    for (const char* bad : {"", "!", "AAAA", "hr_"}) {
        EXPECT_FALSE(urls.verify(bad, UrlPurpose::upload, claim.file));
    }
    clock.wall_ += 1000;
    EXPECT_FALSE(urls.verify(token, UrlPurpose::upload, claim.file));
}

TEST_F(SecretsTest, SignedUrlsOutliveARotation) {
    ManualClock clock;
    IdSource ids(clock, 1);
    const UrlClaim claim{UrlPurpose::read_content, TenantId("a"), ids.make<FileId>(),
                         clock.wall_ + 9, ""};
    const auto before = keys();
    const std::string token = SignedUrls(before, clock).sign(claim);
    ASSERT_TRUE(MasterKeys::rotate(path));
    const auto after = keys();
    EXPECT_TRUE(SignedUrls(after, clock).verify(token, claim.purpose, claim.file));
}

}  // namespace
}  // namespace headrace::access
