#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/loop.hpp"
#include "jobs/ports.hpp"

namespace headrace::workers::hub {

/// Says yes to every write, on the loop, and keeps nothing but files.
class YesLog final : public jobs::JobLog {
  public:
    explicit YesLog(Loop& loop) : loop_(loop) {}
    Result<std::uint64_t> begin_epoch() override { return 7; }
    Result<void> load_open(const TakeJob&) override { return {}; }
    void write(jobs::LogWrite change, jobs::Done<void> done) override {
        for (auto& file : change.files) files.push_back(std::move(file));
        answer(std::move(done), Result<void>{});
    }
    void get(TenantId, JobId, jobs::Done<std::optional<jobs::JobRecord>> done) override {
        answer(std::move(done), std::optional<jobs::JobRecord>{});
    }
    void list(jobs::JobQuery, jobs::Done<std::vector<jobs::JobRecord>> done) override {
        answer(std::move(done), std::vector<jobs::JobRecord>{});
    }
    void load_input(TenantId, JobId,
                    jobs::Done<std::shared_ptr<const jobs::Payload>> done) override {
        answer(std::move(done), std::shared_ptr<const jobs::Payload>{});
    }
    void find_idempotent(TenantId, std::string,
                         jobs::Done<std::optional<jobs::JobRecord>> done) override {
        answer(std::move(done), std::optional<jobs::JobRecord>{});
    }
    void usage(jobs::UsageQuery, jobs::Done<std::vector<jobs::UsageRecord>> done) override {
        answer(std::move(done), std::vector<jobs::UsageRecord>{});
    }
    void put_file(jobs::FileRecord file, jobs::Done<void> done) override {
        files.push_back(std::move(file));
        answer(std::move(done), Result<void>{});
    }
    void get_file(TenantId, FileId, jobs::Done<std::optional<jobs::FileRecord>> done) override {
        answer(std::move(done), std::optional<jobs::FileRecord>{});
    }
    void list_files(jobs::FileQuery, jobs::Done<std::vector<jobs::FileRecord>> done) override {
        answer(std::move(done), std::vector<jobs::FileRecord>{});
    }
    void remove_file(TenantId, FileId, jobs::Done<bool> done) override {
        answer(std::move(done), true);
    }

    std::vector<jobs::FileRecord> files;

  private:
    template <class T, class V>
    void answer(jobs::Done<T> done, V value) {
        loop_.post([done = std::move(done), value = std::move(value)]() mutable {
            done(Result<T>(std::move(value)));
        });
    }
    template <class T>
    void answer(jobs::Done<T> done, Result<T> value) {
        loop_.post([done = std::move(done), value = std::move(value)]() mutable {
            done(std::move(value));
        });
    }
    Loop& loop_;
};

/// Blobs in memory; answers on the loop. `full` makes it refuse new ones.
class MemoryBlobs final : public jobs::BlobStore {
  public:
    explicit MemoryBlobs(Loop& loop) : loop_(loop) {}

    Result<std::unique_ptr<jobs::BlobSink>> create(const TenantId&) override {
        if (full) return fail(ErrorCode::unavailable, "the disk is full");
        return std::unique_ptr<jobs::BlobSink>(std::make_unique<Sink>(*this));
    }
    void open(const TenantId&, const jobs::BlobRef& blob,
              jobs::Done<std::unique_ptr<jobs::BlobSource>> done) override {
        const auto found = content.find(to_hex(blob.digest));
        loop_.post([this, found, done = std::move(done)]() mutable {
            if (found == content.end()) return done(fail(ErrorCode::not_found, "no such blob"));
            done(std::unique_ptr<jobs::BlobSource>(std::make_unique<Source>(*this, found->second)));
        });
    }
    jobs::BlobRef put(const std::string& bytes) {
        const auto digest = sha256(bytes);
        content[to_hex(digest)] = bytes;
        return {digest, bytes.size()};
    }

    std::map<std::string, std::string> content;  // by digest
    bool full = false;

  private:
    struct Sink final : jobs::BlobSink {
        explicit Sink(MemoryBlobs& to) : owner(to) {}
        void write(std::string piece, jobs::Done<void> done) override {
            bytes += piece;
            owner.loop_.post([done = std::move(done)]() mutable { done(Result<void>{}); });
        }
        void finish(bool, jobs::Done<jobs::BlobRef> done) override {
            owner.loop_.post(
                [ref = owner.put(bytes), done = std::move(done)]() mutable { done(ref); });
        }
        MemoryBlobs& owner;
        std::string bytes;
    };
    struct Source final : jobs::BlobSource {
        Source(MemoryBlobs& from, const std::string& of) : owner(from), bytes(of) {}
        [[nodiscard]] std::uint64_t size() const override { return bytes.size(); }
        void read(std::uint64_t offset, std::size_t count, jobs::Done<std::string> done) override {
            owner.loop_.post([piece = bytes.substr(offset, count),
                              done = std::move(done)]() mutable { done(std::move(piece)); });
        }
        MemoryBlobs& owner;
        const std::string& bytes;
    };
    Loop& loop_;
};

}  // namespace headrace::workers::hub
