#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include <openssl/crypto.h>

#include "access/keys.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"

namespace headrace::access {
namespace {

bool file_holds_working_key(const KeyRing& keys, const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!file || !std::getline(file, line)) return false;
    const Secret key(std::move(line));
    const auto principal = keys.authenticate(key.reveal(), kThisMachine);
    return principal && (*principal)->system;
}

}  // namespace

Result<void> ensure_admin_key(KeyRing& keys, const std::string& path) {
    const auto broken = [&path](std::string_view what) {
        return fail(ErrorCode::internal, "admin key file " + path + ": " + std::string(what) +
                                             ": " + std::strerror(errno));
    };
    if (file_holds_working_key(keys, path)) {
        if (::chmod(path.c_str(), 0600) != 0) return broken("cannot restrict its mode");
        return {};
    }
    // A file of its own that replaces the old one: never half a key, never another's permissions.
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());
    UniqueFd file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return broken("cannot create");
    auto made = keys.create_first_admin();
    if (!made) return fail(std::move(made).error());
    std::string line(made->key.reveal());
    line += '\n';
    const auto written = ::write(file.get(), line.data(), line.size());
    const bool whole = written == static_cast<ssize_t>(line.size());
    OPENSSL_cleanse(line.data(), line.size());
    if (!whole || ::fsync(file.get()) != 0) return broken("cannot write");
    if (::rename(fresh.c_str(), path.c_str()) != 0) return broken("cannot put in place");
    log::info("admin key made file={} key={}", path, made->record.id);
    return {};
}

}  // namespace headrace::access
