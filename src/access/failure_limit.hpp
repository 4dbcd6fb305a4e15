#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"

namespace headrace::access {

/// Refuses whoever failed too often for a while, by client address. Pure: time is an argument. Not
/// thread-safe.
class FailureLimit {
  public:
    static constexpr std::size_t kFailures = 10;
    static constexpr std::chrono::seconds kWindow{60};
    /// Addresses that are remembered; beyond, the one whose window ends first is forgotten.
    static constexpr std::size_t kAddresses = 1024;

    /// Zero when this address may try now, else the seconds until it may.
    [[nodiscard]] int wait_s(std::string_view address, SteadyTime now) const;
    void failed(std::string_view address, SteadyTime now);
    void succeeded(std::string_view address);

  private:
    struct Entry {
        std::size_t failures = 0;
        SteadyTime ends{};  // of the window that the first failure opened
    };
    /// One network of an IPv6 customer counts as one address.
    static std::string key_of(std::string_view address);
    void make_room(SteadyTime now);

    std::unordered_map<std::string, Entry> entries_;
};

}  // namespace headrace::access
