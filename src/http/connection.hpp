#pragma once
// Internal: one connection of a door and the request it is serving.

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "http/exchange.hpp"
#include "http/read_buffer.hpp"
#include "http/request_parser.hpp"
#include "http/router.hpp"
#include "http/shard.hpp"
#include "http/transport.hpp"

namespace headrace::http {

/// Reads requests one after the other, has each answered, and goes. All on the shard's loop.
///
/// Deadlines cost no timer: each wait sets deadline_, the shard's sweep looks at it and cancels the
/// socket, and the wait that ends so finds timed_out_ set.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(std::shared_ptr<Shard> shard, Transport::Socket socket, std::string peer,
               bool peer_is_local);
    ~Connection();

    asio::awaitable<void> serve();
    void tick(SteadyTime now);
    /// Goes now when idle, else after the exchange.
    void drain();
    void close_if_idle();
    /// Ends what is under way on the socket; its coroutine is cancelled besides.
    void cut();

    // For Exchange and StreamWriter.
    asio::awaitable<Result<std::string>> read_body(std::size_t limit);
    std::optional<std::string> body_at_hand(std::size_t limit);
    asio::awaitable<Result<std::optional<std::string>>> read_some();
    asio::awaitable<Result<void>> answer(Response response);
    Response render(const Error& error, int status) const;
    asio::awaitable<Result<StreamWriter>> start_stream(Response head, bool held,
                                                       StreamWriter writer);
    asio::awaitable<Result<void>> write_piece(std::string_view piece);
    asio::awaitable<Result<void>> finish_stream(std::string_view last);
    asio::awaitable<Result<void>> send_file(UniqueFd file, std::uint64_t offset,
                                            std::uint64_t length, Response head);
    asio::awaitable<Result<std::unique_ptr<WebSocket>>> accept_websocket(WebSocketLimits limits,
                                                                         std::string protocol);
    void go_on_with(asio::awaitable<void> task) { shard_->adopt(std::move(task)); }
    void on_hangup(UniqueFunction<void()> gone);
    [[nodiscard]] const RequestHead& head() const { return head_; }
    [[nodiscard]] const std::vector<PathParam>& params() const { return params_; }
    [[nodiscard]] const Route* route() const { return route_; }
    [[nodiscard]] std::optional<std::uint64_t> content_length() const;
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] asio::any_io_executor executor() { return shard_->loop().io().get_executor(); }

  private:
    enum class Phase { idle, head, busy };
    enum class BodyKind { none, length, chunked };
    /// A read that looks out for the client's end while its request is served. Owned by the read
    /// alone, so that a loop that ends drops it with all that waits for it.
    struct Watch {
        std::shared_ptr<Connection> connection;
        UniqueFunction<void()> over;  // resumes the coroutine that waits for the read to end
    };

    // connection.cpp: the life of a connection
    asio::awaitable<bool> read_head();
    asio::awaitable<error_code> fill();
    void park();
    asio::awaitable<void> serve_request();
    std::optional<Response> after_handler(bool cancelled, const std::string& what);
    bool take_head(std::size_t& scanned, std::optional<Refusal>& refusal);
    void begin_request(std::size_t head_size);
    void expect_body();
    void end_request();
    asio::awaitable<void> refuse(Refusal refusal);
    asio::awaitable<void> say_goodbye();
    asio::awaitable<void> settle_watch();
    void watch(std::unique_ptr<Watch> watch);
    void watched(std::unique_ptr<Watch> watch, error_code error, std::size_t bytes);
    void set_deadline(milliseconds from_now);
    void clear_deadline() { deadline_ = SteadyTime::max(); }

    // dispatch.cpp: what is decided before the handler runs
    std::optional<Response> decide(Exchange& exchange);
    [[nodiscard]] bool host_is_allowed() const;
    void take_forwarded();
    [[nodiscard]] std::optional<Response> answer_options(const RouteMatch& match) const;

    // body.cpp
    asio::awaitable<Result<void>> begin_body();
    asio::awaitable<Transport::Io> read_body_bytes(char* into, std::size_t room);
    asio::awaitable<Result<std::string>> read_sized_body();
    asio::awaitable<Result<std::string>> read_chunked_body(std::size_t limit);
    /// A view into chunk_in_, good until the next call.
    asio::awaitable<Result<std::optional<std::string_view>>> next_chunk_piece();
    asio::awaitable<bool> discard_body();
    [[nodiscard]] bool body_is_over() const;
    [[nodiscard]] std::size_t body_limit() const;
    tl::unexpected<Error> body_failed(error_code error);

    // answer.cpp
    enum class Framing { length, chunked, until_close, none };
    void build_head(const Response& response, Framing framing, std::uint64_t length);
    void append_cors();
    std::optional<Result<void>> write_now(std::string_view second, std::string_view third = {});
    asio::awaitable<Result<void>> write_rest(std::string_view second, std::string_view third = {});
    Result<void> begin_answer(int status);
    tl::unexpected<Error> lost();

    std::shared_ptr<Shard> shard_;
    std::list<Connection*>::iterator place_;
    std::unique_ptr<Transport> transport_;
    std::string peer_;
    bool peer_is_local_;
    bool tls_ = false;

    Phase phase_ = Phase::idle;
    SteadyTime deadline_ = SteadyTime::max();
    SteadyTime idle_since_{};
    bool timed_out_ = false;
    bool parked_ = false;
    bool keep_ = true;           // another request may follow
    bool unread_input_ = false;  // the client may still be sending: say goodbye slowly
    bool lost_ = false;          // nothing can be written any more

    ReadBuffer in_;
    std::size_t head_size_ = 0;  // of in_, taken by the request that runs
    RequestParser parser_;
    RequestHead head_;
    std::string forwarded_peer_;
    SplitPath path_;
    std::vector<PathParam> params_;
    const Mount* mount_ = nullptr;
    const Route* route_ = nullptr;

    BodyKind body_ = BodyKind::none;
    std::uint64_t body_left_ = 0;      // of a sized body
    std::uint64_t body_received_ = 0;  // from the wire, for the minimal rate
    std::uint64_t body_taken_ = 0;     // by read_some() of a chunked body
    bool continue_owed_ = false;       // Expect: 100-continue not answered yet
    std::chrono::nanoseconds body_waited_{0};
    std::string chunk_in_;
    std::size_t chunk_at_ = 0;

    int status_ = 0;
    std::string out_;
    std::size_t written_ = 0;  // of what write_now() was given
    bool streaming_ = false;
    bool stream_chunked_ = false;
    bool head_held_ = false;       // out_ has a streamed answer's head, not yet sent
    bool discard_stream_ = false;  // the answer to a HEAD

    UniqueFunction<void()> gone_;
    Watch* watch_ = nullptr;  // while its read is under way
    error_code watch_error_;
};

}  // namespace headrace::http
