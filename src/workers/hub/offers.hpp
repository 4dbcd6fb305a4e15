#pragma once

#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "catalog/version.hpp"

namespace headrace::wire {
class Hello;
}

namespace headrace::workers::hub {

/// The versions of a local host's hello, which must be those it was started with, in that order.
Result<std::vector<catalog::VersionPtr>> expected_versions(
    const wire::Hello& hello, const std::vector<catalog::VersionPtr>& expected);

/// The versions of an agent's hello, in the order of its offers. New ones are registered under the
/// key's tenant. Error conflict: the version is there with another interface, or the name belongs
/// to the system; invalid_argument: the interface cannot be read.
Result<std::vector<catalog::VersionPtr>> registered_versions(const wire::Hello& hello,
                                                             const TenantId& tenant,
                                                             catalog::Catalog& catalog);

}  // namespace headrace::workers::hub
