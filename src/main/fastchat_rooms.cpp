#include "main/fastchat_rooms.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/unique_fd.hpp"
#include "main/commands/api.hpp"

namespace headrace::main {
namespace {

constexpr std::size_t kLeastToken = 16;

tl::unexpected<Error> bad_file(const std::string& path, std::string_view why) {
    return fail(ErrorCode::invalid_argument, fmt::format("fastchat.token_file: {} {}", path, why));
}

}  // namespace

Result<Secret> fastchat_token(const std::string& path) {
    const UniqueFd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (made) {
        const auto line = to_base64url(random_bytes(24)) + '\n';
        const bool written =
            ::write(made.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
            ::fsync(made.get()) == 0;
        if (!written) {
            ::unlink(path.c_str());
            return bad_file(path, "cannot be written");
        }
    }
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return bad_file(path, "cannot be read");
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return bad_file(path, "can be read by others; its mode must be 0600");
    }
    auto token = read_key_file(path);
    if (!token) return bad_file(path, "cannot be read");
    const auto text = token->reveal();
    const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
    if (!plain || text.size() < kLeastToken) {
        return bad_file(path,
                        fmt::format("must hold {} or more of a-z, A-Z, 0-9, - and _", kLeastToken));
    }
    return token;
}

Result<std::unique_ptr<FastchatRooms>> FastchatRooms::make(protocols::fastchat::Parts parts,
                                                           FastchatSettings settings) {
    auto token = fastchat_token(settings.token_file.string());
    if (!token) return fail(std::move(token).error());
    settings.dialect.token = std::move(*token);
    return std::unique_ptr<FastchatRooms>(new FastchatRooms(parts, std::move(settings)));
}

void FastchatRooms::add_mounts(std::vector<http::Mount>& mounts, bool control) const {
    auto ours = control ? dialect_.guarded_controller() : dialect_.client();
    for (auto& mount : ours) mounts.push_back(std::move(mount));
}

Result<void> FastchatRooms::open_door(http::Observer observer) {
    if (door_settings_.listen.empty()) return {};
    auto mounts = dialect_.client();
    mounts.push_back(dialect_.bare_controller());
    auto door = http::Door::make(door_settings_, std::move(mounts), std::move(observer));
    if (!door) return fail(std::move(door).error());
    door_ = std::move(*door);
    return {};
}

Result<void> FastchatRooms::start(std::span<Loop* const> loops) {
    return door_ ? door_->start(loops) : Result<void>{};
}

void FastchatRooms::stop_accepting() {
    if (door_) door_->stop_accepting();
}

asio::awaitable<bool> FastchatRooms::drain(std::chrono::milliseconds grace) {
    bool whole = true;
    if (door_) whole = co_await door_->drain(grace);
    co_await dialect_.stop();
    co_return whole;
}

std::string FastchatRooms::door_line() const {
    return door_ ? fmt::format("  fastchat {}\n", door_->address()) : "";
}

}  // namespace headrace::main
