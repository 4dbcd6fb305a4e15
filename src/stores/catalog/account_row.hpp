#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "access/directory.hpp"

namespace headrace::stores {

std::string account_body(const access::Account& account);
/// Takes what the body says over into `account`; false when it is damaged.
bool read_account_body(std::string_view body, access::Account& account);
std::int64_t account_sum(const access::Account& account, std::string_view body);
/// Whether a number that was read stands for a kind.
bool is_account_kind(std::int64_t number);

}  // namespace headrace::stores
