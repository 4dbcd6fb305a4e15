#include "main/backup_files.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/digest.hpp"
#include "base/json.hpp"
#include "base/unique_fd.hpp"

namespace headrace::main {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPiece = 256 * 1024;

tl::unexpected<Error> failed(const fs::path& path) {
    const auto code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable;
    return fail(code, path.string() + ": " + std::strerror(errno));
}

/// Reads a file to its end; `sink` gets each piece.
template <class Sink>
Result<BackupFile> read_through(const fs::path& path, Sink sink) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return failed(path);
    Sha256Stream digest;
    BackupFile out;
    std::vector<char> buffer(kPiece);
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(path);
        if (got == 0) break;
        const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
        digest.update(piece);
        out.size += piece.size();
        if (Result<void> taken = sink(piece); !taken) return fail(std::move(taken).error());
    }
    out.sha256 = to_hex(digest.finish());
    return out;
}

Result<void> write_all(int file, std::string_view piece, const fs::path& path) {
    while (!piece.empty()) {
        const ssize_t put = ::write(file, piece.data(), piece.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed(path);
        piece.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
}

Result<UniqueFd> make_file(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return failed(path);
    return file;
}

std::string text_of(const json::object& object, const char* name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

}  // namespace

Result<void> sync_path(const fs::path& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0) return failed(path);
    return {};
}

Result<BackupFile> digest_file(const fs::path& file) {
    return read_through(file, [](std::string_view) { return Result<void>{}; });
}

Result<BackupFile> copy_file(const fs::path& from, const fs::path& to) {
    std::error_code error;
    if (!fs::exists(from, error)) {
        errno = ENOENT;
        return failed(from);
    }
    auto file = make_file(to);
    if (!file) return fail(std::move(file).error());
    auto copied = read_through(
        from, [&](std::string_view piece) { return write_all(file->get(), piece, to); });
    if (copied && ::fsync(file->get()) != 0) return failed(to);
    return copied;
}

Result<void> write_manifest(const fs::path& backup, const BackupManifest& manifest) {
    json::object files;
    for (const auto& [path, file] : manifest.files) {
        files[path] = json::object{{"size", file.size}, {"sha256", file.sha256}};
    }
    const json::object whole{{"headrace_backup", 1},
                             {"version", manifest.version},
                             {"created_at", manifest.created_at},
                             {"master_key", manifest.master_key},
                             {"files", std::move(files)}};
    const auto path = backup / kManifestName;
    auto file = make_file(path);
    if (!file) return fail(std::move(file).error());
    if (auto put = write_all(file->get(), json::serialize(whole) + "\n", path); !put) return put;
    return sync_path(path);
}

Result<BackupManifest> read_manifest(const fs::path& backup) {
    const auto path = backup / kManifestName;
    std::ifstream file(path);
    if (!file) return fail(ErrorCode::not_found, backup.string() + " holds no backup");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    const auto bad = [&path] {
        return fail(ErrorCode::internal, path.string() + " is no manifest of a backup");
    };
    if (error || !value.is_object() || !value.get_object().contains("headrace_backup"))
        return bad();
    const auto& object = value.get_object();
    const auto* files = object.if_contains("files");
    if (files == nullptr || !files->is_object()) return bad();
    BackupManifest out;
    out.version = text_of(object, "version");
    out.created_at = text_of(object, "created_at");
    const auto* key = object.if_contains("master_key");
    out.master_key = key != nullptr && key->is_bool() && key->get_bool();
    for (const auto& [name, entry] : files->get_object()) {
        // What is restored stays inside of the folder.
        const fs::path inside(std::string_view(name.data(), name.size()));
        if (inside.empty() || inside.is_absolute() || inside.lexically_normal() != inside ||
            *inside.begin() == "..") {
            return bad();
        }
        const auto* size = entry.is_object() ? entry.get_object().if_contains("size") : nullptr;
        if (size == nullptr || !size->is_int64() || size->get_int64() < 0) return bad();
        out.files[inside.string()] = {static_cast<std::uint64_t>(size->get_int64()),
                                      text_of(entry.get_object(), "sha256")};
    }
    return out;
}

}  // namespace headrace::main
