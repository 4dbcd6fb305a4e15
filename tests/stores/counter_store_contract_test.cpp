// What every adapter of access::CounterStore promises, and what two limiters make of it.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "access/admission.hpp"
#include "access/counter_store.hpp"
#include "base/task_group.hpp"
#include "postgres_stores.hpp"
#include "stores/memory/memory_counter_store.hpp"
#include "stores/postgres/counter_store.hpp"
#include "stores_under_test.hpp"

namespace headrace::stores {
namespace {

using access::Share;
using access::ShareAsk;

/// The same counters, as several servers see them.
class Counters {
  public:
    virtual ~Counters() = default;
    virtual access::CounterStore& server(int number) = 0;
};

class InMemory final : public Counters {
  public:
    access::CounterStore& server(int) override { return store_; }

  private:
    MemoryCounterStore store_;
};

class OnPostgres final : public Counters {
  public:
    explicit OnPostgres(const Clock& clock) : job_log_(clock) {
        job_log_.job_log();  // its schema
        for (auto& store : stores_) {
            store = std::make_unique<PostgresCounterStore>(job_log_.settings, clock);
        }
    }
    access::CounterStore& server(int number) override {
        return *stores_.at(static_cast<std::size_t>(number));
    }

  private:
    Postgres job_log_;
    std::array<std::unique_ptr<PostgresCounterStore>, 2> stores_;
};

struct CounterCandidate {
    std::string name;
    std::function<std::unique_ptr<Counters>(const Clock&)> make;
};

class CounterContract : public testing::TestWithParam<CounterCandidate> {
  protected:
    std::vector<Share> take(int server, std::vector<ShareAsk> asks) {
        return caller_
            .ask<std::vector<Share>>([&](auto done) {
                counters_->server(server).take(std::move(asks), std::move(done));
            })
            .value();
    }
    ShareAsk ask(std::uint64_t want, std::uint64_t charge = 0, const char* counter = "key/a/b/c") {
        const WallMs minute = clock_.wall() / 60'000 * 60'000;
        return {counter, minute, minute + 60'000, 100, want, charge};
    }

    ManualClock clock_;
    LoopCaller caller_;
    std::unique_ptr<Counters> counters_ = GetParam().make(clock_);
};

TEST_P(CounterContract, GrantsUpToTheLimitAndNoMore) {
    EXPECT_EQ(take(0, {ask(60)})[0].granted, 60U);
    const auto rest = take(1, {ask(60)})[0];
    EXPECT_EQ(rest.granted, 40U);
    EXPECT_EQ(rest.taken, 100U);
    EXPECT_EQ(take(0, {ask(1)})[0].granted, 0U);
}

TEST_P(CounterContract, CountersAndWindowsAreApart) {
    EXPECT_EQ(take(0, {ask(100)})[0].granted, 100U);
    EXPECT_EQ(take(0, {ask(100, 0, "key/a/b2/c")})[0].granted, 100U);
    clock_.advance(std::chrono::seconds(60));
    EXPECT_EQ(take(1, {ask(100)})[0].granted, 100U);
}

TEST_P(CounterContract, AChargeCountsWhateverTheLimit) {
    const auto first = take(0, {ask(10, 95)})[0];
    EXPECT_EQ(first.granted, 5U);
    EXPECT_EQ(first.taken, 100U);
    const auto second = take(1, {ask(10, 50)})[0];
    EXPECT_EQ(second.granted, 0U);
    EXPECT_EQ(second.taken, 150U);
}

TEST_P(CounterContract, SeveralAsksAreAnsweredInOrder) {
    const auto shares = take(0, {ask(7), ask(3, 0, "other"), ask(200)});
    ASSERT_EQ(shares.size(), 3U);
    EXPECT_EQ(shares[0].granted, 7U);
    EXPECT_EQ(shares[1].granted, 3U);
    EXPECT_EQ(shares[2].granted, 93U);
}

TEST_P(CounterContract, ARaceOfServersGrantsExactlyTheLimit) {
    std::atomic<std::uint64_t> granted{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 30; ++i) {
                std::mutex mutex;
                std::condition_variable answered;
                bool done = false;
                counters_->server(t % 2).take({ask(3)}, [&](Result<std::vector<Share>> shares) {
                    if (shares) granted += shares->at(0).granted;
                    const std::lock_guard lock(mutex);
                    done = true;
                    answered.notify_one();
                });
                std::unique_lock lock(mutex);
                answered.wait(lock, [&] { return done; });
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(granted, 100U);
}

/// One server's requests, as fast as they are decided, on a loop of its own.
struct Node {
    Node(const Clock& clock, access::CounterStore& store, const access::LimitRule& rule)
        : limiter(clock, &store) {
        limiter.set({rule});
        who.tenant = TenantId("acme");
        who.key_id = "k1";
    }
    asio::awaitable<void> run(int tries) {
        for (int i = 0; i < tries; ++i) {
            co_await asio::post(asio::use_awaitable);  // as requests do, which take turns
            auto permit = limiter.admit(who, "m", 0);
            if (access::must_wait(permit)) {
                permit = co_await access::admit_with_share(limiter, who, "m", 0);
            }
            if (permit) {
                ++admitted;
            } else if (permit.error().code != ErrorCode::quota_exceeded) {
                ++undecided;
            }
        }
        if (--left == 0) loop.stop();
    }
    void serve(int requests, int tries) {
        left = requests;
        TaskGroup tasks(loop.io().get_executor());
        for (int i = 0; i < requests; ++i) tasks.spawn("requests", run(tries));
        loop.run();
    }

    Loop loop{"node"};
    access::Limiter limiter;
    access::Principal who;
    int left = 0;
    int admitted = 0;
    int undecided = 0;
};

TEST_P(CounterContract, TwoServersAdmitExactlyTheLimitTogether) {
    const access::LimitRule rule{{access::LimitScope::key, TenantId("acme"), "k1"},
                                 {.requests_per_minute = 1'000}};
    Node a(clock_, counters_->server(0), rule);
    Node b(clock_, counters_->server(1), rule);
    std::thread other([&] { b.serve(8, 500); });
    a.serve(8, 500);
    other.join();
    EXPECT_EQ(a.undecided + b.undecided, 0);
    EXPECT_EQ(a.admitted + b.admitted, 1'000);
}

INSTANTIATE_TEST_SUITE_P(
    Counters, CounterContract,
    testing::Values(
        CounterCandidate{"Memory", [](const Clock&) { return std::make_unique<InMemory>(); }},
        CounterCandidate{"Postgres",
                         [](const Clock& clock) { return std::make_unique<OnPostgres>(clock); }}),
    [](const auto& candidate) { return candidate.param.name; });

}  // namespace
}  // namespace headrace::stores
