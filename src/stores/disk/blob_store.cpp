#include "stores/disk/blob_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/log.hpp"
#include "stores/disk/blob_file.hpp"
#include "stores/disk/blob_layout.hpp"
#include "stores/disk/blob_sweep.hpp"
#include "stores/disk/disk_pool.hpp"

namespace headrace::stores {

/// Shared with sinks and sources, so that one that outlives a request outlives nothing it needs.
/// The pool stands last: it ends first.
class DiskBlobStore::Core {
  public:
    Core(std::string folder, BlobSettings blob_settings, const Clock& wall)
        : root(std::move(folder)),
          settings(blob_settings),
          space(root, settings.low_water, wall),
          sweep(root, settings.sweep_age, wall, place),
          pool(settings.threads) {}

    std::string root;
    BlobSettings settings;
    DiskSpace space;
    SoundBlobs sound;
    std::mutex place;  // guards the final folders: putting in place, and the sweep's last look
    BlobSweep sweep;
    DiskPool pool;
};

namespace {

tl::unexpected<Error> low() {
    return fail(Error{ErrorCode::unavailable, "the disk is nearly full", {}, 30});
}

class DiskSink final : public jobs::BlobSink {
  public:
    DiskSink(DiskPool& pool, DiskSpace& space, std::mutex& place, SoundBlobs& sound,
             std::shared_ptr<UnfinishedBlob> blob)
        : pool_(pool), space_(space), place_(place), sound_(sound), blob_(std::move(blob)) {}

    // Removing a large file takes its time: not the loop's.
    ~DiskSink() override {
        pool_.run([blob = std::move(blob_)]() mutable { blob.reset(); });
    }

    // The work holds the blob: a sink may be destroyed while a piece is being written.
    void write(std::string piece, jobs::Done<void> done) override {
        pool_.ask<void>(
            [blob = blob_, piece = std::move(piece), &space = space_]() -> Result<void> {
                if (space.low()) return low();
                return blob->write(piece);
            },
            std::move(done));
    }

    void finish(bool durable, jobs::Done<jobs::BlobRef> done) override {
        pool_.ask<jobs::BlobRef>([blob = blob_, durable, &place = place_,
                                  &sound = sound_] { return blob->finish(durable, place, sound); },
                                 std::move(done));
    }

  private:
    DiskPool& pool_;
    DiskSpace& space_;
    std::mutex& place_;
    SoundBlobs& sound_;
    std::shared_ptr<UnfinishedBlob> blob_;
};

class DiskSource final : public jobs::BlobSource {
  public:
    DiskSource(DiskPool& pool, UniqueFd file, std::uint64_t size)
        : pool_(pool), file_(std::make_shared<UniqueFd>(std::move(file))), size_(size) {}

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] UniqueFd file() const override {
        return UniqueFd(::fcntl(file_->get(), F_DUPFD_CLOEXEC, 0));
    }
    void read(std::uint64_t offset, std::size_t count, jobs::Done<std::string> done) override {
        const std::uint64_t left = offset < size_ ? size_ - offset : 0;
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, count));
        pool_.ask<std::string>(
            [file = file_, offset, wanted] { return read_at(file->get(), offset, wanted); },
            std::move(done));
    }

  private:
    DiskPool& pool_;
    std::shared_ptr<UniqueFd> file_;
    std::uint64_t size_;
};

}  // namespace

DiskBlobStore::DiskBlobStore(std::unique_ptr<Core> core) : core_(std::move(core)) {}
DiskBlobStore::~DiskBlobStore() = default;

Result<std::unique_ptr<DiskBlobStore>> DiskBlobStore::open(const std::string& root,
                                                           BlobSettings settings,
                                                           const Clock& clock) {
    namespace fs = std::filesystem;
    const std::string unfinished = unfinished_folder(root);
    std::error_code error;
    fs::remove_all(unfinished, error);
    if (!error) fs::create_directories(unfinished, error);
    if (!error) fs::permissions(root, fs::perms::owner_all, error);
    if (error) return fail(ErrorCode::unavailable, "blob folder " + root + ": " + error.message());
    // The folder itself must outlast a power cut, or all that is synced in it would not.
    const std::string parent = fs::path(root).parent_path().string();
    if (auto synced = sync_folder(parent.empty() ? "." : parent); !synced)
        return fail(synced.error());
    auto core = std::make_unique<Core>(root, settings, clock);
    return std::unique_ptr<DiskBlobStore>(new DiskBlobStore(std::move(core)));
}

Result<std::unique_ptr<jobs::BlobSink>> DiskBlobStore::create(const TenantId& tenant) {
    if (core_->space.low()) return low();
    return std::make_unique<DiskSink>(core_->pool, core_->space, core_->place, core_->sound,
                                      std::make_shared<UnfinishedBlob>(core_->root, tenant));
}

void DiskBlobStore::open(const TenantId& tenant, const jobs::BlobRef& blob,
                         jobs::Done<std::unique_ptr<jobs::BlobSource>> done) {
    core_->pool.ask<std::unique_ptr<jobs::BlobSource>>(
        [core = core_.get(), tenant, blob]() -> Result<std::unique_ptr<jobs::BlobSource>> {
            auto file = open_blob(core->root, tenant, blob, core->sound);
            if (!file) return fail(file.error());
            return std::make_unique<DiskSource>(core->pool, std::move(*file), blob.size);
        },
        std::move(done));
}

void DiskBlobStore::sweep(jobs::BlobReferences& references, jobs::Done<Swept> done) {
    core_->pool.ask<Swept>(
        [core = core_.get(), &references] { return core->sweep.run(references); }, std::move(done));
}

bool DiskBlobStore::low_on_space() {
    return core_->space.low();
}

}  // namespace headrace::stores
