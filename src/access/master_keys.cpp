#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "access/secrets.hpp"
#include "base/digest.hpp"
#include "base/unique_fd.hpp"

namespace headrace::access {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kMaxFileBytes = 64 * 1024;

auto broken(const std::string& path, const std::string& what) {
    return fail(ErrorCode::internal, "master key file " + path + ": " + what);
}

auto broken_by_system(const std::string& path, const std::string& what) {
    return broken(path, what + ": " + std::strerror(errno));
}

std::string line_of(std::uint32_t id, const Secret& key) {
    return std::to_string(id) + " " + to_hex(key.reveal()) + "\n";
}

Result<void> write_whole(int fd, const std::string& path, const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const auto count = ::write(fd, text.data() + done, text.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return broken_by_system(path, "cannot write");
        done += static_cast<std::size_t>(count);
    }
    if (::fsync(fd) != 0) return broken_by_system(path, "cannot sync");
    return {};
}

/// Puts `text` in the place of the file in one step, so that a crash leaves the old or the new
/// keys.
Result<void> replace_file(const std::string& path, std::string text) {
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());
    UniqueFd file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return broken_by_system(path, "cannot create");
    auto written = write_whole(file.get(), path, text);
    OPENSSL_cleanse(text.data(), text.size());
    if (!written) return written;
    if (::rename(fresh.c_str(), path.c_str()) != 0)
        return broken_by_system(path, "cannot put in place");
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
        return broken_by_system(path, "cannot sync its folder");
    return {};
}

Result<std::string> read_private(const std::string& path, int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return broken_by_system(path, "cannot look at it");
    if (!S_ISREG(status.st_mode)) return broken(path, "not a plain file");
    if ((status.st_mode & 0077) != 0) {
        return broken(path, "others may read or write it; its mode must be 0600");
    }
    std::string text;
    char piece[4096];
    for (;;) {
        const auto count = ::read(fd, piece, sizeof piece);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return broken_by_system(path, "cannot read");
        if (count == 0) break;
        text.append(piece, static_cast<std::size_t>(count));
        if (text.size() > kMaxFileBytes) return broken(path, "too large");
    }
    OPENSSL_cleanse(piece, sizeof piece);
    return text;
}

Secret hkdf(const Secret& key, std::string_view purpose) {
    struct Free {
        void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
        void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
    };
    const std::unique_ptr<EVP_KDF, Free> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    const std::unique_ptr<EVP_KDF_CTX, Free> context(EVP_KDF_CTX_new(kdf.get()));
    char digest[] = "SHA256";
    std::string key_bytes(key.reveal());
    std::string info = "headrace ";
    info += purpose;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key_bytes.data(), key_bytes.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
        OSSL_PARAM_construct_end(),
    };
    std::string out(kKeyBytes, '\0');
    const int ok = EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                                  out.size(), parameters);
    OPENSSL_cleanse(key_bytes.data(), key_bytes.size());
    if (ok != 1) throw std::runtime_error("HKDF is not available in OpenSSL");
    return Secret(std::move(out));
}

}  // namespace

Result<MasterKeys> MasterKeys::open(const std::string& path) {
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) {
        if (errno != ENOENT) return broken_by_system(path, "cannot open");
        auto made = replace_file(path, line_of(1, Secret(random_bytes(kKeyBytes))));
        if (!made) return fail(std::move(made).error());
        return open(path);
    }
    auto text = read_private(path, file.get());
    if (!text) return fail(std::move(text).error());
    const Secret wiped(*text);
    MasterKeys keys;
    std::string_view rest = wiped.reveal();
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const auto space = line.find(' ');
        Key key;
        const auto number =
            std::from_chars(line.data(), line.data() + std::min(space, line.size()), key.id);
        auto bytes = from_hex(space == std::string_view::npos ? "" : line.substr(space + 1));
        const bool rising = keys.keys_.empty() || key.id > keys.keys_.back().id;
        if (number.ec != std::errc{} || !bytes || bytes->size() != kKeyBytes || !rising ||
            end == std::string_view::npos) {
            return broken(path, "damaged in line " + std::to_string(keys.keys_.size() + 1));
        }
        key.bytes = Secret(std::move(*bytes));
        keys.keys_.push_back(std::move(key));
    }
    OPENSSL_cleanse(text->data(), text->size());
    if (keys.keys_.empty()) return broken(path, "holds no key");
    return keys;
}

Result<void> MasterKeys::rotate(const std::string& path) {
    auto keys = open(path);
    if (!keys) return fail(std::move(keys).error());
    std::string text;
    for (const Key& key : keys->keys_) text += line_of(key.id, key.bytes);
    text += line_of(keys->newest_id() + 1, Secret(random_bytes(kKeyBytes)));
    return replace_file(path, std::move(text));
}

Secret MasterKeys::derive(std::string_view purpose) const {
    return hkdf(keys_.back().bytes, purpose);
}

Result<Secret> MasterKeys::derive(std::string_view purpose, std::uint32_t id) const {
    for (const Key& key : keys_) {
        if (key.id == id) return hkdf(key.bytes, purpose);
    }
    return fail(ErrorCode::internal, "no master key with the id " + std::to_string(id));
}

std::vector<std::uint32_t> MasterKeys::ids() const {
    std::vector<std::uint32_t> out;
    for (const Key& key : keys_) out.push_back(key.id);
    return out;
}

}  // namespace headrace::access
