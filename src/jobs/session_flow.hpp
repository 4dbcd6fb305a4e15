#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_function.hpp"

namespace headrace::jobs {

/// The windows of one session. Input: bytes that were given to us and that the engine has not
/// consumed yet, whether they wait here for a slot or are with the worker. Output: bytes the caller
/// has not taken.
class SessionFlow {
  public:
    struct Step {
        std::string values;
        bool last = false;
    };

    explicit SessionFlow(std::uint64_t window) : window_(window) {}

    /// Counts a step of input. quota_exceeded when the window is used up; a step that is larger
    /// than the whole window passes alone. conflict after the last step.
    Result<void> give(std::size_t bytes, bool last);
    /// The engine has consumed `bytes`. Returns the callback to run when the window has grown.
    UniqueFunction<void()> consumed(std::uint64_t bytes);
    [[nodiscard]] std::uint64_t room() const { return input_ < window_ ? window_ - input_ : 0; }
    void when_room(UniqueFunction<void()> changed) { changed_ = std::move(changed); }
    UniqueFunction<void()> take_callback() { return std::move(changed_); }

    /// Input that came before there was a slot, in order.
    void buffer(Step step) { waiting_.push_back(std::move(step)); }
    std::vector<Step> take_buffered() { return std::move(waiting_); }

    /// A step of output for the caller. too_large when the engine pays no heed to the window.
    Result<void> output(std::size_t bytes);
    void output_taken(std::uint64_t bytes) { output_ -= std::min(output_, bytes); }

    /// True once a step has reached the caller or left for the worker: from then on the session
    /// cannot be run again.
    bool delivered = false;

  private:
    static constexpr std::uint64_t kOutputSlack =
        4;  // windows; the link counts frames, we count values

    std::uint64_t window_;
    std::uint64_t input_ = 0;
    std::uint64_t output_ = 0;
    bool ended_ = false;
    std::vector<Step> waiting_;
    UniqueFunction<void()> changed_;
};

}  // namespace headrace::jobs
