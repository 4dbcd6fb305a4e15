#include "power_cut/disk_after.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

namespace headrace::power_cut {
namespace {

constexpr std::size_t kSectorBytes = 512;

std::string parent_of(const std::string& path) {
    return std::filesystem::path(path).parent_path().string();
}

class Disk {
  public:
    Disk(std::span<const Op> ops, std::mt19937_64& random) : ops_(ops), random_(random) {
        for (std::size_t i = 0; i < ops.size(); ++i) {
            if (ops[i].kind == Op::Kind::sync_file) file_synced_[ops[i].file] = i;
            if (ops[i].kind == Op::Kind::sync_folder) folder_synced_[ops[i].path] = i;
        }
    }

    void make(const std::string& folder) {
        choose_names();
        for (std::size_t i = 0; i < ops_.size(); ++i) {
            if (kept_.at(i)) apply_name(ops_[i]);
        }
        for (const auto& [path, file] : names_) {
            const auto whole = std::filesystem::path(folder) / path;
            if (file == kFolder) {
                std::filesystem::create_directories(whole);
                continue;
            }
            const std::string content = content_of(file);
            std::ofstream(whole, std::ios::binary) << content;
        }
    }

  private:
    static constexpr int kFolder = -1;

    static bool concerns_names(const Op& op) {
        using enum Op::Kind;
        return op.kind == make_file || op.kind == make_folder || op.kind == rename ||
               op.kind == remove;
    }
    static const std::string& name_of(const Op& op) {
        return op.kind == Op::Kind::rename ? op.target : op.path;
    }

    /// All that was synced, and in each folder a first part of the rest.
    void choose_names() {
        std::map<std::string, std::vector<std::size_t>> pending;
        kept_.assign(ops_.size(), false);
        for (std::size_t i = 0; i < ops_.size(); ++i) {
            if (!concerns_names(ops_[i])) continue;
            const std::string folder = parent_of(name_of(ops_[i]));
            const auto synced = folder_synced_.find(folder);
            if (synced != folder_synced_.end() && i < synced->second)
                kept_[i] = true;
            else
                pending[folder].push_back(i);
        }
        for (const auto& [folder, ops] : pending) {
            const auto count = random_() % (ops.size() + 1);
            for (std::size_t i = 0; i < count; ++i) kept_[ops[i]] = true;
        }
    }

    void apply_name(const Op& op) {
        const std::string& name = name_of(op);
        const std::string folder = parent_of(name);
        if (!folder.empty() && !names_.contains(folder)) return;  // its folder did not last
        switch (op.kind) {
            case Op::Kind::make_folder:
                names_[name] = kFolder;
                break;
            case Op::Kind::remove:
                names_.erase(name);
                break;
            case Op::Kind::rename:
                names_[name] = op.file;
                if (parent_of(op.path) == folder || random_() % 2 == 0) names_.erase(op.path);
                break;
            default:
                names_[name] = op.file;
        }
    }

    std::string content_of(int file) {
        enum class Lost : std::uint8_t { all, nothing, some };
        const auto lost = static_cast<Lost>(random_() % 3);
        const auto synced = file_synced_.find(file);
        std::string content;
        for (std::size_t i = 0; i < ops_.size(); ++i) {
            const Op& op = ops_[i];
            if (op.file != file || (op.kind != Op::Kind::write && op.kind != Op::Kind::resize))
                continue;
            const bool lasts = synced != file_synced_.end() && i < synced->second;
            if (op.kind == Op::Kind::resize) {
                if (lasts || lost == Lost::nothing || (lost == Lost::some && random_() % 2 == 0))
                    content.resize(op.at);
                continue;
            }
            if (lasts || lost == Lost::nothing)
                put(content, op.at, op.bytes);
            else if (lost == Lost::some)
                put_some(content, op);
        }
        return content;
    }

    void put_some(std::string& content, const Op& op) {
        for (std::size_t from = 0; from < op.bytes.size();) {
            const std::size_t in_sector = kSectorBytes - (op.at + from) % kSectorBytes;
            const auto piece = std::string_view(op.bytes).substr(from, in_sector);
            if (random_() % 2 == 0) put(content, op.at + from, piece);
            from += piece.size();
        }
    }

    static void put(std::string& content, std::uint64_t at, std::string_view bytes) {
        if (content.size() < at + bytes.size()) content.resize(at + bytes.size());
        std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(at));
    }

    std::span<const Op> ops_;
    std::mt19937_64& random_;
    std::map<int, std::size_t> file_synced_;            // the last sync
    std::map<std::string, std::size_t> folder_synced_;  // the last sync
    std::vector<bool> kept_;
    std::map<std::string, int> names_;
};

}  // namespace

void disk_after(std::span<const Op> ops, std::mt19937_64& random, const std::string& folder) {
    Disk(ops, random).make(folder);
}

}  // namespace headrace::power_cut
