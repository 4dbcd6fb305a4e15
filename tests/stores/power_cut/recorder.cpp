#include "power_cut/recorder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <map>
#include <mutex>
#include <optional>

namespace headrace::power_cut {
namespace {

class Recorder {
  public:
    void begin(const std::string& folder, Plant plant) {
        *this = Recorder();
        root_ = folder.ends_with('/') ? folder : folder + "/";
        plant_ = plant;
    }
    std::vector<Op> end() {
        root_.clear();
        return std::move(ops_);
    }

    /// The path inside the watched folder. SQLite's index of its log is made anew after a crash.
    [[nodiscard]] std::optional<std::string> inside(const char* path) const {
        const std::string whole(path);
        if (root_.empty() || whole.ends_with("-shm")) return {};
        if (whole + "/" == root_) return "";
        if (!whole.starts_with(root_)) return {};
        return whole.substr(root_.size());
    }
    void opened(const std::string& path, int fd, int flags, bool was_there) {
        struct stat status {};
        ::fstat(fd, &status);
        if (S_ISDIR(status.st_mode)) {
            folders_[fd] = path;
            return;
        }
        if (!was_there) {
            names_[path] = next_file_++;
            ops_.push_back({.kind = Op::Kind::make_file, .file = names_[path], .path = path});
        }
        files_[fd] = names_[path];
        if (was_there && (flags & O_TRUNC) != 0) resized(fd, 0);
    }
    void closed(int fd) {
        files_.erase(fd);
        folders_.erase(fd);
    }
    void wrote(int fd, const void* data, std::size_t size, std::optional<std::uint64_t> at) {
        const auto file = files_.find(fd);
        if (file == files_.end()) return;
        // Without a place it was written at the end of what this descriptor wrote so far.
        const auto after = static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_CUR));
        ops_.push_back({.kind = Op::Kind::write,
                        .file = file->second,
                        .at = at ? *at : after - size,
                        .bytes = std::string(static_cast<const char*>(data), size)});
    }
    void resized(int fd, std::uint64_t size) {
        const auto file = files_.find(fd);
        if (file != files_.end())
            ops_.push_back({.kind = Op::Kind::resize, .file = file->second, .at = size});
    }
    void synced(int fd) {
        if (const auto folder = folders_.find(fd); folder != folders_.end()) {
            if (plant_ == Plant::no_folder_sync) return;
            ops_.push_back({.kind = Op::Kind::sync_folder, .path = folder->second});
        }
        const auto file = files_.find(fd);
        if (file == files_.end() || is_left_out(file->second)) return;
        ops_.push_back({.kind = Op::Kind::sync_file, .file = file->second});
    }
    void named(Op::Kind kind, const std::string& path, const std::string& target = {}) {
        if (kind == Op::Kind::rename) names_[target] = names_[path];
        ops_.push_back({.kind = kind, .path = path, .target = target});
        if (kind == Op::Kind::rename) ops_.back().file = names_[path];
        if (kind != Op::Kind::make_folder) names_.erase(path);
    }
    void add(Op op) {
        if (!root_.empty()) ops_.push_back(std::move(op));
    }

  private:
    [[nodiscard]] bool is_left_out(int file) const {
        for (const auto& [path, number] : names_) {
            if (number != file) continue;
            if (plant_ == Plant::no_blob_sync) return path.starts_with("blobs/");
            if (plant_ == Plant::no_log_sync) return path.ends_with("-wal");
        }
        return false;
    }

    std::string root_;
    Plant plant_ = Plant::none;
    std::vector<Op> ops_;
    std::map<std::string, int> names_;
    std::map<int, int> files_;            // by descriptor
    std::map<int, std::string> folders_;  // by descriptor
    int next_file_ = 0;
};

// Held while the call is made, so that the order written down is the order that happened.
std::mutex mutex;
Recorder& recorder() {
    static Recorder only;
    return only;
}

int open_at(const char* path, int flags, mode_t mode) {
    const std::lock_guard lock(mutex);
    const bool was_there = ::syscall(SYS_access, path, F_OK) == 0;
    const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
    if (const auto inside = recorder().inside(path); fd >= 0 && inside)
        recorder().opened(*inside, fd, flags, was_there);
    return fd;
}

