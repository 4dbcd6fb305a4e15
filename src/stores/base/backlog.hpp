#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

namespace headrace::stores {

/// What a committer has taken out of its inbox and not committed yet, in order. Taking is a swap,
/// however much there is, and no batch costs more than its own changes.
template <class Change>
class Backlog {
  public:
    [[nodiscard]] bool empty() const { return next_ == taken_.size(); }

    /// When it is empty.
    void take(std::vector<Change>& inbox) {
        taken_.clear();
        next_ = 0;
        taken_.swap(inbox);
    }

    /// Fills the empty `batch` with what came first, at most `most`.
    void next(std::vector<Change>& batch, std::size_t most) {
        if (next_ == 0 && taken_.size() <= most) return batch.swap(taken_);
        const std::size_t count = std::min(most, taken_.size() - next_);
        const auto begin = taken_.begin() + static_cast<std::ptrdiff_t>(next_);
        const auto end = begin + static_cast<std::ptrdiff_t>(count);
        batch.assign(std::make_move_iterator(begin), std::make_move_iterator(end));
        next_ += count;
    }

  private:
    std::vector<Change> taken_;
    std::size_t next_ = 0;  // the first that no batch has had
};

}  // namespace headrace::stores
