#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"

namespace headrace {

/// 16 raw bytes of a UUID.
struct Uuid {
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const Uuid&) const = default;
    [[nodiscard]] bool is_nil() const { return *this == Uuid{}; }
    /// Lower-case text with dashes, 36 characters.
    [[nodiscard]] std::string text() const;
    /// The 16 bytes as a string, for database keys and wire fields.
    [[nodiscard]] std::string raw() const;
    static std::optional<Uuid> parse(std::string_view text);
    static std::optional<Uuid> from_raw(std::string_view bytes);
};

/// A UUID that cannot be mistaken for the id of another kind of thing.
template <class Tag>
struct TypedId : Uuid {
    TypedId() = default;
    explicit TypedId(const Uuid& uuid) : Uuid(uuid) {}
    auto operator<=>(const TypedId&) const = default;
    static std::optional<TypedId> parse(std::string_view text) {
        const auto uuid = Uuid::parse(text);
        return uuid ? std::optional<TypedId>(TypedId(*uuid)) : std::nullopt;
    }
    static std::optional<TypedId> from_raw(std::string_view bytes) {
        const auto uuid = Uuid::from_raw(bytes);
        return uuid ? std::optional<TypedId>(TypedId(*uuid)) : std::nullopt;
    }
};

using JobId = TypedId<struct JobIdTag>;
using FileId = TypedId<struct FileIdTag>;
using WorkerId = TypedId<struct WorkerIdTag>;

/// Who owns and pays: a short name such as "default" or "system", part of every stored key. A type
/// of its own so that no call can forget it or pass another string for it.
struct TenantId {
    std::string name;
    TenantId() = default;
    explicit TenantId(std::string text) : name(std::move(text)) {}
    auto operator<=>(const TenantId&) const = default;
};

/// Makes UUIDv7: 48 bits of wall milliseconds, a counter that keeps ids of one source rising, and
/// random bits. Not thread-safe: one source per loop.
class IdSource {
  public:
    /// Uses the operating system's randomness.
    explicit IdSource(const Clock& clock);
    /// Uses a seeded generator, so that a simulation replays bit for bit.
    IdSource(const Clock& clock, std::uint64_t seed);

    Uuid next();
    template <class Id>
    Id make() {
        return Id(next());
    }

  private:
    std::uint64_t random();

    const Clock& clock_;
    std::array<std::uint64_t, 4> state_{};  // xoshiro256**
    std::uint64_t last_ms_ = 0;
    std::uint32_t counter_ = 0;
};

}  // namespace headrace

template <>
struct std::hash<headrace::Uuid> {
    std::size_t operator()(const headrace::Uuid& id) const noexcept {
        // The last eight bytes of a UUIDv7 are random.
        std::uint64_t low = 0;
        std::memcpy(&low, id.bytes.data() + 8, sizeof low);
        std::uint64_t high = 0;
        std::memcpy(&high, id.bytes.data(), sizeof high);
        return static_cast<std::size_t>(low ^ (high * 0x9E3779B97F4A7C15ULL));
    }
};
template <>
struct std::hash<headrace::TenantId> {
    std::size_t operator()(const headrace::TenantId& id) const noexcept {
        return std::hash<std::string>{}(id.name);
    }
};
template <class Tag>
struct std::hash<headrace::TypedId<Tag>> : std::hash<headrace::Uuid> {};
