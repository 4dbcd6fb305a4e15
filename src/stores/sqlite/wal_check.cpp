#include "stores/sqlite/wal_check.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

// The formats are those of sqlite.org/fileformat2.html: section 1.3 (head of the database file) and
// 4.1 to 4.2 (write-ahead log).
namespace headrace::stores {
namespace {

constexpr std::size_t kWalHeadBytes = 32;
constexpr std::size_t kFrameHeadBytes = 24;
constexpr std::uint32_t kMagic =
    0x377f0682;  // the lowest bit says: checksums over big-endian words

std::uint32_t big(const unsigned char* p) {
    return static_cast<std::uint32_t>(p[0]) << 24 | static_cast<std::uint32_t>(p[1]) << 16 |
           static_cast<std::uint32_t>(p[2]) << 8 | p[3];
}
std::uint32_t little(const unsigned char* p) {
    return static_cast<std::uint32_t>(p[3]) << 24 | static_cast<std::uint32_t>(p[2]) << 16 |
           static_cast<std::uint32_t>(p[1]) << 8 | p[0];
}

struct WalSum {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    bool operator==(const WalSum&) const = default;

    void add(const unsigned char* data, std::size_t bytes, bool big_endian) {
        for (std::size_t i = 0; i < bytes; i += 8) {
            first += (big_endian ? big(data + i) : little(data + i)) + second;
            second += (big_endian ? big(data + i + 4) : little(data + i + 4)) + first;
        }
    }
};

}  // namespace

Result<void> check_wal(const std::string& path, const std::optional<MarkedLog>& mark) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return {};
    unsigned char head[kWalHeadBytes];
    if (!file.read(reinterpret_cast<char*>(head), sizeof head)) {
        if (!mark || file.gcount() == 0) return {};
        return fail(ErrorCode::internal, "has a damaged write-ahead log (cut off in its head)");
    }
    // The head is one sector, synced before the first frame: a power cut cannot tear it.
    const std::uint32_t magic = big(head);
    const std::uint32_t page_bytes = big(head + 8);
    if ((magic & ~1U) != kMagic || page_bytes < 512 || page_bytes > 65536 ||
        (page_bytes & (page_bytes - 1)) != 0) {
        return fail(ErrorCode::internal, "has a damaged write-ahead log (head)");
    }
    const bool big_endian = (magic & 1U) != 0;
    WalSum sum;
    sum.add(head, 24, big_endian);
    if (sum != WalSum{big(head + 24), big(head + 28)}) {
        return fail(ErrorCode::internal, "has a damaged write-ahead log (head)");
    }
    bool good = true;
    bool commit_after_bad = false;
    std::uint64_t number = 0;
    std::uint64_t committed = 0;
    std::uint64_t first_bad = 0;
    std::vector<unsigned char> frame(kFrameHeadBytes + page_bytes);
    while (file.read(reinterpret_cast<char*>(frame.data()),
                     static_cast<std::streamsize>(frame.size()))) {
        ++number;
        const bool of_this_log =
            big(&frame[8]) == big(head + 16) && big(&frame[12]) == big(head + 20);
        if (good) {
            sum.add(frame.data(), 8, big_endian);
            sum.add(&frame[kFrameHeadBytes], page_bytes, big_endian);
            good = of_this_log && sum == WalSum{big(&frame[16]), big(&frame[20])};
            if (good && big(&frame[4]) != 0) committed = number;
            if (good) continue;
            first_bad = number;
        }
        if (!of_this_log) continue;  // left over from before the log was begun anew
        if (commit_after_bad) {
            return fail(ErrorCode::internal,
                        "has a damaged write-ahead log (frame " + std::to_string(first_bad) + ")");
        }
        commit_after_bad = big(&frame[4]) != 0;
    }
    const std::string_view salts(reinterpret_cast<const char*>(head) + 16, 8);
    if (mark && mark->salts == salts && committed < mark->frames) {
        return fail(ErrorCode::internal, "has a damaged write-ahead log (" +
                                             std::to_string(committed) + " good frames of " +
                                             std::to_string(mark->frames) + " acknowledged)");
    }
    return {};
}

Result<void> check_head(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char head[100];
    if (file.read(head, sizeof head) &&
        std::string_view(head, 16) == std::string_view("SQLite format 3", 16)) {
        return {};
    }
    return fail(ErrorCode::internal, "is damaged: not a database");
}

Result<void> check_file_size(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    unsigned char head[100];
    if (!file.read(reinterpret_cast<char*>(head), sizeof head)) {
        return fail(ErrorCode::internal, "is damaged: cut off");
    }
    const std::uint32_t raw = static_cast<std::uint32_t>(head[16]) << 8 | head[17];
    const std::uint64_t page_bytes = raw == 1 ? 65536 : raw;
    const std::uint64_t expected = page_bytes * big(head + 28);
    std::error_code error;
    const auto actual = std::filesystem::file_size(path, error);
    if (!error && actual >= expected) return {};
    return fail(ErrorCode::internal, "is damaged: cut off at " + std::to_string(actual) + " of " +
                                         std::to_string(expected) + " bytes");
}

}  // namespace headrace::stores
