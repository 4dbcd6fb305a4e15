#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "main/request_search.hpp"
#include "stores/disk/disk_pool.hpp"

namespace headrace::main {

/// Searches of the request log for the server's doors: on a thread of its own, one after the other,
/// so that they take neither an I/O loop nor more than one core.
class RequestSearches {
  public:
    static constexpr std::size_t kMostAtOnce = 8;  // with those that wait

    explicit RequestSearches(std::filesystem::path folder)
        : folder_(std::move(folder)), pool_(1, "requests") {}
    /// Those that wait are not begun.
    ~RequestSearches() { closing_ = true; }
    RequestSearches(const RequestSearches&) = delete;
    RequestSearches& operator=(const RequestSearches&) = delete;

    /// From any loop. Error unavailable: too many wait.
    boost::asio::awaitable<Result<RequestPage>> search(RequestQuery query);

  private:
    std::filesystem::path folder_;
    std::atomic<std::size_t> asked_{0};
    std::atomic<bool> closing_{false};
    stores::DiskPool pool_;  // last: ends before what it works with
};

}  // namespace headrace::main
