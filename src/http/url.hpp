#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace headrace::http {

/// An absolute address we dial: http, https, ws, wss, or a Unix socket.
///   "https://host:8443/path?x=1"    "http://[::1]:8600"
///   "unix:/run/headrace.sock"       "unix:/run/headrace.sock:/api/v1/link"
struct Url {
    std::string scheme;  // "http" | "https" | "ws" | "wss" | "unix"
    std::string host;    // without brackets, lower case; "localhost" for unix
    std::uint16_t port = 0;
    std::string target = "/";  // path and query, percent-encoded as given
    std::string socket_path;   // unix only
    bool has_userinfo = false;

    [[nodiscard]] bool tls() const { return scheme == "https" || scheme == "wss"; }
    /// Value of the Host header: the port only where it is not the scheme's own.
    [[nodiscard]] std::string authority() const;
    [[nodiscard]] std::string text() const;

    /// Error invalid_argument: not absolute, unknown scheme, no host, bad port. Fragments are
    /// dropped.
    static Result<Url> parse(std::string_view text);
    /// Resolves a Location header against this address.
    [[nodiscard]] Result<Url> resolve(std::string_view reference) const;
};

}  // namespace headrace::http
