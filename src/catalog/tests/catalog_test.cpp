#include "catalog/catalog.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "catalog/model_id.hpp"

namespace headrace::catalog {
namespace {

class FixedClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return 1'000; }
};

class MemoryStore final : public CatalogStore {
  public:
    Result<std::vector<VersionRecord>> load() override { return records; }
    void save(std::vector<VersionRecord> saved, UniqueFunction<void(Result<void>)> done) override {
        ++writes;
        for (auto& record : saved) {
            drop(record.tenant, record.name, record.version);
            records.push_back(std::move(record));
        }
        done({});
    }
    void remove(TenantId tenant, std::string name, std::string version,
                UniqueFunction<void(Result<void>)> done) override {
        drop(tenant, name, version);
        done({});
    }
    void drop(const TenantId& tenant, const std::string& name, const std::string& version) {
        std::erase_if(records, [&](const auto& r) {
            return r.tenant == tenant && r.name == name && r.version == version;
        });
    }
    std::vector<VersionRecord> records;
    int writes = 0;
};

Registration of(std::string tenant, std::string name, std::string version,
                const char* input = "text") {
    Registration registration;
    registration.tenant = TenantId(std::move(tenant));
    registration.name = std::move(name);
    registration.version = std::move(version);
    registration.interface =
        *interface_from_json(std::string(R"({"inputs":{")") + input + R"(":{"kind":"text"}}})");
    return registration;
}

std::string resolved(const Catalog& catalog, const char* tenant, std::string_view reference) {
    const auto version = catalog.snapshot()->resolve(TenantId(tenant), reference);
    return version ? (*version)->tenant.name + '/' + (*version)->text()
                   : std::string(to_string(version.error().code));
}

class CatalogTest : public testing::Test {
  protected:
    FixedClock clock;
    MemoryStore store;
    Catalog catalog{clock, &store};
};

TEST_F(CatalogTest, VersionsOfOneInterfaceShareItsValidator) {
    const auto a = catalog.add(of("system", "a", "1.0.0"));
    const auto b = catalog.add(of("acme", "b", "2.0.0"));
    const auto other = catalog.add(of("system", "c", "1.0.0", "line"));
    ASSERT_TRUE(a && b && other);
    EXPECT_EQ((*a)->validator, (*b)->validator);
    EXPECT_NE((*a)->validator, (*other)->validator);
    EXPECT_EQ((*other)->interface().inputs.front().name, "line");
    // The same after a restart, and still when the version that brought it is gone.
    Catalog again(clock, &store);
    ASSERT_TRUE(again.load());
    ASSERT_TRUE(again.remove(again.snapshot()->find(TenantId("system"), "a", "1.0.0")->id));
    const auto kept = again.snapshot()->find(TenantId("acme"), "b", "2.0.0");
    const auto late = again.add(of("acme", "late", "1.0.0"));
    ASSERT_TRUE(kept && late);
    EXPECT_EQ(kept->validator, (*late)->validator);
    EXPECT_EQ(kept->digest, digest_of(kept->interface()));
}

TEST_F(CatalogTest, ResolvesTheHighestOrThePinned) {
    for (const char* version : {"1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"})
        ASSERT_TRUE(catalog.add(of("system", "ocr", version)));
    ASSERT_TRUE(catalog.add(of("system", "new", "0.1.0-beta")));
    EXPECT_EQ(resolved(catalog, "acme", "ocr"), "system/ocr@1.10.0");
    EXPECT_EQ(resolved(catalog, "acme", "ocr@1.9.0"), "system/ocr@1.9.0");
    EXPECT_EQ(resolved(catalog, "acme", "ocr@2.0.0-rc.1"), "system/ocr@2.0.0-rc.1");
    EXPECT_EQ(resolved(catalog, "acme", "new"), "system/new@0.1.0-beta");
    for (const char* reference : {"ocr@3.0.0", "ocr@", "oc", "ocrs", "", "@1.0.0", "ocr@1.9"}) {
        EXPECT_EQ(resolved(catalog, "acme", reference), "not_found") << reference;
    }
}

TEST_F(CatalogTest, AModelIdIsTheNameUnlessItWasGivenOne) {
    const auto model = [&](const char* tenant, std::string_view id) {
        const auto version = catalog.snapshot()->resolve_model(TenantId(tenant), id);
        return version ? (*version)->tenant.name + '/' + (*version)->text()
                       : std::string(to_string(version.error().code));
    };
    auto shared = of("system", "qwen-qwen2.5-7b", "1.0.0");
    shared.model = "Qwen/Qwen2.5-7B";
    ASSERT_TRUE(catalog.add(shared));
    ASSERT_TRUE(catalog.add(of("system", "chat", "1.0.0")));
    EXPECT_EQ(model("acme", "Qwen/Qwen2.5-7B"), "system/qwen-qwen2.5-7b@1.0.0");
    EXPECT_EQ(model("acme", "qwen/qwen2.5-7b"), "not_found");
    EXPECT_EQ(model("acme", "qwen-qwen2.5-7b@1.0.0"), "system/qwen-qwen2.5-7b@1.0.0");
    EXPECT_EQ(model("acme", "chat"), "system/chat@1.0.0");
    // The tenant's own model of the same id comes first, whatever its capability is called.
    auto own = of("acme", "ours", "2.0.0");
    own.model = "Qwen/Qwen2.5-7B";
    ASSERT_TRUE(catalog.add(own));
    EXPECT_EQ(model("acme", "Qwen/Qwen2.5-7B"), "acme/ours@2.0.0");
    EXPECT_EQ(model("other", "Qwen/Qwen2.5-7B"), "system/qwen-qwen2.5-7b@1.0.0");
    // Hidden, it is no model of anybody any more.
    ASSERT_TRUE(catalog.hide((*catalog.snapshot()->resolve(TenantId("acme"), "ours"))->id));
    EXPECT_EQ(model("acme", "Qwen/Qwen2.5-7B"), "system/qwen-qwen2.5-7b@1.0.0");
    own.model = "two\nlines";
    EXPECT_EQ(catalog.add(own).error().code, ErrorCode::invalid_argument);
}

TEST_F(CatalogTest, AModelIsItsHighestVersionThatIsOffered) {
    const auto model = [&](std::string_view id) {
        const auto version = catalog.snapshot()->resolve_model(TenantId("acme"), id);
        return version ? (*version)->text() : std::string(to_string(version.error().code));
    };
    const auto add = [&](const char* name, const char* version, const char* id) {
        auto registration = of("acme", name, version);
        registration.model = id;
        return (*catalog.add(registration))->id;
    };
    const auto one = add("ours", "1.0.0", "M");
    const auto two = add("theirs", "2.0.0", "M");
    add("ours", "3.0.0-rc.1", "M");
    EXPECT_EQ(model("M"), "theirs@2.0.0");
    ASSERT_TRUE(catalog.hide(two));
    EXPECT_EQ(model("M"), "ours@1.0.0") << "a pre-release only when there is nothing else";
    EXPECT_EQ(add("ours", "1.0.0", "N"), one);  // the same version under another id
    EXPECT_EQ(model("N"), "ours@1.0.0");
    EXPECT_EQ(model("M"), "ours@3.0.0-rc.1");
    EXPECT_EQ(add("theirs", "2.0.0", "M"), two);
    EXPECT_EQ(model("M"), "theirs@2.0.0");
    ASSERT_TRUE(catalog.remove(two));
    EXPECT_EQ(model("M"), "ours@3.0.0-rc.1");
    ASSERT_TRUE(catalog.remove(one));
    EXPECT_EQ(model("N"), "not_found");
}

TEST_F(CatalogTest, ABatchIsPublishedOnceAtItsEnd) {
    const auto before = catalog.snapshot();
    {
        const Catalog::Batch outer(catalog);
        const auto first = catalog.add(of("system", "a", "1.0.0"));
        {
            const Catalog::Batch inner(catalog);
            ASSERT_TRUE(catalog.add(of("system", "b", "1.0.0")));
        }
        EXPECT_EQ(catalog.add(of("system", "a", "1.0.0", "image")).error().code,
                  ErrorCode::conflict);  // with what was added in the batch
        ASSERT_TRUE(catalog.hide((*first)->id));
        const auto brief = catalog.add(of("system", "brief", "1.0.0"));
        ASSERT_TRUE(catalog.remove((*brief)->id));
        EXPECT_EQ(catalog.snapshot(), before) << "nothing is seen before its end";
        EXPECT_TRUE(catalog.latest().resolve(kSystemTenant, "b"));
        EXPECT_EQ(store.writes, 0);
    }
    EXPECT_EQ(store.writes, 1) << "one wait for the disk";
    ASSERT_EQ(store.records.size(), 2U) << "what was removed again is not stored";
    EXPECT_TRUE(store.records.front().name == "b" || store.records.front().hidden);
    const auto after = catalog.snapshot();
    EXPECT_EQ(after->generation(), before->generation() + 1);
    EXPECT_EQ(after->list(kSystemTenant).size(), 1U);
    EXPECT_TRUE(before->list(kSystemTenant).empty());
    {
        const Catalog::Batch nothing(catalog);
    }
    EXPECT_EQ(catalog.snapshot(), after);
}

TEST(ModelId, GivesACapabilityItsName) {
    EXPECT_EQ(capability_name_for("Qwen/Qwen2.5-7B"), "qwen-qwen2.5-7b");
    EXPECT_EQ(capability_name_for("01-ai/Yi:free"), "m-01-ai-yi-free");
    EXPECT_EQ(capability_name_for(std::string(300, 'x')).size(), 63U);
    for (const char* id : {"Qwen/Qwen2.5-7B", "01-ai/Yi:free", "\xc3\xa9", "_"}) {
        EXPECT_TRUE(is_capability_name(capability_name_for(id))) << id;
    }
}

TEST_F(CatalogTest, ATenantSeesItsOwnAndTheSystems) {
    ASSERT_TRUE(catalog.add(of("system", "ocr", "2.0.0")));
    ASSERT_TRUE(catalog.add(of("acme", "ocr", "1.0.0")));
    ASSERT_TRUE(catalog.add(of("acme", "zoom", "1.0.0")));
    EXPECT_EQ(resolved(catalog, "acme", "ocr"), "acme/ocr@1.0.0");
    EXPECT_EQ(resolved(catalog, "acme", "ocr@2.0.0"), "system/ocr@2.0.0");
    EXPECT_EQ(resolved(catalog, "other", "ocr"), "system/ocr@2.0.0");
    EXPECT_EQ(resolved(catalog, "other", "zoom"), "not_found");
    const auto snapshot = catalog.snapshot();
    EXPECT_EQ(snapshot->list(TenantId("acme")).size(), 3U);
    EXPECT_EQ(snapshot->list(TenantId("other")).size(), 1U);
    EXPECT_EQ(snapshot->list(kSystemTenant).size(), 1U);
    ASSERT_TRUE(catalog.add(of("system", "zoom", "1.0.0")));  // shadowed by the tenant's own
    EXPECT_EQ(catalog.snapshot()->list(TenantId("acme")).size(), 3U);
    EXPECT_EQ(catalog.snapshot()->versions(TenantId("acme"), "zoom").size(), 1U);
    EXPECT_EQ(snapshot->versions(TenantId("acme"), "ocr").front()->semver.text(), "2.0.0");
    EXPECT_EQ(snapshot->versions(kSystemTenant, "ocr").size(), 1U);
}

TEST_F(CatalogTest, TheSameVersionWithAnotherInterfaceIsAConflict) {
    const auto first = catalog.add(of("system", "ocr", "1.0.0"));
    ASSERT_TRUE(first);
    auto again = of("system", "ocr", "1.0.0");
    again.limits.max_batch = 8;
    const auto second = catalog.add(std::move(again));
    ASSERT_TRUE(second);
    EXPECT_EQ((*second)->id, (*first)->id);
    EXPECT_EQ((*second)->limits.max_batch, 8U);
    EXPECT_EQ((*first)->limits.max_batch, 1U);  // what was handed out does not change
    const auto generation = catalog.snapshot()->generation();
    EXPECT_EQ(*catalog.add(Registration{TenantId("system"), "ocr", "1.0.0", "", "",
                                        (*second)->interface(), (*second)->limits}),
              *second);
    EXPECT_EQ(catalog.snapshot()->generation(), generation);  // nothing new, nothing published
    const auto other = catalog.add(of("system", "ocr", "1.0.0", "image"));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::conflict);
    EXPECT_EQ(catalog.add(of("system", "ocr", "1.0.0+build")).error().code, ErrorCode::conflict);
    EXPECT_TRUE(catalog.add(of("acme", "ocr", "1.0.0", "image")));
    EXPECT_EQ(catalog.add(of("acme", "OCR", "1.0.0")).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(catalog.add(of("acme", "ocr", "1.0")).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(catalog.add(of("acme", "ocr", "3.0.0"), "{").error().code,
              ErrorCode::invalid_argument);
}

TEST_F(CatalogTest, HiddenVersionsAreForStoredJobsOnly) {
    const auto version = *catalog.add(of("system", "ocr", "1.0.0"));
    const auto before = catalog.snapshot();
    ASSERT_TRUE(catalog.hide(version->id));
    EXPECT_EQ(resolved(catalog, "acme", "ocr"), "not_found");
    EXPECT_EQ(resolved(catalog, "acme", "ocr@1.0.0"), "not_found");
    const auto after = catalog.snapshot();
    EXPECT_TRUE(after->list(TenantId("acme")).empty());
    EXPECT_NE(after->find(TenantId("acme"), "ocr", "1.0.0"), nullptr);
    EXPECT_NE(after->find(version->id), nullptr);
    EXPECT_GT(after->generation(), before->generation());
    EXPECT_TRUE(before->resolve(TenantId("acme"), "ocr"));  // a snapshot is an instant
    ASSERT_TRUE(catalog.add(of("system", "ocr", "1.0.0")));
    EXPECT_EQ(resolved(catalog, "acme", "ocr"), "system/ocr@1.0.0");
    ASSERT_TRUE(catalog.remove(version->id));
    EXPECT_EQ(catalog.snapshot()->find(version->id), nullptr);
    EXPECT_FALSE(catalog.remove(version->id));
    EXPECT_FALSE(catalog.hide(VersionId{99}));
    EXPECT_NE((*catalog.add(of("system", "ocr", "1.0.0")))->id, version->id);  // ids are not reused
}

TEST_F(CatalogTest, ComesBackFromTheStore) {
    ASSERT_TRUE(catalog.add(of("system", "ocr", "1.0.0")));
    ASSERT_TRUE(catalog.add(of("acme", "ocr", "2.0.0")));
    store.records.push_back(
        VersionRecord{TenantId("acme"), "broken", "1.0.0", "", "", "{", {}, 0, false});
    Catalog next(clock, &store);
    ASSERT_TRUE(next.load());
    EXPECT_EQ(resolved(next, "other", "ocr"), "not_found");  // the system's waits for its engine
    EXPECT_EQ(resolved(next, "acme", "ocr"), "acme/ocr@2.0.0");
    const auto stored = next.snapshot()->find(TenantId("acme"), "ocr", "2.0.0");
    ASSERT_NE(stored, nullptr);
    EXPECT_EQ(stored->created_at, 1'000);
    const auto again = next.add(of("acme", "ocr", "2.0.0"));
    ASSERT_TRUE(again);
    EXPECT_EQ((*again)->id, stored->id);
    EXPECT_EQ(next.add(of("system", "ocr", "1.0.0", "image")).error().code, ErrorCode::conflict);
    ASSERT_TRUE(next.add(of("system", "ocr", "1.0.0")));
    EXPECT_EQ(resolved(next, "other", "ocr"), "system/ocr@1.0.0");
}

TEST_F(CatalogTest, ReadersOnOtherThreadsSeeWholeSnapshots) {
    std::atomic<bool> stop = false;
    std::thread reader([&] {
        std::uint64_t generation = 0;
        while (!stop) {
            const auto snapshot = catalog.snapshot();
            EXPECT_GE(snapshot->generation(), generation);
            generation = snapshot->generation();
            EXPECT_EQ(snapshot->list(TenantId("acme")).size(), generation);
        }
    });
    for (int i = 0; i < 200; ++i)
        ASSERT_TRUE(catalog.add(of("acme", "n" + std::to_string(i), "1.0.0")));
    stop = true;
    reader.join();
}

}  // namespace
}  // namespace headrace::catalog
