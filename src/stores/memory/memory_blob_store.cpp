#include "stores/memory/memory_blob_store.hpp"

#include <algorithm>

#include "base/loop.hpp"

namespace headrace::stores {
namespace {

/// As a disk does: after the call, on the loop that made it; at once where there is no loop.
template <class T>
void answer(jobs::Done<T> done, Result<T> result) {
    Loop* const loop = Loop::current();
    if (loop == nullptr) return done(std::move(result));
    loop->post([done = std::move(done), result = std::move(result)]() mutable {
        done(std::move(result));
    });
}

}  // namespace

class MemoryBlobStore::Sink final : public jobs::BlobSink {
  public:
    Sink(std::shared_ptr<Shelf> shelf, std::string tenant)
        : shelf_(std::move(shelf)), tenant_(std::move(tenant)) {}

    void write(std::string piece, jobs::Done<void> done) override {
        content_ += piece;
        answer<void>(std::move(done), {});
    }

    void finish(bool, jobs::Done<jobs::BlobRef> done) override {
        const jobs::BlobRef blob{sha256(content_), content_.size()};
        {
            const std::lock_guard lock(shelf_->mutex);
            shelf_->blobs[{tenant_, blob.digest}] =
                std::make_shared<const std::string>(std::move(content_));
        }
        answer<jobs::BlobRef>(std::move(done), blob);
    }

  private:
    std::shared_ptr<Shelf> shelf_;
    std::string tenant_;
    std::string content_;
};

class MemoryBlobStore::Source final : public jobs::BlobSource {
  public:
    explicit Source(std::shared_ptr<const std::string> content) : content_(std::move(content)) {}
    [[nodiscard]] std::uint64_t size() const override { return content_->size(); }
    void read(std::uint64_t offset, std::size_t count, jobs::Done<std::string> done) override {
        const auto from =
            static_cast<std::size_t>(std::min<std::uint64_t>(offset, content_->size()));
        answer<std::string>(std::move(done), content_->substr(from, count));
    }

  private:
    std::shared_ptr<const std::string> content_;
};

Result<std::unique_ptr<jobs::BlobSink>> MemoryBlobStore::create(const TenantId& tenant) {
    const std::lock_guard lock(shelf_->mutex);
    if (shelf_->full) return fail(ErrorCode::unavailable, "there is no room for more files");
    return std::make_unique<Sink>(shelf_, tenant.name);
}

void MemoryBlobStore::open(const TenantId& tenant, const jobs::BlobRef& blob,
                           jobs::Done<std::unique_ptr<jobs::BlobSource>> done) {
    std::shared_ptr<const std::string> content;
    {
        const std::lock_guard lock(shelf_->mutex);
        const auto at = shelf_->blobs.find({tenant.name, blob.digest});
        if (at != shelf_->blobs.end()) content = at->second;
    }
    Result<std::unique_ptr<jobs::BlobSource>> result;
    if (!content)
        result = fail(ErrorCode::not_found, "no such blob");
    else if (content->size() != blob.size)
        result = fail(ErrorCode::internal, "the blob has another size");
    else
        result = std::make_unique<Source>(std::move(content));
    answer<std::unique_ptr<jobs::BlobSource>>(std::move(done), std::move(result));
}

void MemoryBlobStore::set_full(bool full) {
    const std::lock_guard lock(shelf_->mutex);
    shelf_->full = full;
}

std::size_t MemoryBlobStore::size() const {
    const std::lock_guard lock(shelf_->mutex);
    return shelf_->blobs.size();
}

}  // namespace headrace::stores
