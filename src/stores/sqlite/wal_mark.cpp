#include "stores/sqlite/wal_mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

constexpr std::size_t kSaltBytes = 8;
constexpr off_t kSaltsAt = 16;  // in the head of the log: sqlite.org/fileformat2.html, 4.1
constexpr std::size_t kMarkBytes = kSaltBytes + 16;

std::string path_of(const std::string& database) {
    return database + "-mark";
}

std::int64_t sum_of(const std::string& salts, std::uint64_t frames) {
    return RowSum("wal-mark").add(salts).add(static_cast<std::int64_t>(frames)).value();
}

}  // namespace

std::unique_ptr<WalMark> WalMark::open(const std::string& database) {
    UniqueFd file(
        ::open(path_of(database).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return nullptr;
    return std::unique_ptr<WalMark>(new WalMark(database, std::move(file)));
}

void WalMark::note(std::uint64_t frames) {
    // The log stays the same file while a connection is open.
    if (!log_) log_ = UniqueFd(::open((database_ + "-wal").c_str(), O_RDONLY | O_CLOEXEC));
    std::string salts(kSaltBytes, '\0');
    if (!log_ || ::pread(log_.get(), salts.data(), kSaltBytes, kSaltsAt) != kSaltBytes) return;
    char mark[kMarkBytes];
    const std::int64_t sum = sum_of(salts, frames);
    std::memcpy(mark, salts.data(), kSaltBytes);
    std::memcpy(mark + kSaltBytes, &frames, 8);
    std::memcpy(mark + kSaltBytes + 8, &sum, 8);
    // A mark that is not written only tells less.
    (void)!::pwrite(file_.get(), mark, kMarkBytes, 0);
}

std::optional<MarkedLog> read_mark(const std::string& database) {
    const UniqueFd file(::open(path_of(database).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    char mark[kMarkBytes];
    if (!file || ::pread(file.get(), mark, kMarkBytes, 0) != kMarkBytes) return {};
    MarkedLog out;
    std::int64_t sum = 0;
    out.salts.assign(mark, kSaltBytes);
    std::memcpy(&out.frames, mark + kSaltBytes, 8);
    std::memcpy(&sum, mark + kSaltBytes + 8, 8);
    if (sum != sum_of(out.salts, out.frames)) return {};
    return out;
}

}  // namespace headrace::stores
