#include "http/client.hpp"

#include <algorithm>
#include <utility>

#include "http/client_connection.hpp"
#include "http/dial.hpp"

namespace headrace::http {
namespace {

std::string origin_of(const ClientRequest& request) {
    if (request.url.scheme == "unix") return "unix:" + request.url.socket_path;
    return request.url.scheme + "://" + request.url.authority() + "/" + request.connect_to;
}

bool is_field(const Headers::Field& field) {
    const auto in_name = [](char c) { return c != '\r' && c != '\n' && c != ':' && c != ' '; };
    const auto in_value = [](char c) { return c != '\r' && c != '\n' && c != '\0'; };
    return std::all_of(field.name.begin(), field.name.end(), in_name) &&
           std::all_of(field.value.begin(), field.value.end(), in_value);
}

void append_fields(std::string& head, const Headers& headers) {
    for (const auto& field : headers.fields()) {
        if (!is_field(field)) continue;
        head.append(field.name).append(": ").append(field.value).append("\r\n");
    }
}

void append_length(std::string& head, std::string_view method, std::uint64_t length) {
    if (length == 0 && (method == "GET" || method == "HEAD")) return;
    head.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
}

std::string_view body_of(const ClientRequest& request) {
    return request.lent_body.empty() ? std::string_view(request.body) : request.lent_body;
}

Outgoing outgoing(const ClientRequest& request) {
    Outgoing out;
    out.head.reserve(512);
    out.head.append(request.method).append(" ").append(request.url.target);
    out.head.append(" HTTP/1.1\r\nHost: ").append(request.url.authority()).append("\r\n");
    append_fields(out.head, request.headers);
    append_length(out.head, request.method,
                  request.file ? request.file->length : body_of(request).size());
    out.head.append("\r\n");
    if (request.file)
        out.file = &*request.file;
    else
        out.body = body_of(request);
    out.wants_no_body = request.method == "HEAD";
    out.head_time = request.head_time;
    return out;
}

Outgoing outgoing(const NextRequest& request) {
    Outgoing out;
    out.head.reserve(256 + request.path.size() + request.operation.size() + request.lines.size());
    out.head.append(request.method).append(" ").append(request.path).append(request.operation);
    out.head.append(" HTTP/1.1\r\n").append(request.lines);
    if (!request.content_type.empty()) {
        out.head.append("Content-Type: ").append(request.content_type).append("\r\n");
    }
    if (request.headers != nullptr) append_fields(out.head, *request.headers);
    append_length(out.head, request.method, request.body.size());
    out.head.append("\r\n");
    out.body = request.body;
    out.wants_no_body = request.method == "HEAD";
    out.head_time = request.head_time;
    return out;
}

/// Methods that may be sent again when a kept connection turns out to be dead.
bool may_repeat(const ClientRequest& request) {
    return !request.file && request.method != "POST" && request.method != "PATCH";
}

}  // namespace

std::string field_lines(const Headers& headers) {
    std::string lines;
    append_fields(lines, headers);
    return lines;
}

struct Client::State {
    asio::any_io_executor executor;
    ClientSettings settings;
    std::shared_ptr<TlsContext> tls = std::make_shared<TlsContext>();  // of all siblings
    std::shared_ptr<ClientConnection> kept;
    std::shared_ptr<ClientConnection> current;  // carries the request under way
    bool cancelled = false;                     // what is under way
    Drop* dialling = nullptr;                   // while it connects
    bool reached = false;                       // the last request had a connection

