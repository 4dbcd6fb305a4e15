#pragma once
// Internal: OpenSSL contexts of both sides.

#include <memory>
#include <string>

#include "base/result.hpp"
#include "http/tls_settings.hpp"

namespace boost::asio::ssl {
class context;
}

namespace headrace::http {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// Reads a certificate chain and its key. The error names the file that is wrong.
Result<TlsContext> make_server_tls(const std::string& certificate, const std::string& key);
Result<TlsContext> make_client_tls(const TlsClientSettings& settings);

}  // namespace headrace::http
