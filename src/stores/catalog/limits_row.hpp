#pragma once

#include "access/limit_rules.hpp"
#include "stores/base/row_codec.hpp"

namespace headrace::stores {

/// Limits as part of a row's body.
inline void write_limits(RowWriter& out, const access::Limits& limits) {
    out.number(limits.requests_per_minute);
    out.number(limits.requests_per_day);
    out.number(limits.tokens_per_minute);
    out.number(limits.concurrency);
}

inline access::Limits read_limits(RowReader& in) {
    access::Limits limits;
    limits.requests_per_minute = in.number();
    limits.requests_per_day = in.number();
    limits.tokens_per_minute = in.number();
    limits.concurrency = in.number();
    return limits;
}

}  // namespace headrace::stores