ssize_t write_at(int fd, const void* data, std::size_t size, std::optional<std::uint64_t> at) {
    const std::lock_guard lock(mutex);
    const auto done =
        at ? ::syscall(SYS_pwrite64, fd, data, size, *at) : ::syscall(SYS_write, fd, data, size);
    if (done > 0) recorder().wrote(fd, data, static_cast<std::size_t>(done), at);
    return done;
}

int resize(int fd, std::uint64_t size) {
    const std::lock_guard lock(mutex);
    const auto done = static_cast<int>(::syscall(SYS_ftruncate, fd, size));
    if (done == 0) recorder().resized(fd, size);
    return done;
}

// Nothing of this needs to outlive the machine, so no time is spent on the disk.
int sync(int fd) {
    const std::lock_guard lock(mutex);
    recorder().synced(fd);
    return 0;
}

}  // namespace

void watch(const std::string& folder, Plant plant) {
    const std::lock_guard lock(mutex);
    recorder().begin(folder, plant);
}
std::vector<Op> stop_watching() {
    const std::lock_guard lock(mutex);
    return recorder().end();
}
void note(std::uint64_t what) {
    const std::lock_guard lock(mutex);
    recorder().add({.kind = Op::Kind::note, .note = what});
}

}  // namespace headrace::power_cut

using headrace::power_cut::mutex;
using headrace::power_cut::Op;
using headrace::power_cut::open_at;
using headrace::power_cut::recorder;
using headrace::power_cut::resize;
using headrace::power_cut::sync;
using headrace::power_cut::write_at;

// What follows takes the place of the C library's for this program and all that it has loaded.
#define TAKES_PLACE extern "C" __attribute__((visibility("default")))

TAKES_PLACE int open(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const auto mode = va_arg(rest, mode_t);
    va_end(rest);
    return open_at(path, flags, mode);
}
TAKES_PLACE int open64(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const auto mode = va_arg(rest, mode_t);
    va_end(rest);
    return open_at(path, flags, mode);
}
TAKES_PLACE int close(int fd) {
    const std::lock_guard lock(mutex);
    recorder().closed(fd);
    return static_cast<int>(::syscall(SYS_close, fd));
}
TAKES_PLACE ssize_t write(int fd, const void* data, size_t size) {
    return write_at(fd, data, size, {});
}
TAKES_PLACE ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
    return write_at(fd, data, size, static_cast<std::uint64_t>(at));
}
TAKES_PLACE ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
    return write_at(fd, data, size, static_cast<std::uint64_t>(at));
}
TAKES_PLACE int ftruncate(int fd, off_t size) noexcept {
    return resize(fd, static_cast<std::uint64_t>(size));
}
TAKES_PLACE int ftruncate64(int fd, off64_t size) noexcept {
    return resize(fd, static_cast<std::uint64_t>(size));
}
TAKES_PLACE int fsync(int fd) {
    return sync(fd);
}
TAKES_PLACE int fdatasync(int fd) {
    return sync(fd);
}
TAKES_PLACE int mkdir(const char* path, mode_t mode) noexcept {
    const std::lock_guard lock(mutex);
    const auto done = static_cast<int>(::syscall(SYS_mkdir, path, mode));
    if (const auto inside = recorder().inside(path); done == 0 && inside)
        recorder().named(Op::Kind::make_folder, *inside);
    return done;
}
TAKES_PLACE int unlink(const char* path) noexcept {
    const std::lock_guard lock(mutex);
    const auto done = static_cast<int>(::syscall(SYS_unlink, path));
    if (const auto inside = recorder().inside(path); done == 0 && inside)
        recorder().named(Op::Kind::remove, *inside);
    return done;
}
TAKES_PLACE int rename(const char* from, const char* to) noexcept {
    const std::lock_guard lock(mutex);
    const auto done = static_cast<int>(::syscall(SYS_rename, from, to));
    const auto source = recorder().inside(from);
    const auto target = recorder().inside(to);
    if (done == 0 && source && target) recorder().named(Op::Kind::rename, *source, *target);
    return done;
}