    asio::awaitable<Result<std::shared_ptr<ClientConnection>>> connect(ClientRequest& request);
    asio::awaitable<Result<std::shared_ptr<ClientConnection>>> exchange(ClientRequest& request);
    asio::awaitable<Result<void>> carry(std::shared_ptr<ClientConnection> connection,
                                        ClientRequest& request);
};

Client::Client(asio::any_io_executor executor, ClientSettings settings)
    : state_(std::make_unique<State>()) {
    state_->executor = std::move(executor);
    state_->settings = std::move(settings);
}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

Client Client::sibling() const {
    Client other(state_->executor, state_->settings);
    other.state_->tls = state_->tls;
    return other;
}

ClientStream::ClientStream() = default;
ClientStream::ClientStream(ClientStream&&) noexcept = default;
ClientStream& ClientStream::operator=(ClientStream&&) noexcept = default;
ClientStream::~ClientStream() = default;

asio::awaitable<Result<std::optional<std::string>>> ClientStream::read_some() {
    return connection_->read_some();
}

std::optional<Result<std::optional<std::string>>> ClientStream::read_now() {
    return connection_->read_now();
}

void ClientStream::cancel() {
    connection_->cancel();
}

asio::awaitable<Result<std::shared_ptr<ClientConnection>>> Client::State::connect(
    ClientRequest& request) {
    if (request.url.tls() && !*tls) {
        auto made = make_client_tls(settings.tls);
        if (!made) co_return fail(std::move(made).error());
        *tls = std::move(*made);
    }
    const SteadyTime deadline = std::chrono::steady_clock::now() + settings.connect_time;
    Drop drop;
    dialling = &drop;
    auto transport =
        co_await dial(request.url, request.connect_to, settings.tls, *tls, deadline, &drop);
    dialling = nullptr;
    if (!transport) co_return fail(std::move(transport).error());
    co_return std::make_shared<ClientConnection>(std::move(*transport), settings,
                                                 origin_of(request));
}

/// Sends the request over a connection and reads the answer's head.
asio::awaitable<Result<void>> Client::State::carry(std::shared_ptr<ClientConnection> connection,
                                                   ClientRequest& request) {
    current = connection;
    reached = true;
    const Outgoing out = outgoing(request);
    auto sent = co_await connection->exchange(out);
    current = nullptr;
    co_return sent;
}

/// Sends over the kept connection where it fits, else over a new one, and reads the answer's head.
asio::awaitable<Result<std::shared_ptr<ClientConnection>>> Client::State::exchange(
    ClientRequest& request) {
    auto connection = std::move(kept);
    kept = nullptr;
    cancelled = false;
    reached = false;
    const bool repeat = may_repeat(request);
    if (connection && connection->origin() == origin_of(request) && (repeat || request.over_kept)) {
        auto sent = co_await carry(connection, request);
        if (sent) co_return connection;
        if (!connection->silent() || !repeat || cancelled) co_return fail(std::move(sent).error());
    }
    auto made = co_await connect(request);
    if (!made) co_return fail(std::move(made).error());
    if (cancelled) co_return fail(ErrorCode::cancelled, "the request was dropped");
    connection = std::move(*made);
    auto sent = co_await carry(connection, request);
    if (!sent) co_return fail(std::move(sent).error());
    co_return connection;
}

void Client::cancel() {
    state_->cancelled = true;
    if (state_->dialling != nullptr) state_->dialling->now();
    if (state_->current) state_->current->cancel();
}

bool Client::reached() const {
    return state_->reached;
}

bool Client::keeps() const {
    return state_->kept != nullptr;
}

bool Client::has_kept() const {
    return state_->kept && state_->kept->quiet();
}

asio::awaitable<Result<ClientStream>> Client::open(ClientRequest request) {
    auto connection = co_await state_->exchange(request);
    if (!connection) co_return fail(std::move(connection).error());
    ClientStream stream;
    stream.status_ = (*connection)->status();
    stream.headers_ = (*connection)->take_headers();
    stream.connection_ = std::move(*connection);
    co_return stream;
}

asio::awaitable<Result<ClientStream>> Client::open_again(const NextRequest& request) {
    const auto connection = std::exchange(state_->kept, nullptr);
    state_->cancelled = false;
    state_->reached = true;
    state_->current = connection;
    const Outgoing out = outgoing(request);
    auto sent = co_await connection->exchange(out);
    state_->current = nullptr;
    if (!sent) co_return fail(std::move(sent).error());
    ClientStream stream;
    stream.status_ = connection->status();
    stream.headers_ = connection->take_headers();
    stream.connection_ = connection;
    co_return stream;
}

asio::awaitable<Result<ClientResponse>> Client::send(ClientRequest request, std::size_t max_bytes) {
    auto made = co_await state_->exchange(request);
    if (!made) co_return fail(std::move(made).error());
    const auto connection = std::move(*made);
    ClientResponse response;
    response.status = connection->status();
    response.headers = connection->take_headers();
    state_->current = connection;
    Result<void> read;
    for (;;) {
        auto piece = co_await connection->read_some();
        if (!piece) read = fail(std::move(piece).error());
        if (!piece || !*piece) break;
        if (response.body.size() + (*piece)->size() > max_bytes) {
            read = fail(ErrorCode::too_large,
                        "the answer is larger than " + std::to_string(max_bytes) + " bytes");
            break;
        }
        response.body.append(**piece);
    }
    state_->current = nullptr;
    if (!read) co_return fail(std::move(read).error());
    if (connection->reusable()) state_->kept = connection;
    co_return response;
}

void Client::give_back(ClientStream stream) {
    if (stream.connection_ && stream.connection_->reusable())
        state_->kept = std::move(stream.connection_);
}

}  // namespace headrace::http
