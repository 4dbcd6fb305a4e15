// backup.json of a folder that somebody brings to be restored: what is read is written and read
// again as the same, and no file of it lies outside the backup.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "main/backup_files.hpp"
#include "own_file.hpp"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace program = headrace::main;
    static const headrace::fuzz::OwnFile file{std::string(program::kManifestName)};
    file.write({reinterpret_cast<const char*>(data), size});
    const auto manifest = program::read_manifest(file.folder());
    if (!manifest) return 0;
    for (const auto& [name, content] : manifest->files) {
        const std::filesystem::path path(name);
        require(!path.empty() && path.is_relative());
        for (const auto& part : path) require(part != "..");
    }
    std::filesystem::remove(file.path());  // a backup is never written over another
    require(program::write_manifest(file.folder(), *manifest).has_value());
    const auto again = program::read_manifest(file.folder());
    require(again && again->files == manifest->files && again->version == manifest->version);
    return 0;
}
