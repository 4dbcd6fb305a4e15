#include "main/request_lines.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace headrace::main {
namespace {

constexpr std::size_t kBlock = 256 * 1024;

}  // namespace

LinesBackwards::LinesBackwards(UniqueFd file, std::uint64_t end)
    : file_(std::move(file)), start_(end), end_(end) {}

/// Twice as much each time, so that a long line is not copied once for every block of it.
Result<void> LinesBackwards::read_more() {
    const auto wanted = std::min<std::uint64_t>(std::max(kBlock, block_.size()), start_);
    std::string earlier(static_cast<std::size_t>(wanted), '\0');
    std::size_t got = 0;
    while (got < earlier.size()) {
        const auto from = static_cast<off_t>(start_ - wanted + got);
        const ssize_t read = ::pread(file_.get(), earlier.data() + got, earlier.size() - got, from);
        if (read < 0 && errno == EINTR) continue;
        if (read <= 0) {
            return fail(ErrorCode::unavailable, read < 0 ? std::strerror(errno) : "it was cut");
        }
        got += static_cast<std::size_t>(read);
    }
    start_ -= wanted;
    block_.insert(0, earlier);
    return {};
}

/// What begins at `from` in the block and goes to its end.
std::string_view LinesBackwards::take(std::size_t from) {
    line_.assign(block_, from);
    block_.resize(from);
    end_ = start_ + from;
    if (std::exchange(too_long_, false)) line_.clear();
    if (!line_.empty() && line_.back() == '\n') line_.pop_back();
    return line_;
}

Result<std::optional<std::string_view>> LinesBackwards::next() {
    for (;;) {
        // The last byte may be the line's own end.
        const auto before =
            block_.size() < 2 ? std::string::npos : block_.rfind('\n', block_.size() - 2);
        if (before != std::string::npos) return take(before + 1);
        if (start_ == 0) {
            if (block_.empty() && !too_long_) return std::nullopt;
            return take(0);
        }
        if (block_.size() > kLongest) {
            too_long_ = true;
            block_.clear();
            end_ = start_;
        }
        if (auto read = read_more(); !read) return fail(std::move(read).error());
    }
}

}  // namespace headrace::main
