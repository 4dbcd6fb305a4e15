#pragma once
// Internal: what a KeyRing publishes.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "access/keys.hpp"

namespace headrace::access {

/// How exactly it is kept when a key was used: so seldom is the number written.
inline constexpr WallMs kUseGrain = 1000;

struct KeyRing::Entry {
    std::shared_ptr<const KeyRecord> record;
    std::shared_ptr<const Principal> principal;
    std::shared_ptr<std::atomic<WallMs>> used;
};

struct KeyRing::Snapshot {
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> keys;

    void put(KeyRecord record) {
        auto who = std::make_shared<Principal>();
        who->tenant = record.tenant;
        who->key_id = record.id;
        who->app = record.app;
        who->user = record.user;
        who->name = record.name;
        who->role = record.role;
        who->system = record.system;
        who->capabilities = record.capabilities;
        who->expires_at = record.expires_at;
        for (const auto& text : record.addresses) {
            // They were checked when the key was made; a block that is none lets nobody in.
            who->networks.push_back(Cidr::parse(text).value_or(*Cidr::parse("::/128")));
        }
        Entry& entry = keys[record.id];
        if (!entry.used) entry.used = std::make_shared<std::atomic<WallMs>>(record.last_used);
        entry.record = std::make_shared<const KeyRecord>(std::move(record));
        entry.principal = std::move(who);
    }
};

}  // namespace headrace::access
