#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "base/secret.hpp"
#include "engines/settings.hpp"
#include "http/tls_settings.hpp"

namespace headrace::workers::agent {

struct Settings {
    std::string url;  // ws, wss, http, https or unix; without a path: /api/v1/link
    Secret token;     // a worker key
    http::TlsClientSettings tls;
    engines::Settings engines;  // name_prefix is set from `name`
    std::string name;           // of this agent; empty: the host's name
    std::chrono::milliseconds dial_time{10'000};
    std::chrono::milliseconds retry_first{200};
    std::chrono::milliseconds retry_most{10'000};
    std::chrono::milliseconds ping_every{5'000};  // silence of twice this ends a connection
    std::size_t replay = 8 << 20;                 // kept of each host's frames until acknowledged
};

}  // namespace headrace::workers::agent
