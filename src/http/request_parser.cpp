#include "http/request_parser.hpp"

#include <algorithm>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace headrace::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using beast::string_view;

constexpr std::size_t kMaxFields = 200;

std::string_view view(string_view text) {
    return {text.data(), text.size()};
}

/// CR and LF only as a pair, no NUL, no line that continues the one before.
bool lines_are_sound(std::string_view head) {
    if (head.find('\0') != std::string_view::npos) return false;
    for (;;) {
        const auto end = head.find('\r');
        if (head.substr(0, end).find('\n') != std::string_view::npos) return false;
        if (end == std::string_view::npos) return true;
        head.remove_prefix(end + 1);
        if (!head.starts_with('\n')) return false;
        head.remove_prefix(1);
        if (head.starts_with(' ') || head.starts_with('\t')) return false;
    }
}

bool target_is_sound(std::string_view target) {
    return !target.empty() && std::all_of(target.begin(), target.end(),
                                          [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

}  // namespace

/// Beast does the grammar; what it lets through and we do not is counted in on_field_impl.
struct RequestParser::Impl final : beast::http::basic_parser<true> {
    RequestHead* out = nullptr;
    std::string_view method;
    int version = 11;
    std::size_t hosts = 0;
    std::size_t lengths = 0;
    std::size_t codings = 0;
    std::size_t expectations = 0;
    std::string_view coding;
    std::string_view expectation;
    bool listed_length = false;
    ChunkDecoder chunks;
    bool too_many_fields = false;

    void on_request_impl(beast::http::verb, string_view method_text, string_view target, int v,
                         error_code&) override {
        method = view(method_text);
        out->target = view(target);
        version = v;
    }
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_field_impl(beast::http::field name, string_view name_text, string_view value,
                       error_code& error) override {
        if (name == beast::http::field::host) ++hosts;
        if (name == beast::http::field::expect) {
            ++expectations;
            expectation = view(value);
        }
        if (name == beast::http::field::content_length) {
            ++lengths;
            listed_length |= value.find(',') != string_view::npos;
        }
        if (name == beast::http::field::transfer_encoding) {
            ++codings;
            coding = view(value);
        }
        out->headers.add(view(name_text), view(value));
        if (out->headers.fields().size() > kMaxFields) {
            too_many_fields = true;
            error = beast::http::error::header_limit;
        }
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
    // Chunks are ChunkDecoder's; Beast sees heads only.
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    [[nodiscard]] std::optional<Refusal> check_framing() const {
        if (codings > 0 && version == 10) return Refusal{400, "no transfer coding in HTTP/1.0"};
        if (codings > 1 || (codings == 1 && !equal_without_case(coding, "chunked"))) {
            return Refusal{501, "the only transfer coding here is chunked"};
        }
        if (codings > 0 && lengths > 0) {
            return Refusal{400, "both Content-Length and Transfer-Encoding"};
        }
        if (lengths > 1 || listed_length) return Refusal{400, "more than one Content-Length"};
        if (hosts > 1) return Refusal{400, "more than one Host"};
        if (hosts == 0 && version == 11) return Refusal{400, "no Host"};
        if (expectations > 0 &&
            (expectations > 1 || !equal_without_case(expectation, "100-continue"))) {
            return Refusal{417, "the only expectation here is 100-continue"};
        }
        return std::nullopt;
    }
};

std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t& scanned) {
    const auto from = scanned < 3 ? 0 : scanned - 3;
    const auto at = bytes.find("\r\n\r\n", from);
    if (at == std::string_view::npos) {
        scanned = bytes.size();
        return std::nullopt;
    }
    scanned = 0;
    return at + 4;
}

RequestParser::RequestParser() = default;
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

namespace {

Refusal refusal_of(const error_code& problem, std::string_view head) {
    using beast::http::error;
    if (problem == error::header_limit) return {431, "too many header fields"};
    if (problem == error::bad_version) {
        const auto line = head.substr(0, head.find('\r'));
        const auto at = line.rfind(" HTTP/");
        // "HTTP/2.0" is a version we lack; anything else in that place is no version at all.
        const auto version = at == std::string_view::npos ? "" : line.substr(at + 6);
        const auto digit = [](char c) { return c >= '0' && c <= '9'; };
        if (version.size() == 3 && digit(version[0]) && version[1] == '.' && digit(version[2]) &&
            version != "1.0" && version != "1.1") {
            return {505, "HTTP/1.1 is spoken here"};
        }
    }
    if (problem == error::bad_transfer_encoding || problem == error::bad_content_length ||
        problem == error::multiple_content_length) {
        return {400, "contradictory or broken body length"};
    }
    return {400, "broken request head"};
}

std::optional<Refusal> fill_target(RequestHead& out, bool has_host_header) {
    auto rest = out.target;
    std::string_view authority;
    if (has_host_header) authority = out.headers.find("host").value_or("");
    if (const auto scheme = rest.find("://");
        rest.front() != '/' && scheme != std::string_view::npos) {
        // Absolute form (RFC 9112 §3.2.2): its authority wins over Host.
        const auto name = rest.substr(0, scheme);
        if (!equal_without_case(name, "http") && !equal_without_case(name, "https")) {
            return Refusal{400, "broken request target"};
        }
        rest.remove_prefix(scheme + 3);
        const auto end = std::min(rest.find_first_of("/?"), rest.size());
        authority = rest.substr(0, end);
        rest.remove_prefix(end);
        if (authority.empty()) return Refusal{400, "broken request target"};
        if (rest.empty() || rest.front() == '?') out.path = "/";
    } else if (rest.front() != '/' && !(rest == "*" && out.method == Method::options)) {
        return Refusal{400, "broken request target"};
    }
    const auto mark = std::min(rest.find('?'), rest.size());
    if (mark > 0) out.path = rest.substr(0, mark);
    out.query = rest.substr(std::min(mark + 1, rest.size()));
    const auto host = split_host(authority);
    if (!host) return Refusal{400, "broken Host"};
    out.host = host->host;
    if (out.query.find('%') != std::string_view::npos && !percent_decode(out.query)) {
        return Refusal{400, "broken percent escape in the query"};
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> RequestParser::parse_head(std::string_view head, RequestHead& out) {
    if (!lines_are_sound(head)) return Refusal{400, "broken line in the request head"};
    impl_ = std::make_unique<Impl>();
    impl_->out = &out;
    impl_->header_limit(static_cast<std::uint32_t>(head.size() + 1));
    impl_->body_limit(boost::none);
    out.headers.clear();
    error_code error;
    const auto used = impl_->put({head.data(), head.size()}, error);
    if (error) return refusal_of(error, head);
    if (used != head.size() || !impl_->is_header_done()) return Refusal{400, "broken request head"};
    if (auto refusal = impl_->check_framing()) return refusal;
    if (!target_is_sound(out.target)) return Refusal{400, "broken request target"};
    const auto method = parse_method(impl_->method);
    if (!method) return Refusal{501, "this method is not implemented"};
    out.method = *method;
    if (auto refusal = fill_target(out, impl_->hosts > 0)) return refusal;
    take_trace(out.headers.find("traceparent"), out.trace);
    return std::nullopt;
}

bool RequestParser::http_1_0() const {
    return impl_->version == 10;
}
bool RequestParser::keep_alive() const {
    return impl_->keep_alive();
}
bool RequestParser::upgrade() const {
    return impl_->upgrade();
}
bool RequestParser::chunked() const {
    return impl_->chunked();
}
bool RequestParser::expects_continue() const {
    return impl_->expectations > 0 && impl_->version == 11;
}

std::optional<std::uint64_t> RequestParser::content_length() const {
    if (impl_->lengths == 0) return std::nullopt;
    return impl_->content_length().value_or(0);
}

ChunkDecoder::Piece RequestParser::parse_chunked(std::string_view input) {
    return impl_->chunks.next(input);
}

}  // namespace headrace::http
