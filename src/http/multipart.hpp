#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace headrace::http {

struct PartHead {
    std::string name;
    std::string filename;      // base name only; empty where the part is no file
    std::string content_type;  // empty where the part names none
};

/// Where the parts go. An error of any of these ends the parse with it.
struct MultipartSink {
    std::function<Result<void>(const PartHead&)> on_part;
    std::function<Result<void>(std::string_view)> on_data;
    std::function<Result<void>()> on_part_end;
};

struct MultipartLimits {
    std::size_t head_bytes = 8 * 1024;  // of one part
    std::size_t parts = 1000;
};

/// multipart/form-data (RFC 7578) from pieces of any size. Holds back at most a boundary's length
/// of data, so content passes through without being gathered.
class MultipartReader {
  public:
    /// `content_type` is the request's header. Errors: unsupported_media, invalid_argument
    /// (boundary absent, above 70 characters or of characters it may not have).
    static Result<MultipartReader> make(std::string_view content_type, MultipartSink sink,
                                        MultipartLimits limits = {});

    /// Error invalid_argument on a broken form, too_large past a limit, or what the sink gave.
    Result<void> feed(std::string_view piece);
    /// Call at the end of the body: an error when the closing boundary is missing.
    Result<void> finish() const;

  private:
    enum class State { preamble, after_boundary, head, data, epilogue };
    MultipartReader(std::string delimiter, MultipartSink sink, MultipartLimits limits);
    Result<bool> step();
    Result<bool> step_preamble();
    Result<bool> step_after_boundary();
    Result<bool> step_head();
    Result<bool> step_data();
    Result<void> begin_part(std::string_view head);

    std::string delimiter_;  // CRLF, two dashes, boundary
    MultipartSink sink_;
    MultipartLimits limits_;
    State state_ = State::preamble;
    std::string buffer_;
    std::size_t at_ = 0;  // consumed part of buffer_
    std::size_t parts_ = 0;
    bool skip_blank_ = false;  // the blank line behind a part's head is still ahead
};

}  // namespace headrace::http
