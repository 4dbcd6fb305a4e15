#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "access/key_record.hpp"

namespace headrace::stores {

/// A key's row has two parts. What came with later versions of the program stands in the second,
/// its details, so that the version before still reads the first.
std::string key_body(const access::KeyRecord& record);
/// Takes what the body says over into `record`; false when it is damaged.
bool read_key_body(std::string_view body, access::KeyRecord& record);

/// False when there is nothing to keep.
bool has_key_details(const access::KeyRecord& record);
std::string key_details(const access::KeyRecord& record);
bool read_key_details(std::string_view body, access::KeyRecord& record);

/// Checksums of the two, with whose they are.
std::int64_t key_sum(const access::KeyRecord& record, std::string_view body);
std::int64_t key_details_sum(const access::KeyRecord& record, std::string_view body);

}  // namespace headrace::stores
