#include "base/rotating_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headrace {

Result<RotatingFile> RotatingFile::open(std::string path, std::uint64_t most_bytes,
                                        std::uint32_t keep) {
    RotatingFile out;
    out.path_ = std::move(path);
    out.most_bytes_ = most_bytes;
    out.keep_ = keep;
    if (auto opened = out.reopen(); !opened) return fail(std::move(opened).error());
    return out;
}

Result<void> RotatingFile::reopen() {
    UniqueFd file(
        ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        return fail(ErrorCode::unavailable, path_ + ": " + std::strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) return fail(ErrorCode::unavailable, path_ + " is no plain file");
    file_ = std::move(file);
    size_ = static_cast<std::uint64_t>(status.st_size);
    return {};
}

bool RotatingFile::was_moved() const {
    struct stat named {};
    struct stat ours {};
    if (::stat(path_.c_str(), &named) != 0) return true;
    return ::fstat(file_.get(), &ours) != 0 || named.st_ino != ours.st_ino ||
           named.st_dev != ours.st_dev;
}

void RotatingFile::rotate() {
    const auto name = [this](std::uint32_t number) { return path_ + '.' + std::to_string(number); };
    for (std::uint32_t number = keep_; number > 1; --number) {
        std::rename(name(number - 1).c_str(), name(number).c_str());
    }
    if (keep_ > 0)
        std::rename(path_.c_str(), name(1).c_str());
    else
        ::unlink(path_.c_str());
}

void RotatingFile::write(std::string_view lines) {
    if (lines.empty()) return;  // no reason to rotate
    if (size_ > 0 && size_ + lines.size() > most_bytes_) rotate();
    if (was_moved()) {
        if (auto opened = reopen(); !opened) return;  // the old one has been moved: nowhere to go
    }
    size_ += lines.size();
    while (!lines.empty()) {
        const ssize_t put = ::write(file_.get(), lines.data(), lines.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return;
        lines.remove_prefix(static_cast<std::size_t>(put));
    }
}

}  // namespace headrace
