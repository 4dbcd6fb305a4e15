#include "http/response_parser.hpp"

#include "http/chunk_decoder.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace headrace::http {

namespace beast = boost::beast;
using beast::error_code;
using beast::string_view;

struct ResponseParser::Impl final : beast::http::basic_parser<false> {
    Headers headers;
    int status = 0;
    bool broken = false;
    bool chunks_done = false;
    ChunkDecoder chunks;  // Beast sees heads and sized bodies only
    std::string* body = nullptr;

    void on_request_impl(beast::http::verb, string_view, string_view, int, error_code&) override {}
    void on_response_impl(int code, string_view, int, error_code&) override { status = code; }
    void on_field_impl(beast::http::field, string_view name, string_view value,
                       error_code&) override {
        headers.add(std::string(name), std::string(value));
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view piece, error_code&) override {
        body->append(piece.data(), piece.size());
        return piece.size();
    }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code&) override {
        return piece.size();
    }
    void on_finish_impl(error_code&) override {}
};

ResponseParser::ResponseParser(bool no_body, std::size_t head_bytes)
    : impl_(std::make_unique<Impl>()) {
    impl_->skip(no_body);
    impl_->header_limit(static_cast<std::uint32_t>(head_bytes));
    impl_->body_limit(boost::none);
}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;

std::size_t ResponseParser::feed(std::string_view input, std::string& body) {
    impl_->body = &body;
    std::size_t used = 0;
    while (used < input.size() && !done() && !impl_->broken) {
        const bool head_was_done = impl_->is_header_done();
        if (head_was_done && impl_->chunked()) {
            const auto piece = impl_->chunks.next(input.substr(used));
            used += piece.consumed;
            body.append(piece.data);
            impl_->broken = piece.broken;
            impl_->chunks_done = piece.done;
            continue;
        }
        error_code error;
        used += impl_->put({input.data() + used, input.size() - used}, error);
        if (error == beast::http::error::need_more) break;
        if (error) impl_->broken = true;
        // The caller looks at the head before it wants the body.
        if (!head_was_done && impl_->is_header_done()) break;
    }
    return used;
}

void ResponseParser::feed_end() {
    error_code error;
    if (!impl_->got_some()) {
        impl_->broken = true;
        return;
    }
    if (done()) return;
    impl_->put_eof(error);
    if (error) impl_->broken = true;
}

bool ResponseParser::broken() const {
    return impl_->broken;
}
bool ResponseParser::head_done() const {
    return impl_->is_header_done();
}
bool ResponseParser::done() const {
    return impl_->is_done() || impl_->chunks_done;
}
bool ResponseParser::keep_alive() const {
    return impl_->keep_alive();
}
int ResponseParser::status() const {
    return impl_->status;
}
Headers ResponseParser::take_headers() {
    return std::move(impl_->headers);
}

}  // namespace headrace::http
