#pragma once

#include <string>

namespace headrace::http {

/// How we trust the servers we dial.
struct TlsClientSettings {
    bool verify = true;       // chain and host name; false only where a person asked for it
    std::string ca_file;      // PEM; empty: the system's store
    std::string server_name;  // name to check and to send as SNI; empty: the URL's host
};

}  // namespace headrace::http
