#pragma once
// Internal: what a KeyRing publishes.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "access/keys.hpp"
#include "access/sharded_map.hpp"

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
    using Keys = ShardedMap<std::string, Entry, Hash, std::equal_to<>>;
    Keys keys;  // by id

    void put(KeyRecord record, Keys::Changes& changes) {
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
        const Entry* const before = keys.find(record.id);
        auto used = before != nullptr ? before->used
                                      : std::make_shared<std::atomic<WallMs>>(record.last_used);
        std::string id = record.id;
        changes.put(std::move(id), Entry{std::make_shared<const KeyRecord>(std::move(record)),
                                         std::move(who), std::move(used)});
    }
};

}  // namespace headrace::access
