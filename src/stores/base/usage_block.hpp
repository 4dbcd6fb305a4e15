#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/job.hpp"
#include "stores/base/row_codec.hpp"

/// Usage records of one tenant as one value, so that a store writes one row, with one checksum, for
/// all of a commit. A text that the record before has too is not said again: the records of a
/// moment mostly share caller, capability, version and the names of their meters.
namespace headrace::stores {

/// Everything but the tenant, which all of them share.
std::string encode_usage_block(std::span<const jobs::UsageRecord* const> records);

/// Gives the records of a block one by one, in the order they were written in, so that whoever
/// wants few of them copies only those.
class UsageBlockReader {
  public:
    UsageBlockReader(std::string_view body, const TenantId& tenant);
    /// The next one, valid until the next call; null at the end, and where it is not a block.
    const jobs::UsageRecord* next();
    /// After the end: it was a block, and nothing else.
    [[nodiscard]] bool complete() const { return sound_ && in_.complete(); }

  private:
    bool read();
    void read_text(std::string& text);

    RowReader in_;
    std::uint64_t left_ = 0;
    bool sound_ = true;
    jobs::UsageRecord record_;
};

/// Appends the records of a block; false when it is not one.
bool decode_usage_block(std::string_view body, const TenantId& tenant,
                        std::vector<jobs::UsageRecord>& out);

}  // namespace headrace::stores
