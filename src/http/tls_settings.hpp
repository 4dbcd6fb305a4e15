#pragma once

#include <string>

#include "base/result.hpp"

namespace headrace::http {

/// How we trust the servers we dial.
struct TlsClientSettings {
    bool verify = true;       // chain and host name; false only where a person asked for it
    std::string ca_file;      // PEM; empty: the system's store
    std::string ca;           // PEM itself, in place of both
    std::string server_name;  // name to check and to send as SNI; empty: the URL's host
};

/// Whether the settings can be used: invalid_argument names what cannot be read.
Result<void> check_tls(const TlsClientSettings& settings);

}  // namespace headrace::http
