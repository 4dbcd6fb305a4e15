#include "http/client.hpp"

#include "http/client_connection.hpp"
#include "http/dial.hpp"

namespace headrace::http {
namespace {

std::string origin_of(const ClientRequest& request) {
    if (request.url.scheme == "unix") return "unix:" + request.url.socket_path;
    return request.url.scheme + "://" + request.url.authority() + "/" + request.connect_to;
}

/// Methods that may be sent again when a kept connection turns out to be dead.
bool may_repeat(const ClientRequest& request) {
    return !request.file && request.method != "POST" && request.method != "PATCH";
}

}  // namespace

struct Client::State {
    asio::any_io_executor executor;
    ClientSettings settings;
    std::shared_ptr<TlsContext> tls = std::make_shared<TlsContext>();  // of all siblings
    std::shared_ptr<ClientConnection> kept;
    std::shared_ptr<ClientConnection> current;  // carries the request under way
    bool cancelled = false;                     // what is under way
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
    auto transport = co_await dial(request.url, request.connect_to, settings.tls, *tls, deadline);
    if (!transport) co_return fail(std::move(transport).error());
    co_return std::make_shared<ClientConnection>(std::move(*transport), settings,
                                                 origin_of(request));
}

/// Sends the request over a connection and reads the answer's head.
asio::awaitable<Result<void>> Client::State::carry(std::shared_ptr<ClientConnection> connection,
                                                   ClientRequest& request) {
    current = connection;
    reached = true;
    auto sent = co_await connection->send(request);
    if (sent) sent = co_await connection->read_head(request.head_time);
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
