// What holding a request against its limits costs, beside a Limiter without rules: nanoseconds of
// processor time for one admit() and its permit's end, of one thread and of several that share a
// key.
#include <ctime>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "access/limits.hpp"

namespace {

using namespace headrace;
using namespace headrace::access;

constexpr std::uint64_t kPlenty = 1'000'000'000'000;
constexpr int kRounds = 2'000'000;

LimitRule rule(LimitScope scope, std::string name, Limits limits) {
    return {{scope, TenantId("acme"), std::move(name)}, limits};
}

double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double ns_each(Limiter& limiter, int threads, bool keys_of_their_own) {
    const auto run = [&](int number) {
        Principal who;
        who.tenant = TenantId("acme");
        who.key_id = "key" + std::to_string(keys_of_their_own ? number : 0);
        who.app = "shop";
        for (int i = 0; i < kRounds; ++i) {
            const auto permit = limiter.admit(who, "Qwen/Qwen2.5-7B", 20);
            if (!permit) std::abort();
        }
    };
    const double begun = cpu_seconds();
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i) all.emplace_back(run, i);
    for (auto& thread : all) thread.join();
    return (cpu_seconds() - begun) * 1e9 / kRounds / threads;
}

}  // namespace

int main() {
    const SystemClock clock;
    const Limits all{kPlenty, kPlenty, kPlenty, kPlenty};
    Limiter none(clock);
    Limiter one(clock);
    one.set({rule(LimitScope::key, "key0", all)});
    Limiter four(clock);
    four.set({rule(LimitScope::key, "key0", all), rule(LimitScope::app, "shop", all),
              rule(LimitScope::tenant, "", all), rule(LimitScope::model, "Qwen/Qwen2.5-7B", all)});
    Limiter many(clock);
    std::vector<LimitRule> rules;
    for (int i = 0; i < 10'000; ++i) {
        rules.push_back(rule(LimitScope::key, "key" + std::to_string(i), all));
    }
    many.set(std::move(rules));
    std::printf("no rules                 %6.1f ns\n", ns_each(none, 1, false));
    std::printf("key                      %6.1f ns\n", ns_each(one, 1, false));
    std::printf("key of 10 000            %6.1f ns\n", ns_each(many, 1, false));
    std::printf("key, app, tenant, model  %6.1f ns\n", ns_each(four, 1, false));
    std::printf("2 threads, one key       %6.1f ns\n", ns_each(many, 2, false));
    std::printf("2 threads, own keys      %6.1f ns\n", ns_each(many, 2, true));
    return 0;
}
