#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

namespace headrace::upstreams {

struct WorkerUsage {
    std::uint64_t prompt_tokens = 0;
    std::uint64_t completion_tokens = 0;
};

/// What one chunk of a worker's answer adds.
struct WorkerChunk {
    std::string delta;            // new text; never U+FFFD
    std::int64_t error_code = 0;  // not 0: `delta` is empty and `error` says why
    std::string error;
    json::object rest;  // every other member: usage, finish_reason, logprobs, ...
};

/// Cuts a worker's answer at its NUL bytes. Looks at each byte once.
class ChunkSplitter {
  public:
    explicit ChunkSplitter(std::size_t max_chunk) : max_chunk_(max_chunk) {}
    void push(std::string_view bytes) { buffer_.append(bytes); }
    /// The next whole chunk; empty ones are passed over. nullopt: push more. Error engine_failed
    /// when a chunk grows past the limit.
    Result<std::optional<std::string>> next();
    /// What stands after the last NUL.
    std::string take_rest();

  private:
    std::size_t max_chunk_;
    std::string buffer_;
    std::size_t start_ = 0;    // of the chunk that is being read
    std::size_t scanned_ = 0;  // no NUL before this
};

/// Turns cumulative texts into deltas. The text of a chunk begins with that of the chunk before, so
/// only what is new is parsed; the old part is compared, not read.
///
/// U+FFFD (half a character at the end of a chunk) is taken out. Nothing is ever taken back: of a
/// text that became shorter or other, what lies beyond the characters already given is new.
class CumulativeText {
  public:
    /// Error engine_failed for a chunk that is no JSON object, has no text or a broken member.
    Result<WorkerChunk> next(std::string chunk);
    /// Characters given so far.
    [[nodiscard]] std::uint64_t points() const { return given_; }

  private:
    void keep(std::string chunk, bool continued);

    std::string last_;               // the chunk before, up to where its text is settled
    std::uint64_t last_points_ = 0;  // characters of the text in `last_`
    std::uint64_t given_ = 0;
};

std::optional<WorkerUsage> usage_of(const json::object& chunk);
/// "stop", "length", or empty when the chunk has none; a list counts by its first.
std::string finish_reason_of(const json::object& chunk);

}  // namespace headrace::upstreams
