#include "access/admission.hpp"

#include "base/await.hpp"

namespace headrace::access {
namespace {

/// Requests that wait for one share race for it. Who loses so often asks its client to wait.
constexpr int kTries = 20;

}  // namespace

boost::asio::awaitable<Result<Permit>> admit_with_share(Limiter& limiter, const Principal& who,
                                                        std::string model, std::uint64_t tokens) {
    auto permit = limiter.admit(who, model, tokens);
    for (int i = 0; i < kTries && must_wait(permit); ++i) {
        const auto start = [&](UniqueFunction<void(Result<void>)> done) {
            limiter.fetch_share(who, model, tokens, std::move(done));
        };
        auto fetched = co_await await_result<void>(start);
        if (!fetched) co_return fail(std::move(fetched).error());
        permit = limiter.admit(who, model, tokens);
    }
    co_return permit;
}

}  // namespace headrace::access
