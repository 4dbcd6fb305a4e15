#include "generation.hpp"

#include <iterator>
#include <utility>

namespace headrace::llama {

bool Generation::wait(TextOut::Piece& piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
        return ended_ || (order.streamed && !(ready_.text.empty() && ready_.entries.empty()));
    });
    piece = std::exchange(ready_, {});
    return ended_;
}

bool Generation::full() {
    const std::lock_guard lock(mutex_);
    return order.streamed && ready_.text.size() > kMostUnsent;
}

void Generation::add(TextOut::Piece piece) {
    const std::lock_guard lock(mutex_);
    ready_.text += piece.text;
    ready_.entries.insert(ready_.entries.end(), std::make_move_iterator(piece.entries.begin()),
                          std::make_move_iterator(piece.entries.end()));
    if (order.streamed) changed_.notify_one();
}

void Generation::finish(Outcome outcome) {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    ended_ = true;
    changed_.notify_one();
}

}  // namespace headrace::llama
