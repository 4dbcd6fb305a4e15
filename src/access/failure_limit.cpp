#include "access/failure_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace headrace::access {

std::string FailureLimit::key_of(std::string_view address) {
    std::string key(address);
    in6_addr six{};
    if (inet_pton(AF_INET6, key.c_str(), &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six)) return key;
    return {reinterpret_cast<const char*>(six.s6_addr), 8};
}

int FailureLimit::wait_s(std::string_view address, SteadyTime now) const {
    const auto found = entries_.find(key_of(address));
    if (found == entries_.end() || found->second.failures < kFailures) return 0;
    const auto left = found->second.ends - now;
    if (left <= left.zero()) return 0;
    return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(left).count());
}

void FailureLimit::failed(std::string_view address, SteadyTime now) {
    auto key = key_of(address);
    if (!entries_.contains(key) && entries_.size() >= kAddresses) make_room(now);
    Entry& entry = entries_[std::move(key)];
    if (entry.failures == 0 || entry.ends <= now) entry = {0, now + kWindow};
    ++entry.failures;
}

void FailureLimit::succeeded(std::string_view address) {
    entries_.erase(key_of(address));
}

void FailureLimit::make_room(SteadyTime now) {
    std::erase_if(entries_, [now](const auto& each) { return each.second.ends <= now; });
    if (entries_.size() < kAddresses) return;
    const auto first = std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& a, const auto& b) { return a.second.ends < b.second.ends; });
    entries_.erase(first);
}

}  // namespace headrace::access
