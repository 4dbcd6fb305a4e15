#include "stores/disk/blob_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "stores/disk/blob_layout.hpp"

namespace headrace::stores {
namespace {

constexpr int kTryAgainAfterS = 30;
constexpr std::size_t kVerifyPiece = 256 * 1024;

/// Makes a folder. One that is there may have been made by somebody who did not need it to last, so
/// its parent is synced all the same.
Result<void> make_folder(const std::string& path, const std::string& parent, bool durable) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return disk_error("cannot make a blob folder");
    return durable ? sync_folder(parent) : Result<void>();
}

Result<Sha256> digest_of(int file) {
    Sha256Stream digest;
    for (std::uint64_t offset = 0;;) {
        const auto piece = read_at(file, offset, kVerifyPiece);
        if (!piece) return fail(piece.error());
        if (piece->empty()) return digest.finish();
        digest.update(*piece);
        offset += piece->size();
    }
}

/// The file at `path` if it holds `blob`: not_found when none is there, internal when it is
/// something else.
Result<UniqueFd> open_sound(const std::string& path, const jobs::BlobRef& blob, SoundBlobs& sound) {
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) {
        if (errno == ENOENT) return fail(ErrorCode::not_found, "no such blob");
        if (errno == ELOOP)
            return fail(ErrorCode::internal, "damaged blob " + to_hex(blob.digest) + ": a link");
        return disk_error("cannot open a blob");
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return disk_error("cannot look at a blob");
    if (static_cast<std::uint64_t>(status.st_size) != blob.size)
        return fail(ErrorCode::internal, "damaged blob " + to_hex(blob.digest) + ": wrong size");
    if (sound.has(status)) return file;
    const auto digest = digest_of(file.get());
    if (!digest) return fail(digest.error());
    if (*digest != blob.digest)
        return fail(ErrorCode::internal, "damaged blob " + to_hex(blob.digest) + ": wrong content");
    sound.note(status);
    return file;
}

}  // namespace

tl::unexpected<Error> disk_error(const std::string& what) {
    return fail(
        Error{ErrorCode::unavailable, what + ": " + std::strerror(errno), {}, kTryAgainAfterS});
}

Result<void> sync_folder(const std::string& path) {
    const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) return disk_error("cannot sync a blob folder");
    return {};
}

UnfinishedBlob::UnfinishedBlob(std::string root, TenantId tenant)
    : root_(std::move(root)), tenant_(std::move(tenant)) {}

Result<void> UnfinishedBlob::begin() {
    if (file_) return {};
    const std::string path = unfinished_folder(root_) + "/" + to_hex(random_bytes(16));
    file_ =
        UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) return disk_error("cannot make a blob file");
    path_ = path;
    return {};
}

UnfinishedBlob::~UnfinishedBlob() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> UnfinishedBlob::write(const std::string& piece) {
    if (auto begun = begin(); !begun) return begun;
    for (std::size_t done = 0; done < piece.size();) {
        const auto count = ::write(file_.get(), piece.data() + done, piece.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return disk_error("cannot write a blob");
        done += static_cast<std::size_t>(count);
    }
    digest_.update(piece);
    size_ += piece.size();
    return {};
}

Result<jobs::BlobRef> UnfinishedBlob::finish(bool durable, std::mutex& place, SoundBlobs& sound) {
    if (auto begun = begin(); !begun) return fail(begun.error());
    jobs::BlobRef ref;
    ref.digest = digest_.finish();
    ref.size = size_;
    const std::string tenant = tenant_folder(root_, tenant_);
    const std::string folder = blob_folder(root_, tenant_, ref.digest);
    const std::string path = blob_path(root_, tenant_, ref.digest);
    auto made = make_folder(tenant, root_, durable);
    if (made) made = make_folder(folder, tenant, durable);
    if (!made) return fail(made.error());
    const auto renewed = renew(path, ref, durable, place, sound);
    if (!renewed) return fail(renewed.error());
    if (*renewed) {
        ::unlink(path_.c_str());
    } else {
        struct stat status {};
        // What takes the place of another blob, damaged as that may be, is on disk before it does.
        if ((durable || ::access(path.c_str(), F_OK) == 0) && ::fdatasync(file_.get()) != 0)
            return disk_error("cannot sync a blob");
        const std::lock_guard lock(place);
        if (::rename(path_.c_str(), path.c_str()) != 0)
            return disk_error("cannot put a blob in place");
        if (::fstat(file_.get(), &status) == 0) sound.note(status);
    }
    path_.clear();
    if (durable) {
        if (auto synced = sync_folder(folder); !synced) return fail(synced.error());
    }
    return ref;
}

// A power cut may have left a file of the right name and size with nothing in it: what was stored
// without being synced is read before it is trusted, once in the life of the process.
Result<bool> UnfinishedBlob::renew(const std::string& path, const jobs::BlobRef& blob, bool durable,
                                   std::mutex& place, SoundBlobs& sound) {
    const auto there = open_sound(path, blob, sound);
    if (!there) return false;
    {
        const std::lock_guard lock(place);
        struct stat status {};
        struct stat at_path {};
        // The sweep may have taken it meanwhile, or somebody put a fresh one there.
        if (::fstat(there->get(), &status) != 0 || ::lstat(path.c_str(), &at_path) != 0 ||
            status.st_ino != at_path.st_ino)
            return false;
        if (::futimens(there->get(), nullptr) != 0) return disk_error("cannot renew a blob");
        if (::fstat(there->get(), &status) == 0) sound.note(status);
    }
    // Who stored it first may not have needed it to last.
    if (durable && ::fdatasync(there->get()) != 0) return disk_error("cannot sync a blob");
    return true;
}

Result<UniqueFd> open_blob(const std::string& root, const TenantId& tenant,
                           const jobs::BlobRef& blob, SoundBlobs& sound) {
    return open_sound(blob_path(root, tenant, blob.digest), blob, sound);
}

Result<std::string> read_at(int file, std::uint64_t offset, std::size_t count) {
    std::string out(count, '\0');
    std::size_t done = 0;
    while (done < count) {
        const auto got =
            ::pread(file, out.data() + done, count - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return disk_error("cannot read a blob");
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    out.resize(done);
    return out;
}

}  // namespace headrace::stores
