#include "stores/memory/memory_blob_store.hpp"

namespace headrace::stores {

class MemoryBlobStore::Sink final : public jobs::BlobSink {
  public:
    Sink(std::shared_ptr<Shelf> shelf, std::string tenant)
        : shelf_(std::move(shelf)), tenant_(std::move(tenant)) {}

    void write(std::string piece, jobs::Done<void> done) override {
        content_ += piece;
        done({});
    }

    void finish(bool, jobs::Done<jobs::BlobRef> done) override {
        const jobs::BlobRef blob{sha256(content_), content_.size()};
        {
            const std::lock_guard lock(shelf_->mutex);
            shelf_->blobs[{tenant_, blob.digest}] =
                std::make_shared<const std::string>(std::move(content_));
        }
        done(blob);
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
        if (offset >= content_->size()) return done(std::string());
        done(content_->substr(static_cast<std::size_t>(offset), count));
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
    if (!content) return done(fail(ErrorCode::not_found, "no such blob"));
    if (content->size() != blob.size) return done(fail(ErrorCode::internal, "the blob has another size"));
    done(std::make_unique<Source>(std::move(content)));
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
