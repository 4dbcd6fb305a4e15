#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

namespace headrace::access {

/// A map that is cheap to copy and to change a little: copies share what neither has changed, and a
/// change copies one part in kShards. For what is published anew at every change (published.hpp):
/// copying ten thousand keys for each new one took milliseconds. `Hash` and `Same` may take other
/// types than Key.
template <class Key, class Value, class Hash, class Same>
class ShardedMap {
    using Shard = std::unordered_map<Key, Value, Hash, Same>;

  public:
    static constexpr std::size_t kShards = 256;

    /// Null when there is none; good as long as this copy of the map is.
    template <class Wanted>
    [[nodiscard]] const Value* find(const Wanted& key) const {
        const auto& shard = shards_[place(key)];
        if (shard == nullptr) return nullptr;
        const auto found = shard->find(key);
        return found == shard->end() ? nullptr : &found->second;
    }

    /// Some changes of one map that nobody reads meanwhile: a part is copied by the first alone.
    class Changes {
      public:
        explicit Changes(ShardedMap& map) : map_(map) {}
        void put(Key key, Value value) {
            auto& shard = own(place(key));
            map_.size_ += shard.insert_or_assign(std::move(key), std::move(value)).second ? 1 : 0;
        }
        void erase(const Key& key) {
            if (map_.find(key) != nullptr) map_.size_ -= own(place(key)).erase(key);
        }

      private:
        Shard& own(std::size_t at) {
            if (mine_[at] == nullptr) {
                const auto& old = map_.shards_[at];
                auto copy = old ? std::make_shared<Shard>(*old) : std::make_shared<Shard>();
                mine_[at] = copy.get();
                map_.shards_[at] = std::move(copy);
            }
            return *mine_[at];
        }
        ShardedMap& map_;
        std::array<Shard*, kShards> mine_{};
    };
    [[nodiscard]] std::size_t size() const { return size_; }

    /// In no order. `visit(key, value)` gives false to end.
    template <class Visit>
    void each(Visit visit) const {
        for (const auto& shard : shards_) {
            if (shard == nullptr) continue;
            for (const auto& [key, value] : *shard) {
                if (!visit(key, value)) return;
            }
        }
    }

  private:
    /// Of another part of the hash than the buckets in a shard go by.
    template <class Wanted>
    static std::size_t place(const Wanted& key) {
        return (Hash{}(key)*0x9e3779b97f4a7c15U) >> 56U;
    }

    std::array<std::shared_ptr<const Shard>, kShards> shards_;
    std::size_t size_ = 0;
};

}  // namespace headrace::access
