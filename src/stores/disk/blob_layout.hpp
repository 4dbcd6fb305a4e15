#pragma once

#include <string>

#include "base/ids.hpp"
#include "jobs/job.hpp"

/// Where blobs lie: `<root>/<digest of the tenant>/<aa>/<digest of the content>`; pieces that are
/// not finished in `<root>/new/`. No name ever comes from outside.
namespace headrace::stores {

std::string tenant_folder(const std::string& root, const TenantId& tenant);
/// The folder of a blob inside the tenant's: its first two hex digits.
std::string blob_folder(const std::string& root, const TenantId& tenant, const Sha256& digest);
std::string blob_path(const std::string& root, const TenantId& tenant, const Sha256& digest);
std::string unfinished_folder(const std::string& root);

}  // namespace headrace::stores
