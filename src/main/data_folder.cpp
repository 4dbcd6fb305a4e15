#include "main/data_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace headrace::main {
namespace {

std::string holder_of(int lock) {
    std::array<char, 128> text{};
    const auto size = ::pread(lock, text.data(), text.size(), 0);
    std::string out(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out.empty() ? "another process" : out;
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path().empty() ? "." : path.parent_path(), error);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("server.data: {} cannot be made: {}", path.string(), std::strerror(errno)));
    }
    const auto file = path / "lock";
    UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("server.data: {} cannot be used: {}", path.string(), std::strerror(errno)));
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail(ErrorCode::conflict, fmt::format("server.data: {} is in use by {}", path.string(),
                                                     holder_of(lock.get())));
    }
    const auto holder = fmt::format("process {}\n", ::getpid());
    if (::ftruncate(lock.get(), 0) != 0 ||
        ::pwrite(lock.get(), holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
        return fail(ErrorCode::unavailable,
                    fmt::format("server.data: {} cannot be written: {}", file.string(), std::strerror(errno)));
    }
    return DataFolder(std::filesystem::canonical(path), std::move(lock));
}

}  // namespace headrace::main
