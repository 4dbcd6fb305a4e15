#include "http/url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

namespace headrace::http {
namespace {

namespace urls = boost::urls;

std::optional<std::uint16_t> default_port(std::string_view scheme) {
    if (scheme == "http" || scheme == "ws") return std::uint16_t{80};
    if (scheme == "https" || scheme == "wss") return std::uint16_t{443};
    return std::nullopt;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

Result<Url> parse_unix(std::string_view text) {
    Url url;
    url.scheme = "unix";
    url.host = "localhost";
    const auto colon = text.find(":/");
    url.socket_path = text.substr(0, colon);
    if (colon != std::string_view::npos) url.target = text.substr(colon + 1);
    // sun_path holds 108 bytes with the closing zero.
    if (url.socket_path.empty() || url.socket_path.size() > 107 ||
        url.socket_path.find('\0') != std::string::npos) {
        return fail(ErrorCode::invalid_argument, "a unix address needs a path of 1 to 107 bytes");
    }
    return url;
}

Result<Url> from_view(const urls::url_view& view) {
    Url url;
    url.scheme = lower(std::string(view.scheme()));
    const auto usual = default_port(url.scheme);
    if (!usual) return fail(ErrorCode::invalid_argument, "the address must be http or https");
    if (!view.has_authority() || view.encoded_host().empty()) {
        return fail(ErrorCode::invalid_argument, "the address names no host");
    }
    url.host = lower(std::string(view.host_address()));
    // A host that decodes to other bytes is no name, only a way around a check, and could not be
    // written again. Zones of v6 addresses mean something on one machine only.
    const bool literal = view.host_type() == urls::host_type::ipv6;
    if (!std::all_of(url.host.begin(), url.host.end(), [literal](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                   c == '_' || (literal && c == ':');
        })) {
        return fail(ErrorCode::invalid_argument, "the address has a broken host");
    }
    url.port = *usual;
    if (view.has_port() && !view.port().empty()) {
        const std::string digits(view.port());
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
        if (parsed.ec != std::errc{} || url.port == 0) {
            return fail(ErrorCode::invalid_argument, "the address has a bad port");
        }
    }
    url.has_userinfo = view.has_userinfo();
    url.target = std::string(view.encoded_path());
    if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
    if (view.has_query()) url.target.append("?").append(std::string(view.encoded_query()));
    return url;
}

}  // namespace

std::string Url::authority() const {
    if (scheme == "unix") return "localhost";
    std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != default_port(scheme)) text += ":" + std::to_string(port);
    return text;
}

std::string Url::text() const {
    if (scheme == "unix") return "unix:" + socket_path + (target == "/" ? "" : ":" + target);
    return scheme + "://" + authority() + target;
}

Result<Url> Url::parse(std::string_view text) {
    if (text.starts_with("unix:")) return parse_unix(text.substr(5));
    const auto parsed = urls::parse_uri(text);
    if (!parsed) return fail(ErrorCode::invalid_argument, "not an absolute address");
    return from_view(*parsed);
}

Result<Url> Url::resolve(std::string_view reference) const {
    const std::string whole = this->text();  // the views below point into it
    const auto base = urls::parse_uri(whole);
    const auto parsed = urls::parse_uri_reference(reference);
    if (!base || !parsed) return fail(ErrorCode::invalid_argument, "not an address");
    urls::url joined;
    if (!urls::resolve(*base, *parsed, joined)) {
        return fail(ErrorCode::invalid_argument, "not an address");
    }
    return from_view(joined);
}

}  // namespace headrace::http
