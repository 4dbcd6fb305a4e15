#include "stores/disk/blob_layout.hpp"

#include "base/digest.hpp"

namespace headrace::stores {

std::string tenant_folder(const std::string& root, const TenantId& tenant) {
    return root + "/" + to_hex(sha256(tenant.name));
}

std::string blob_folder(const std::string& root, const TenantId& tenant, const Sha256& digest) {
    return tenant_folder(root, tenant) + "/" + to_hex(digest).substr(0, 2);
}

std::string blob_path(const std::string& root, const TenantId& tenant, const Sha256& digest) {
    return blob_folder(root, tenant, digest) + "/" + to_hex(digest);
}

std::string unfinished_folder(const std::string& root) {
    return root + "/new";
}

}  // namespace headrace::stores
