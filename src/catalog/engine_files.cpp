#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "catalog/engine_toml.hpp"

namespace headrace::catalog {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxFileBytes = 1024 * 1024;
constexpr int kMaxDepth = 16;
constexpr std::string_view kFileName = "engine.toml";

/// Folders that hold other people's code, or nobody's.
bool is_entered(const fs::directory_entry& folder) {
    std::error_code error;
    const auto name = folder.path().filename().string();
    if (name.starts_with('.') || name == "__pycache__" || name == "node_modules") return false;
    return !folder.is_symlink(error) && !fs::exists(folder.path() / "pyvenv.cfg", error);
}

}  // namespace

Result<EngineSpec> load_engine(const fs::path& directory) {
    const auto path = directory / kFileName;
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) {
        return fail(ErrorCode::not_found, fmt::format("{}: {}", path.string(), error.message()));
    }
    if (size > kMaxFileBytes) {
        return fail(ErrorCode::too_large,
                    fmt::format("{}: above {} bytes", path.string(), kMaxFileBytes));
    }
    std::string text(static_cast<std::size_t>(size), '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(text.data(), static_cast<std::streamsize>(size));
    if (!file)
        return fail(ErrorCode::unavailable, fmt::format("{}: cannot be read", path.string()));
    return parse_engine_toml(text, path.string(), fs::absolute(directory, error));
}

Result<std::vector<EngineSpec>> load_engines(const fs::path& root) {
    std::error_code error;
    std::vector<fs::path> folders;
    if (fs::is_regular_file(root / kFileName, error)) folders.push_back(root);
    fs::recursive_directory_iterator walk(root, fs::directory_options::skip_permission_denied,
                                          error);
    if (error) {
        return fail(ErrorCode::not_found, fmt::format("{}: {}", root.string(), error.message()));
    }
    for (; walk != fs::recursive_directory_iterator(); walk.increment(error)) {
        if (!walk->is_directory(error)) continue;
        if (!is_entered(*walk) || walk.depth() >= kMaxDepth) {
            walk.disable_recursion_pending();
        } else if (fs::is_regular_file(walk->path() / kFileName, error)) {
            folders.push_back(walk->path());
        }
    }
    std::sort(folders.begin(), folders.end());
    std::vector<EngineSpec> engines;
    for (const auto& folder : folders) {
        auto engine = load_engine(folder);
        if (!engine) return fail(std::move(engine.error()));
        engines.push_back(std::move(*engine));
    }
    return engines;
}

}  // namespace headrace::catalog
