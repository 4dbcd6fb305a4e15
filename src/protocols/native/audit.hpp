#pragma once

#include <string>
#include <string_view>

#include "access/principal.hpp"
#include "base/result.hpp"
#include "protocols/native/parts.hpp"

namespace headrace::protocols::native {

/// Writes down an administrative act and how it ended; nobody waits for it.
void audit(Site& site, const access::Principal& who, const TenantId& tenant, std::string_view act,
           std::string_view object, const Error* error);

template <class T>
void audit(Site& site, const access::Principal& who, const TenantId& tenant, std::string_view act,
           std::string_view object, const Result<T>& outcome) {
    audit(site, who, tenant, act, object, outcome ? nullptr : &outcome.error());
}

}  // namespace headrace::protocols::native
