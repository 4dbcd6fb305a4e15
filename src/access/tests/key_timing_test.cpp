// How long a refusal takes must not tell how much of a secret was right: Welch's t over interleaved
// measurements, first character wrong against last character wrong (reliability.md 3.5: |t| < 4.5).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "access/keys.hpp"

namespace headrace::access {
namespace {

class OneKey final : public KeyStore {
  public:
    Result<std::vector<KeyRecord>> load_all() override { return std::vector<KeyRecord>{}; }
    void save(KeyRecord, Done<void> done) override { done({}); }
    void revoke(TenantId, std::string, WallMs, Done<void> done) override { done({}); }
    void note_uses(std::vector<KeyUse>, Done<void> done) override { done({}); }
};

/// A million pairs before a release (HEADRACE_TIMING_PAIRS), fewer in every run of the tests.
std::size_t pairs() {
    const char* set = std::getenv("HEADRACE_TIMING_PAIRS");
    return set == nullptr ? 60'000 : std::strtoul(set, nullptr, 10);
}

double welch(std::vector<double>& a, std::vector<double>& b) {
    // Interruptions are longer than anything that is measured; both lose them by one yardstick.
    std::vector<double> all(a);
    all.insert(all.end(), b.begin(), b.end());
    const auto cut = all.begin() + static_cast<std::ptrdiff_t>(all.size() * 9 / 10);
    std::nth_element(all.begin(), cut, all.end());
    const double longest = *cut;
    const auto moments = [longest](const std::vector<double>& times) {
        double sum = 0;
        double squares = 0;
        double count = 0;
        for (const double time : times) {
            if (time > longest) continue;
            sum += time;
            squares += time * time;
            ++count;
        }
        const double mean = sum / count;
        return std::pair{mean, (squares / count - mean * mean) / count};
    };
    const auto [mean_a, variance_a] = moments(a);
    const auto [mean_b, variance_b] = moments(b);
    return (mean_a - mean_b) / std::sqrt(variance_a + variance_b);
}

template <class Try>
double t_of(const std::string& first_wrong, const std::string& last_wrong, Try attempt) {
    std::mt19937 random(7);
    std::vector<double> times[2];
    const std::string* keys[2] = {&first_wrong, &last_wrong};
    // Both are tried from the same place, so that no cache line tells them apart.
    std::string tried(first_wrong);
    for (std::size_t i = 0; i < pairs() * 2; ++i) {
        const auto which = random() % 2;
        tried.assign(*keys[which]);
        const auto begun = std::chrono::steady_clock::now();
        attempt(tried);
        const auto took = std::chrono::steady_clock::now() - begun;
        if (i > 1000) times[which].push_back(static_cast<double>(took.count()));
    }
    return welch(times[0], times[1]);
}

struct KeyTiming : testing::Test {
    SystemClock clock;
    OneKey store;
    KeyRing ring{store, clock};
    std::string key{ring.create_first_admin()->key.reveal()};

    [[nodiscard]] std::string wrong_at(std::size_t place) const {
        std::string changed = key;
        changed[place] = changed[place] == 'a' ? 'b' : 'a';
        return changed;
    }
};

TEST_F(KeyTiming, TellsNothingOfTheSecret) {
    const double t = t_of(wrong_at(16), wrong_at(key.size() - 1), [this](const std::string& tried) {
        EXPECT_FALSE(ring.authenticate(tried, kThisMachine));
    });
    RecordProperty("t", std::to_string(t));
    std::printf("t = %.2f over %zu pairs\n", t, pairs());
    EXPECT_LT(std::abs(t), 4.5);
}

// The planted fault: what a comparison that stops at the first difference would give.
TEST_F(KeyTiming, WouldFindAComparisonThatStopsEarly) {
    volatile std::size_t same = 0;
    const double t = t_of(wrong_at(16), wrong_at(key.size() - 1), [&](const std::string& tried) {
        std::size_t i = 0;
        while (i < key.size() && tried[i] == key[i]) ++i;
        same = i;
    });
    std::printf("t = %.2f over %zu pairs\n", t, pairs());
    EXPECT_GT(std::abs(t), 4.5);
}

}  // namespace
}  // namespace headrace::access
