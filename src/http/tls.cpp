#include "http/tls.hpp"

#include <boost/asio/ssl/context.hpp>

namespace headrace::http {
namespace {

namespace ssl = boost::asio::ssl;

/// TLS 1.2 is the floor; idle streams give their record buffers back.
TlsContext make_context(ssl::context::method method) {
    auto context = std::make_shared<ssl::context>(method);
    auto* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(
        native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    return context;
}

/// We speak HTTP/1.1 whatever the client would like better.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* in, unsigned int in_length, void*) {
    static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof kHttp11, in, in_length) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<TlsContext> make_server_tls(const std::string& certificate, const std::string& key) {
    auto context = make_context(ssl::context::tls_server);
    boost::system::error_code error;
    context->use_certificate_chain_file(certificate, error);
    if (error) {
        return fail(ErrorCode::invalid_argument,
                    "cannot use the certificate " + certificate + ": " + error.message());
    }
    context->use_private_key_file(key, ssl::context::pem, error);
    if (error || SSL_CTX_check_private_key(context->native_handle()) != 1) {
        return fail(ErrorCode::invalid_argument,
                    "cannot use the key " + key +
                        (error ? ": " + error.message() : ": it is not the certificate's"));
    }
    SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_protocol, nullptr);
    return context;
}

Result<TlsContext> make_client_tls(const TlsClientSettings& settings) {
    auto context = make_context(ssl::context::tls_client);
    if (!settings.verify) {
        context->set_verify_mode(ssl::verify_none);
        return context;
    }
    boost::system::error_code error;
    context->set_verify_mode(ssl::verify_peer);
    if (!settings.ca.empty())
        context->add_certificate_authority(boost::asio::buffer(settings.ca), error);
    else if (settings.ca_file.empty())
        context->set_default_verify_paths(error);
    else
        context->load_verify_file(settings.ca_file, error);
    if (error) {
        return fail(ErrorCode::invalid_argument,
                    settings.ca.empty()
                        ? "cannot use the CA file " + settings.ca_file + ": " + error.message()
                        : "cannot use the CA: it holds no certificate in PEM");
    }
    return context;
}

Result<void> check_tls(const TlsClientSettings& settings) {
    if (auto made = make_client_tls(settings); !made) return fail(std::move(made).error());
    return {};
}

}  // namespace headrace::http
