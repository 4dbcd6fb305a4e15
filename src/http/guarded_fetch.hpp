#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/cidr.hpp"
#include "base/result.hpp"
#include "http/client.hpp"

namespace headrace::http {

struct FetchSettings {
    std::vector<Cidr> allowed_networks;      // reachable though not global; empty by default
    std::vector<std::string> allowed_hosts;  // exact names whose addresses are not checked
    int max_redirects = 5;
    TlsClientSettings tls;
};

struct FetchRequest {
    std::string method = "GET";
    std::string url;
    Headers headers;  // Authorization and Cookie do not follow a redirect to another origin
    std::string body;
    std::uint64_t max_bytes = 1024ULL * 1024 * 1024;
    std::chrono::milliseconds total_time{60'000};
};

/// An answer from outside, read by pieces within the request's caps.
class FetchedContent {
  public:
    [[nodiscard]] int status() const { return stream_.status(); }
    [[nodiscard]] const Headers& headers() const { return stream_.headers(); }
    /// Address of the last hop.
    [[nodiscard]] const Url& url() const { return url_; }
    /// nullopt at the end; too_large, deadline_exceeded or unavailable.
    asio::awaitable<Result<std::optional<std::string>>> read_some();
    /// The rest at once.
    asio::awaitable<Result<std::string>> read_all();

  private:
    friend class GuardedFetch;
    FetchedContent(ClientStream stream, Url url, std::uint64_t left,
                   std::chrono::steady_clock::time_point deadline);
    ClientStream stream_;
    Url url_;
    std::uint64_t left_;
    std::chrono::steady_clock::time_point deadline_;
};

class Drop;

/// The one way to an address that somebody outside named. Resolves the host, checks every address
/// it has, connects to the one that was checked, and does so again for each redirect. http and
/// https only, no user info. Stateless beyond its settings: any loop may use it.
class GuardedFetch {
  public:
    explicit GuardedFetch(FetchSettings settings) : settings_(std::move(settings)) {}

    /// Errors: invalid_argument (the address), permission_denied (where it leads), unavailable,
    /// deadline_exceeded, too_large.
    asio::awaitable<Result<FetchedContent>> open(FetchRequest request) const;
    /// The address to connect to, for whoever dials himself: the first of those that `host` has,
    /// all of which must be allowed. permission_denied, unavailable, deadline_exceeded, cancelled
    /// once `drop` has ended it.
    asio::awaitable<Result<std::string>> checked_address(
        std::string host, std::chrono::steady_clock::time_point deadline,
        Drop* drop = nullptr) const;

  private:
    FetchSettings settings_;
};

}  // namespace headrace::http
