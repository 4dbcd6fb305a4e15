#include "stores/disk/blob_sweep.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/digest.hpp"
#include "stores/disk/blob_layout.hpp"

namespace headrace::stores {
namespace {

namespace fs = std::filesystem;

std::optional<Sha256> digest_from(const std::string& name) {
    const auto bytes = from_hex(name);
    if (!bytes || bytes->size() != 32) return std::nullopt;
    Sha256 out{};
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return out;
}

}  // namespace

BlobSweep::BlobSweep(std::string root, std::chrono::minutes age, const Clock& clock,
                     std::mutex& place)
    : root_(std::move(root)), age_(age), clock_(clock), place_(place) {}

Result<Swept> BlobSweep::run(jobs::BlobReferences& references) {
    const auto tenants = references.tenants();
    if (!tenants) return fail(tenants.error());
    std::map<std::string, TenantId> by_folder;
    for (const TenantId& tenant : *tenants) by_folder.emplace(tenant_folder(root_, tenant), tenant);
    Swept swept;
    seen_now_.clear();
    std::error_code error;
    for (const auto& folder : fs::directory_iterator(root_, error)) {
        const std::string path = folder.path().string();
        if (!digest_from(folder.path().filename().string())) continue;
        const auto known = by_folder.find(path);
        auto done =
            tenant(path, known == by_folder.end() ? nullptr : &known->second, references, swept);
        if (!done) return fail(done.error());
    }
    if (error) return fail(ErrorCode::unavailable, "blob folder " + root_ + ": " + error.message());
    unreferenced_since_ = std::move(seen_now_);
    return swept;
}

Result<void> BlobSweep::tenant(const std::string& folder, const TenantId* tenant,
                               jobs::BlobReferences& references, Swept& swept) {
    std::error_code error;
    for (const auto& part : fs::directory_iterator(folder, error)) {
        for (const auto& file : fs::directory_iterator(part.path(), error)) {
            const auto digest = digest_from(file.path().filename().string());
            if (!digest) continue;
            const Candidate blob{file.path().string(), *digest};
            if (auto done = look(blob, tenant, references, swept); !done) return done;
        }
    }
    if (error)
        return fail(ErrorCode::unavailable, "blob folder " + folder + ": " + error.message());
    return {};
}

Result<void> BlobSweep::look(const Candidate& blob, const TenantId* tenant,
                             jobs::BlobReferences& references, Swept& swept) {
    ++swept.kept;
    if (!is_old(blob.path)) return {};
    if (tenant != nullptr) {
        const auto refers = references.refers(*tenant, blob.digest);
        if (!refers) return fail(refers.error());
        if (*refers) return {};
    }
    const WallMs now = clock_.wall();
    const auto before = unreferenced_since_.find(blob.path);
    const WallMs since = before == unreferenced_since_.end() ? now : before->second;
    if (now - since < age_.count()) {
        seen_now_.emplace(blob.path, since);
        return {};
    }
    remove(blob, swept);
    return {};
}

bool BlobSweep::is_old(const std::string& path) const {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return false;
    const WallMs touched =
        WallMs{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000;
    return clock_.wall() - touched >= age_.count();
}

// Between the look and here somebody may have stored the same content again: that made it young.
void BlobSweep::remove(const Candidate& blob, Swept& swept) {
    const std::lock_guard lock(place_);
    if (!is_old(blob.path)) return;
    struct stat status {};
    if (::lstat(blob.path.c_str(), &status) != 0 || ::unlink(blob.path.c_str()) != 0) return;
    --swept.kept;
    ++swept.removed;
    swept.bytes += static_cast<std::uint64_t>(status.st_size);
}

}  // namespace headrace::stores
