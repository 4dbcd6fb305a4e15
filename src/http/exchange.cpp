#include "http/exchange.hpp"

#include "http/connection.hpp"

namespace headrace::http {

asio::awaitable<Result<void>> StreamWriter::write(std::string_view piece) {
    return connection_->write_piece(piece);
}

asio::awaitable<Result<void>> StreamWriter::finish(std::string_view last) {
    return connection_->finish_stream(last);
}

const RequestHead& Exchange::head() const {
    return connection_.head();
}

std::string_view Exchange::param(std::string_view name) const {
    for (const auto& param : connection_.params()) {
        if (param.name == name) return param.value;
    }
    return {};
}

std::optional<std::string> Exchange::query(std::string_view name) const {
    return query_value(head().query, name);
}

std::optional<std::string_view> Exchange::header(std::string_view name) const {
    return head().headers.find(name);
}

const Route& Exchange::route() const {
    return *connection_.route();
}

const Route* Exchange::matched() const {
    return connection_.route();
}

std::optional<std::uint64_t> Exchange::content_length() const {
    return connection_.content_length();
}

asio::any_io_executor Exchange::executor() const {
    return connection_.executor();
}

asio::awaitable<Result<std::string>> Exchange::read_body(std::size_t limit) {
    return connection_.read_body(limit);
}

std::optional<std::string> Exchange::body_at_hand(std::size_t limit) {
    return connection_.body_at_hand(limit);
}

asio::awaitable<Result<std::optional<std::string>>> Exchange::read_some() {
    return connection_.read_some();
}

asio::awaitable<Result<void>> Exchange::respond(Response response) {
    return connection_.answer(std::move(response));
}

asio::awaitable<Result<void>> Exchange::respond_error(Error error, int status) {
    return connection_.answer(connection_.render(error, status));
}

asio::awaitable<Result<StreamWriter>> Exchange::start_stream(Response head, bool held) {
    return connection_.start_stream(std::move(head), held, StreamWriter(connection_));
}

asio::awaitable<Result<void>> Exchange::send_file(UniqueFd file, std::uint64_t offset,
                                                  std::uint64_t length, Response head) {
    return connection_.send_file(std::move(file), offset, length, std::move(head));
}

asio::awaitable<Result<std::unique_ptr<WebSocket>>> Exchange::accept_websocket(
    WebSocketLimits limits, std::string protocol) {
    return connection_.accept_websocket(limits, std::move(protocol));
}

void Exchange::go_on_with(asio::awaitable<void> task) {
    connection_.go_on_with(std::move(task));
}

void Exchange::on_hangup(UniqueFunction<void()> gone) {
    connection_.on_hangup(std::move(gone));
}

int Exchange::status() const {
    return connection_.status();
}

}  // namespace headrace::http
