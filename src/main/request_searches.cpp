#include "main/request_searches.hpp"

#include <utility>

#include "base/await.hpp"

namespace headrace::main {

boost::asio::awaitable<Result<RequestPage>> RequestSearches::search(RequestQuery query) {
    if (asked_.fetch_add(1) >= kMostAtOnce) {
        asked_.fetch_sub(1);
        co_return tl::unexpected(Error{
            ErrorCode::unavailable, "too many searches of the request log wait; try again", {}, 1});
    }
    auto work = [this, query = std::move(query)]() -> Result<RequestPage> {
        Result<RequestPage> page = fail(ErrorCode::unavailable, "the server ends");
        if (!closing_) page = search_requests(folder_, query);
        asked_.fetch_sub(1);
        return page;
    };
    auto start = [this,
                  work = std::move(work)](UniqueFunction<void(Result<RequestPage>)> done) mutable {
        pool_.ask<RequestPage>(std::move(work), std::move(done));
    };
    co_return co_await await_result<RequestPage>(std::move(start));
}

}  // namespace headrace::main
