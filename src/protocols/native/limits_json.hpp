#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/directory.hpp"
#include "access/limit_rules.hpp"
#include "access/limits.hpp"
#include "base/clock.hpp"
#include "http/message.hpp"
#include "protocols/native/body.hpp"

namespace headrace::protocols::native {

/// `{"requests_per_minute":60,…}`; what is absent, null or 0 is no limit. nullopt when the member
/// is absent; faults go to `fields`.
std::optional<access::Limits> limits_field(FieldReader& fields, std::string_view name);
/// `{"<model id>":{limits},…}`.
std::optional<std::vector<access::ModelLimits>> model_limits_field(FieldReader& fields,
                                                                   std::string_view name);

/// The object, without what has no limit.
void append_limits(std::string& out, const access::Limits& limits);

/// `,"name":"text"`, where there is a text or time.
void append_text_member(std::string& out, std::string_view name, std::string_view text);
void append_time_member(std::string& out, std::string_view name, WallMs at);

/// The x-ratelimit headers of an answer.
void add_limit_headers(http::Headers& headers, const access::LimitsView& view);

}  // namespace headrace::protocols::native
