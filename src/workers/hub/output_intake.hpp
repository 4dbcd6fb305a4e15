#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "jobs/ports.hpp"
#include "workers/hub/settings.hpp"

namespace headrace::workers::hub {

/// Takes in what one job sends in chunks: its values (part 0) into memory, its media into the blob
/// store. Belongs to the hub's loop; its coroutines must end before it does.
class OutputIntake {
  public:
    OutputIntake(const Settings& settings, jobs::BlobStore& blobs, TenantId tenant);

    /// Error: a part that has ended, too many, or more bytes than may be. The chunk is kept until
    /// write_some() has stored it.
    Result<void> add(std::uint32_t part, std::string data, bool last);
    /// True when there is something to store and nobody at it: then write_all() is to be run.
    [[nodiscard]] bool needs_writer() const { return !writing_ && !waiting_.empty(); }
    /// Stores what waits; `consumed(bytes)` after each chunk. Ends early at the first error.
    template <class Consumed>
    asio::awaitable<void> write_all(Consumed consumed) {
        writing_ = true;
        while (!waiting_.empty() && !error_) {
            const std::size_t bytes = waiting_.front().data.size();
            co_await write_one();
            consumed(bytes);
        }
        writing_ = false;
    }
    [[nodiscard]] bool idle() const { return !writing_ && (waiting_.empty() || error_); }
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

    /// The values that came as part 0, if they are whole and of this size.
    std::optional<std::string> take_values(std::uint64_t size);
    /// Where part `number` lies; nothing when it did not come whole.
    [[nodiscard]] std::optional<jobs::BlobRef> media(std::uint32_t number) const;

  private:
    struct Piece {
        std::uint32_t part;
        std::string data;
        bool last;
    };
    struct Part {
        std::unique_ptr<jobs::BlobSink> sink;
        std::uint64_t bytes = 0;
        bool whole = false;  // its last chunk has come
        std::optional<jobs::BlobRef> stored;
    };
    asio::awaitable<void> write_one();

    const Settings& settings_;
    jobs::BlobStore& blobs_;
    const TenantId tenant_;
    std::deque<Piece> waiting_;
    std::map<std::uint32_t, Part> parts_;
    std::string values_;
    std::optional<Error> error_;
    bool writing_ = false;
};

}  // namespace headrace::workers::hub
