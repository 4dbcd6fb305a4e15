#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace headrace::wire {
class Frame;
}  // namespace headrace::wire

/// The rules of the worker link that need no job state: order, sizes, who may send what. Pure.
namespace headrace::link {

inline constexpr std::uint32_t kProtocol = 1;
inline constexpr std::size_t kMaxFrame = 1 << 20;      // serialized bytes of one Frame
inline constexpr std::size_t kMaxChunk = 64 * 1024;    // bytes of Chunk.data
inline constexpr std::size_t kMaxInline = 256 * 1024;  // larger values travel as part 0
inline constexpr std::size_t kMaxJobsPerFrame = 64;
inline constexpr std::size_t kMaxOffers = 64;
inline constexpr std::size_t kMaxHeld = 4096;
inline constexpr std::size_t kMaxGpus = 64;
inline constexpr std::size_t kMaxName = 256;  // names, hosts, kits, codes
inline constexpr std::size_t kMaxInterface = 512 * 1024;
inline constexpr std::size_t kMaxText = 64 * 1024;  // messages and log lines
inline constexpr std::size_t kMaxMeters = 64;
inline constexpr std::uint32_t kMaxParts = 4096;  // media values of one job

/// Who speaks: a worker towards a server (or towards its parent), or the other way.
enum class Speaker { worker, server };

/// A short word for a frame's kind, for messages: "hello", "lease", ... or "nothing".
std::string_view kind_of(const wire::Frame& frame);

/// Checks every frame that one speaker sends on one link: the greeting comes first and once, each
/// kind is one that this speaker may send, and every size is within its bound. The error says what
/// to tell the other side; the link is then closed. What is only unknown is tolerated.
class ProtocolCheck {
  public:
    explicit ProtocolCheck(Speaker speaker) : speaker_(speaker) {}
    Result<void> accept(const wire::Frame& frame);
    [[nodiscard]] bool greeted() const { return greeted_; }

  private:
    Result<void> accept_worker(const wire::Frame& frame);
    Result<void> accept_server(const wire::Frame& frame);

    Speaker speaker_;
    bool greeted_ = false;
};

/// True for frames that may overtake bulk data: everything but chunks, steps, logs, progress and
/// what must come after them (results, failures, credits). A lease and its cancel keep their order.
bool is_urgent(const wire::Frame& frame);

}  // namespace headrace::link
