#include "stores_under_test.hpp"

namespace headrace::stores {
namespace {

class BlobStoreContract : public StoreContract {};

TEST_P(BlobStoreContract, PiecesComeBackAsOne) {
    const auto blob = store("acme", {"hello ", "", "world"});
    ASSERT_TRUE(blob);
    EXPECT_EQ(blob->size, 11U);
    EXPECT_EQ(blob->digest, sha256("hello world"));
    EXPECT_EQ(load("acme", *blob), "hello world");
}

TEST_P(BlobStoreContract, AnEmptyBlobIsABlob) {
    const auto blob = store("acme", {});
    ASSERT_TRUE(blob);
    EXPECT_EQ(blob->size, 0U);
    EXPECT_EQ(load("acme", *blob), "");
}

TEST_P(BlobStoreContract, ReadsAnyRange) {
    std::string content;
    for (int i = 0; i < 300'000; ++i) content += static_cast<char>(i * 31 >> 3);
    const auto blob = store("acme", {content});
    using T = std::unique_ptr<jobs::BlobSource>;
    const auto source =
        caller_.ask<T>([&](auto done) { blobs().open(TenantId("acme"), *blob, std::move(done)); });
    ASSERT_TRUE(source);
    const auto read = [&](std::uint64_t offset, std::size_t count) {
        return caller_
            .ask<std::string>([&](auto done) { (*source)->read(offset, count, std::move(done)); })
            .value();
    };
    EXPECT_EQ(read(0, 10), content.substr(0, 10));
    EXPECT_EQ(read(123'456, 50'000), content.substr(123'456, 50'000));
    EXPECT_EQ(read(299'999, 10), content.substr(299'999));
    EXPECT_EQ(read(300'000, 10), "");
    EXPECT_EQ(read(1ULL << 40, 10), "");
}

TEST_P(BlobStoreContract, EqualContentIsOneBlob) {
    const auto first = store("acme", {"same"}, false);
    const auto second = store("acme", {"sa", "me"}, true);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(*first, *second);
    EXPECT_EQ(load("acme", *first), "same");
}

TEST_P(BlobStoreContract, TenantsAreApart) {
    const auto blob = store("acme", {"secret"});
    ASSERT_TRUE(blob);
    EXPECT_EQ(load("other", *blob).error().code, ErrorCode::not_found);
    EXPECT_EQ(load("../acme", *blob).error().code, ErrorCode::not_found);
}

TEST_P(BlobStoreContract, WhatIsNotFinishedIsNotThere) {
    const jobs::BlobRef blob{sha256("half"), 4};
    {
        auto sink = blobs().create(TenantId("acme"));
        ASSERT_TRUE(sink);
        ASSERT_TRUE(caller_.ask<void>([&](auto done) { (*sink)->write("half", std::move(done)); }));
        EXPECT_EQ(load("acme", blob).error().code, ErrorCode::not_found);
    }
    EXPECT_EQ(load("acme", blob).error().code, ErrorCode::not_found);
}

TEST_P(BlobStoreContract, AnotherSizeIsDamage) {
    auto blob = store("acme", {"content"});
    ASSERT_TRUE(blob);
    blob->size = 6;
    EXPECT_EQ(load("acme", *blob).error().code, ErrorCode::internal);
}

TEST_P(BlobStoreContract, BlobsOutliveAReopen) {
    const auto blob = store("acme", {std::string(5'000'000, 'x')});
    ASSERT_TRUE(blob);
    if (!stores_->reopen()) GTEST_SKIP() << "keeps nothing on disk";
    EXPECT_EQ(load("acme", *blob), std::string(5'000'000, 'x'));
}

INSTANTIATE_TEST_SUITE_P(Stores, BlobStoreContract, testing::ValuesIn(candidates()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace headrace::stores
