#include "stores/disk/data_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace headrace::stores {
namespace {

auto refused(ErrorCode code, const std::string& path, const std::string& what) {
    return fail(code, "data folder " + path + ": " + what);
}

auto refused_by_system(const std::string& path, const std::string& what) {
    return refused(ErrorCode::unavailable, path, what + ": " + std::strerror(errno));
}

std::string holder(int fd) {
    char text[64];
    const auto count = ::pread(fd, text, sizeof text, 0);
    std::string who(text, count > 0 ? static_cast<std::size_t>(count) : 0);
    who.erase(std::min(who.find('\n'), who.size()));
    return who.empty() ? "another process" : who;
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::string& path) {
    DataFolder folder;
    std::error_code error;
    folder.path_ = std::filesystem::absolute(path, error).lexically_normal().string();
    while (folder.path_.size() > 1 && folder.path_.ends_with('/')) folder.path_.pop_back();
    std::filesystem::create_directories(std::filesystem::path(folder.path_).parent_path(), error);
    if (::mkdir(folder.path_.c_str(), 0700) != 0 && errno != EEXIST) {
        return refused_by_system(folder.path_, "cannot make it");
    }
    struct stat status {};
    if (::stat(folder.path_.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
        return refused(ErrorCode::unavailable, folder.path_, "not a folder");
    }
    if ((status.st_mode & 0022) != 0) {
        return refused(ErrorCode::internal, folder.path_,
                       "others may write it; its mode must be 0700");
    }
    const std::string lock = folder.path_ + "/lock";
    folder.lock_ = UniqueFd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!folder.lock_) return refused_by_system(folder.path_, "cannot open its lock");
    if (::flock(folder.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return refused_by_system(folder.path_, "cannot lock it");
        return refused(ErrorCode::conflict, folder.path_,
                       "in use by " + holder(folder.lock_.get()));
    }
    const std::string who = "pid " + std::to_string(::getpid()) + "\n";
    if (::ftruncate(folder.lock_.get(), 0) != 0 ||
        ::pwrite(folder.lock_.get(), who.data(), who.size(), 0) !=
            static_cast<ssize_t>(who.size())) {
        return refused_by_system(folder.path_, "cannot write its lock");
    }
    return folder;
}

}  // namespace headrace::stores
