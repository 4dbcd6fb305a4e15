#include "jobs/session_flow.hpp"

#include <algorithm>
#include <utility>

namespace headrace::jobs {

Result<void> SessionFlow::give(std::size_t bytes, bool last) {
    if (ended_) return fail(ErrorCode::conflict, "the input of this session has ended");
    if (input_ > 0 && input_ + bytes > window_) {
        return fail(ErrorCode::quota_exceeded, "the session's input window is used up");
    }
    input_ += bytes;
    ended_ = last;
    return {};
}

UniqueFunction<void()> SessionFlow::consumed(std::uint64_t bytes) {
    if (bytes == 0) return {};
    input_ -= std::min(input_, bytes);
    if (room() == 0) return {};
    return std::move(changed_);
}

Result<void> SessionFlow::output(std::size_t bytes) {
    if (output_ > window_ * kOutputSlack) {
        return fail(ErrorCode::too_large, "the engine sends more than the session's window allows");
    }
    output_ += bytes;
    return {};
}

}  // namespace headrace::jobs
