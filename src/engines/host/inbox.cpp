#include "engines/host/inbox.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace headrace::engines::host {
namespace {

Result<void> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return fail(ErrorCode::unavailable,
                        std::string("cannot spool media: ") + std::strerror(errno));
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

Result<void> Part::spool() {
    const char* folder = std::getenv("TMPDIR");
    std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/headrace-part-XXXXXX";
    file_ = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
    if (!file_) {
        return fail(ErrorCode::unavailable,
                    std::string("cannot spool media: ") + std::strerror(errno));
    }
    ::unlink(name.c_str());
    path_ = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file_.get());
    auto written = write_all(file_.get(), data_);
    data_ = {};
    return written;
}

Result<void> Part::add(std::string_view piece) {
    size_ += piece.size();
    if (!file_ && size_ > kSpoolAbove) {
        if (auto r = spool(); !r) return r;
    }
    if (file_) return write_all(file_.get(), piece);
    data_.append(piece);
    return {};
}

Inbox::Inbox(std::string values, std::uint64_t values_size, std::uint32_t parts)
    : values_(std::move(values)),
      values_size_(values_size),
      values_missing_(values_size > 0),
      missing_(parts + (values_missing_ ? 1 : 0)) {
    for (std::uint32_t number = 1; number <= parts; ++number) parts_[number];
}

Result<void> Inbox::add(std::uint32_t part, std::string_view piece, bool last) {
    if (part == 0 && values_missing_) {
        values_.append(piece);
        if (values_.size() > values_size_ || (last && values_.size() != values_size_)) {
            return fail(ErrorCode::invalid_argument, "the values are not as long as announced");
        }
        if (!last) return {};
        values_missing_ = false;
        --missing_;
        return {};
    }
    const auto found = parts_.find(part);
    if (found == parts_.end() || found->second.whole) {
        return fail(ErrorCode::invalid_argument, "a chunk of a part that is not awaited");
    }
    if (auto r = found->second.part.add(piece); !r) return r;
    if (last) {
        found->second.whole = true;
        --missing_;
    }
    return {};
}

const Part* Inbox::part(std::uint32_t number) const {
    const auto found = parts_.find(number);
    return found == parts_.end() ? nullptr : &found->second.part;
}

}  // namespace headrace::engines::host
