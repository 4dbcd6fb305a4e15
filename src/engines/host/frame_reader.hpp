#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <google/protobuf/arena.h>

#include "base/result.hpp"

namespace headrace::wire {
class Frame;
}

namespace headrace::engines::host {

/// Blocking reads of frames from the parent. One thread at a time.
class FrameReader {
  public:
    explicit FrameReader(int socket);
    /// The next frame, good until the next call; null when the parent is gone. Error: not a frame.
    Result<wire::Frame*> next();

    /// A whole frame is here already: next() will not wait.
    [[nodiscard]] bool has_frame() const;
    [[nodiscard]] int socket() const { return socket_; }

  private:
    /// False at the end of the stream.
    bool fill();

    int socket_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::vector<char> block_;  // the arena's first block
    google::protobuf::Arena arena_;
};

}  // namespace headrace::engines::host
