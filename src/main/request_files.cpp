#include "main/request_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <tuple>

namespace headrace::main {
namespace {

constexpr std::string_view kPrefix = "requests-";
constexpr std::string_view kSuffix = ".jsonl";
constexpr std::size_t kDayLength = 10;
constexpr WallMs kDayMs = 86'400'000;

std::string day_of(WallMs time) {
    return to_rfc3339(time).substr(0, kDayLength);
}

std::string name_of(const std::string& day, std::uint32_t part) {
    std::string out = std::string(kPrefix) + day;
    if (part > 0) out += '.' + std::to_string(part);
    return out.append(kSuffix);
}

/// Nothing else in the folder is ours to read or remove.
bool read_name(std::string_view name, RequestFile& out) {
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return false;
    name.remove_prefix(kPrefix.size());
    name.remove_suffix(kSuffix.size());
    if (name.size() < kDayLength) return false;
    out.day = name.substr(0, kDayLength);
    if (!from_rfc3339(out.day + "T00:00:00Z")) return false;
    name.remove_prefix(kDayLength);
    out.part = 0;
    if (name.empty()) return true;
    const auto* end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + 1, end, out.part);
    return name.front() == '.' && read.ec == std::errc() && read.ptr == end;
}

}  // namespace

Result<RequestFiles> RequestFiles::open(std::filesystem::path folder, std::uint64_t most_bytes,
                                        std::uint32_t keep_days) {
    std::error_code error;
    std::filesystem::create_directories(folder.parent_path(), error);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(ErrorCode::unavailable, folder.string() + ": " + std::strerror(errno));
    }
    if (::access(folder.c_str(), W_OK | X_OK) != 0 || !std::filesystem::is_directory(folder, error))
        return fail(ErrorCode::unavailable, folder.string() + " is no folder that can be written");
    RequestFiles out;
    out.folder_ = std::move(folder);
    out.most_bytes_ = most_bytes;
    out.keep_days_ = keep_days;
    return out;
}

/// Opens the file that the next lines go to.
bool RequestFiles::turn_to(const std::string& day, std::size_t bytes) {
    if (day != day_) {
        day_ = day;
        part_ = 0;
        for (const auto& file : request_files(folder_)) {
            if (file.day == day) part_ = std::max(part_, file.part);
        }
        file_ = {};
    } else if (file_ && size_ > 0 && size_ + bytes > most_bytes_) {
        ++part_;
        file_ = {};
    }
    if (file_) return true;
    const auto path = folder_ / name_of(day_, part_);
    UniqueFd file(
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
    size_ = static_cast<std::uint64_t>(status.st_size);
    file_ = std::move(file);
    return true;
}

bool RequestFiles::append(std::string_view lines, WallMs now) {
    if (!turn_to(day_of(now), lines.size())) return false;
    size_ += lines.size();
    while (!lines.empty()) {
        const ssize_t put = ::write(file_.get(), lines.data(), lines.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            file_ = {};  // looked for again at the next line
            return false;
        }
        lines.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

std::size_t RequestFiles::expire(WallMs now) {
    const auto oldest = day_of(now - static_cast<WallMs>(keep_days_) * kDayMs);
    std::size_t removed = 0;
    for (const auto& file : request_files(folder_)) {
        std::error_code error;
        if (file.day < oldest && std::filesystem::remove(file.path, error)) ++removed;
    }
    return removed;
}

std::vector<RequestFile> request_files(const std::filesystem::path& folder) {
    std::vector<RequestFile> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        RequestFile file;
        if (!read_name(entry.path().filename().string(), file)) continue;
        file.path = entry.path();
        out.push_back(std::move(file));
    }
    std::sort(out.begin(), out.end(), [](const RequestFile& a, const RequestFile& b) {
        return std::tie(a.day, a.part) > std::tie(b.day, b.part);
    });
    return out;
}

}  // namespace headrace::main
