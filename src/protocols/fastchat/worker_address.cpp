#include "protocols/fastchat/worker_address.hpp"

#include <algorithm>
#include <cctype>

#include "base/digest.hpp"
#include "http/dial.hpp"

namespace headrace::protocols::fastchat {
namespace {

constexpr std::size_t kMostName = 512;

std::string path_of(const http::Url& url) {
    std::string path = url.target;
    while (!path.empty() && path.back() == '/') path.pop_back();
    return path;
}

}  // namespace

Result<http::Url> parse_worker_name(std::string_view name) {
    const bool odd = name.size() > kMostName ||
                     name.find_first_of("?#") != std::string_view::npos ||
                     std::any_of(name.begin(), name.end(),
                                 [](unsigned char c) { return c <= ' ' || c >= 0x7F; });
    if (odd) return fail(ErrorCode::invalid_argument, "worker_name is no address of a worker");
    auto url = http::Url::parse(name);
    if (!url || (url->scheme != "http" && url->scheme != "https") || url->has_userinfo) {
        return fail(ErrorCode::invalid_argument,
                    "worker_name must be an http or https address without user or password");
    }
    return url;
}

bool is_allowed(const asio::ip::address& address, std::span<const Cidr> networks) {
    return std::any_of(networks.begin(), networks.end(),
                       [&](const Cidr& block) { return block.contains(address); });
}

bool is_allowed(std::string_view peer, std::span<const Cidr> networks) {
    if (peer.empty()) return true;
    boost::system::error_code error;
    const auto address = asio::ip::make_address(std::string(peer), error);
    return !error && is_allowed(address, networks);
}

asio::awaitable<Result<asio::ip::address>> locate(std::string host, std::span<const Cidr> networks,
                                                  SteadyTime deadline) {
    auto addresses = co_await http::resolve(std::move(host), deadline, nullptr);
    if (!addresses) co_return fail(std::move(addresses).error());
    for (const auto& address : *addresses) {
        if (is_allowed(address, networks)) continue;
        co_return fail(ErrorCode::permission_denied,
                       "the worker is not in one of fastchat.allowed_networks");
    }
    co_return addresses->front();
}

std::string dialled_url(const http::Url& url, const asio::ip::address& address) {
    std::string out = url.scheme + "://";
    if (url.tls()) return out + url.authority() + path_of(url);
    const auto text = address.to_string();
    out += address.is_v6() ? '[' + text + ']' : text;
    return out + ':' + std::to_string(url.port) + path_of(url);
}

std::string upstream_name_of(std::string_view worker_name) {
    constexpr std::size_t kMostReadable = 40;
    auto rest = worker_name.substr(std::min(worker_name.find("://"), worker_name.size()));
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 3));
    std::string readable = "fastchat-";
    for (const char c : rest.substr(0, kMostReadable)) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_';
        readable += plain ? static_cast<char>(std::tolower(byte)) : '-';
    }
    return readable + '-' + to_hex(sha256(worker_name)).substr(0, 8);
}

}  // namespace headrace::protocols::fastchat
