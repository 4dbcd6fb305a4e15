#include "jobs/log_io.hpp"

#include "base/await.hpp"

namespace headrace::jobs {
namespace {

template <class T>
using Answer = UniqueFunction<void(Result<T>)>;

}  // namespace

asio::awaitable<Result<std::shared_ptr<const Payload>>> load_input(JobLog& log, TenantId tenant,
                                                                   JobId id) {
    using Input = std::shared_ptr<const Payload>;
    auto start = [&](Answer<Input> done) { log.load_input(tenant, id, std::move(done)); };
    co_return co_await await_result<Input>(start);
}

asio::awaitable<Result<void>> put_file(JobLog& log, FileRecord file) {
    auto start = [&](Answer<void> done) { log.put_file(std::move(file), std::move(done)); };
    co_return co_await await_result<void>(start);
}

asio::awaitable<Result<std::optional<FileRecord>>> get_file(JobLog& log, TenantId tenant,
                                                            FileId id) {
    using Found = std::optional<FileRecord>;
    auto start = [&](Answer<Found> done) { log.get_file(tenant, id, std::move(done)); };
    co_return co_await await_result<Found>(start);
}

asio::awaitable<Result<std::vector<FileRecord>>> list_files(JobLog& log, FileQuery query) {
    using Records = std::vector<FileRecord>;
    auto start = [&](Answer<Records> done) { log.list_files(std::move(query), std::move(done)); };
    co_return co_await await_result<Records>(start);
}

asio::awaitable<Result<bool>> remove_file(JobLog& log, TenantId tenant, FileId id) {
    auto start = [&](Answer<bool> done) { log.remove_file(tenant, id, std::move(done)); };
    co_return co_await await_result<bool>(start);
}

asio::awaitable<Result<std::vector<UsageRecord>>> list_usage(JobLog& log, UsageQuery query) {
    using Records = std::vector<UsageRecord>;
    auto start = [&](Answer<Records> done) { log.usage(std::move(query), std::move(done)); };
    co_return co_await await_result<Records>(start);
}

}  // namespace headrace::jobs
