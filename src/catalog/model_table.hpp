#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "catalog/version.hpp"

namespace headrace::catalog {

/// Which version each model's id means: one for a tenant and id. By hash and without a list to go
/// through, because every request asks it for one of many, whose memory is cold: what it costs is
/// how many places it reads, not how many steps. Copies are cheap and share the versions.
class ModelTable {
  public:
    /// Null when there is none.
    [[nodiscard]] VersionPtr find(const TenantId& tenant, std::string_view model) const;
    /// The version for its own tenant and model, in place of another.
    void put(VersionPtr version);
    void erase(const TenantId& tenant, std::string_view model);
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    struct Slot {
        std::uint64_t hash = 0;
        VersionPtr version;  // null: free
    };

    [[nodiscard]] std::size_t place(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
    [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
    /// The slot that has it, or the free one where it would stand. There is always a free one.
    [[nodiscard]] std::size_t look(std::uint64_t hash, const TenantId& tenant,
                                   std::string_view model) const;
    void grow();

    std::vector<Slot> slots_;  // a power of two, half of them free at the least; may be empty
    std::size_t size_ = 0;
};

}  // namespace headrace::catalog
