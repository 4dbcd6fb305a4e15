// What several processes share: the room becomes what the store holds.
#include <algorithm>

#include <gtest/gtest.h>

#include "catalog/catalog.hpp"
#include "http/guarded_fetch.hpp"
#include "jobs/core.hpp"
#include "jobs/observer.hpp"
#include "telemetry/metrics.hpp"
#include "upstreams/openai_dialer.hpp"
#include "upstreams/upstreams.hpp"
#include "workers/hub/tests/memory_ports.hpp"

namespace headrace::upstreams {
namespace {

class NoStore final : public UpstreamStore {
  public:
    Result<std::vector<UpstreamSpec>> load() override { return specs; }
    void save(UpstreamSpec, UniqueFunction<void(Result<void>)>) override { ++writes; }
    void remove(TenantId, std::string, UniqueFunction<void(Result<void>)>) override { ++writes; }
    std::vector<UpstreamSpec> specs;
    int writes = 0;
};

struct TakeTest : testing::Test {
    TakeTest() { room.speak(Kind::openai, std::make_unique<OpenaiDialer>(OpenaiLimits{})); }

    UpstreamSpec spec(const std::string& name, const char* model, const char* origin = "admin") {
        UpstreamSpec out;
        out.tenant = tenant;
        out.name = name;
        out.base_url = "http://127.0.0.1:1/v1";
        out.models = {{model, "", catalog::Profile::chat}};
        out.origin = origin;
        return out;
    }
    std::vector<std::string> names() {
        std::vector<std::string> out;
        for (const auto& view : room.list(tenant, false)) out.push_back(view.spec->name);
        std::sort(out.begin(), out.end());
        return out;
    }
    bool serves(const char* model) { return room.choose(tenant, model).has_value(); }

    using Names = std::vector<std::string>;
    TenantId tenant{"acme"};
    Loop loop{"core"};
    SystemClock clock;
    IdSource ids{clock};
    workers::hub::YesLog log{loop};
    workers::hub::MemoryBlobs blobs{loop};
    catalog::Catalog catalog{clock, nullptr};
    jobs::CoreObserver observer;
    jobs::Core core{jobs::Settings{}, clock, ids, log, observer};
    http::GuardedFetch fetch{http::FetchSettings{}};
    NoStore store;
    telemetry::Registry metrics;
    Upstreams room{{loop, core, blobs, catalog, fetch, store, metrics, clock, ids}, {}};
};

TEST_F(TakeTest, AListOfModelsIsOneChangeOfTheCatalog) {
    const auto published = [this] { return catalog.snapshot()->generation(); };
    auto many = spec("many", "model-0");
    for (int i = 1; i < 1'000; ++i) {
        many.models.push_back({"model-" + std::to_string(i), "", catalog::Profile::chat});
    }
    // Two ids that want one name of a capability: the second sees what the first took.
    many.models.push_back({"MODEL-7", "", catalog::Profile::chat});
    const auto before = published();
    room.start();
    room.take({many}, "self");
    EXPECT_EQ(published(), before + 1);
    EXPECT_EQ(catalog.snapshot()->list(tenant).size(), 1'001U);
    EXPECT_EQ(core.workers().size(), 1'001U);
    const auto small = (*catalog.snapshot()->resolve_model(tenant, "model-7"))->name;
    EXPECT_NE((*catalog.snapshot()->resolve_model(tenant, "MODEL-7"))->name, small);
    auto half = many;
    half.models.resize(500);
    half.models.push_back({"another", "", catalog::Profile::chat});
    room.take({half}, "self");
    EXPECT_EQ(published(), before + 2);
    EXPECT_EQ(catalog.snapshot()->list(tenant).size(), 501U);
    EXPECT_FALSE(catalog.snapshot()->resolve_model(tenant, "model-500"));
    room.take({}, "self");
    EXPECT_EQ(published(), before + 3);
    EXPECT_TRUE(catalog.snapshot()->list(tenant).empty());
    // And at a start, whatever the number of servers.
    store.specs = {half, spec("a", "m"), spec("b", "n")};
    ASSERT_TRUE(room.load());
    EXPECT_EQ(published(), before + 4);
    EXPECT_EQ(catalog.snapshot()->list(tenant).size(), 503U);
}

TEST_F(TakeTest, TheRoomBecomesWhatTheStoreHolds) {
    store.specs = {spec("mine", "beating", "self"), spec("a", "m")};
    ASSERT_TRUE(room.load());
    room.take({spec("a", "m"), spec("b", "n")}, "self");
    EXPECT_EQ(names(), (Names{"a", "b", "mine"})) << "what is of this process stays";
    EXPECT_TRUE(serves("n"));
    const auto before = room.find(tenant, "a")->spec;
    auto changed = spec("b", "o");
    changed.weight = 3;
    room.take({spec("a", "m"), changed}, "self");
    EXPECT_EQ(room.find(tenant, "a")->spec, before) << "what is the same is left alone";
    EXPECT_EQ(room.find(tenant, "b")->spec->weight, 3);
    EXPECT_TRUE(serves("o"));
    EXPECT_FALSE(serves("n"));
    room.take({}, "self");
    EXPECT_EQ(names(), (Names{"mine"}));
    EXPECT_FALSE(serves("m"));
    EXPECT_TRUE(serves("beating"));
    EXPECT_EQ(store.writes, 0) << "it is the store's own word";
}

TEST_F(TakeTest, OneThatDoesNotFitKeepsNobodyElseOut) {
    auto broken = spec("broken", "m");
    broken.base_url = "nowhere";
    auto fastchat = spec("other-kind", "n");
    fastchat.kind = Kind::fastchat;  // nobody speaks it here
    // One that would take the place of this process's own under its name.
    store.specs = {spec("mine", "beating", "self")};
    ASSERT_TRUE(room.load());
    room.take({broken, fastchat, spec("mine", "p"), spec("good", "q")}, "self");
    EXPECT_EQ(names(), (Names{"good", "mine"}));
    EXPECT_TRUE(serves("q"));
    EXPECT_TRUE(serves("beating"));
    EXPECT_FALSE(serves("p"));
}

TEST_F(TakeTest, AModelMayGoFromAServerThatIsGoneToANewOne) {
    room.take({spec("old", "m")}, "self");
    auto next = spec("new", "m");
    next.models[0].profile = catalog::Profile::embed;
    room.take({next}, "self");
    EXPECT_EQ(names(), (Names{"new"}));
    EXPECT_TRUE(serves("m"));
}

}  // namespace
}  // namespace headrace::upstreams
