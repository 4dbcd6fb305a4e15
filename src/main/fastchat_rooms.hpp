#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "http/server.hpp"
#include "main/settings.hpp"
#include "protocols/fastchat/fastchat.hpp"

namespace headrace::main {

/// FastChat's dialect as this program offers it: its token, its mounts on both doors, and a door of
/// its own where the settings name one.
class FastchatRooms {
  public:
    /// Reads the token, or makes it.
    static Result<std::unique_ptr<FastchatRooms>> make(protocols::fastchat::Parts parts,
                                                       FastchatSettings settings);

    void add_mounts(std::vector<http::Mount>& mounts, bool control) const;
    /// Binds the door of its own, where there is one.
    Result<void> open_door(http::Observer observer);
    Result<void> start(std::span<Loop* const> loops);
    void stop_accepting();
    asio::awaitable<bool> drain(std::chrono::milliseconds grace);

    [[nodiscard]] protocols::fastchat::FastChat& dialect() { return dialect_; }
    /// A line for the start, empty without a door of its own.
    [[nodiscard]] std::string door_line() const;

  private:
    FastchatRooms(protocols::fastchat::Parts parts, FastchatSettings settings)
        : door_settings_(std::move(settings.door)), dialect_(parts, std::move(settings.dialect)) {}

    http::DoorSettings door_settings_;
    protocols::fastchat::FastChat dialect_;
    std::unique_ptr<http::Door> door_;
};

/// The token in the file, made with mode 0600 when the file is not there. invalid_argument, naming
/// the setting, for a file that others may read or that holds no token.
Result<Secret> fastchat_token(const std::string& path);

}  // namespace headrace::main
