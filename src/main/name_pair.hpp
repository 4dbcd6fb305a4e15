#pragma once
// Internal: tables by two names, such as a capability and its version, that are asked with views.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace headrace::main {

using NamePair = std::pair<std::string, std::string>;
using NamePairView = std::pair<std::string_view, std::string_view>;

/// Both the hash and the comparison.
struct ByNamePair {
    using is_transparent = void;
    bool operator()(const NamePairView& a, const NamePairView& b) const { return a == b; }
    std::size_t operator()(const NamePairView& key) const {
        const std::hash<std::string_view> hash;
        return hash(key.first) * 31 + hash(key.second);
    }
};

template <class Value>
using NamePairTable = std::unordered_map<NamePair, Value, ByNamePair, ByNamePair>;

}  // namespace headrace::main
