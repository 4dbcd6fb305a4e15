#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/task_group.hpp"
#include "base/unique_function.hpp"
#include "http/message.hpp"
#include "upstreams/fault.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::http {
class GuardedFetch;
}

namespace headrace::upstreams {

namespace asio = boost::asio;

/// Ends a call from outside: what it waits for at the moment is dropped at once. Core's loop.
class Abort {
  public:
    void trip();
    [[nodiscard]] bool tripped() const { return tripped_; }
    /// What to drop, until release(); runs at once when it was tripped before.
    void hold(UniqueFunction<void()> drop);
    void release() { drop_ = nullptr; }

  private:
    UniqueFunction<void()> drop_;
    bool tripped_ = false;
};

/// A request to a server. Name it before the co_await it goes into (g++ 12).
struct OutRequest {
    std::string method = "POST";
    std::string path;  // below the base url, with its slash: "/chat/completions"
    std::string_view content_type = "application/json";  // lent until the head is there
    std::string body;
    http::Headers headers;                    // beside the upstream's own and its key
    std::chrono::milliseconds first_byte{0};  // 0 = as the upstream says
};

/// An answer whose head has come. Dropped before its end it drops the connection; read to its end
/// it gives the connection back to be used again.
class OutAnswer {
  public:
    OutAnswer(OutAnswer&&) noexcept;
    OutAnswer& operator=(OutAnswer&&) noexcept;
    ~OutAnswer();

    [[nodiscard]] int status() const;
    [[nodiscard]] const http::Headers& headers() const;
    /// The next bytes as they come, nullopt at the end.
    asio::awaitable<CallResult<std::optional<std::string>>> read_some();
    /// The rest at once; Fault::request, code too_large, past `most` bytes.
    asio::awaitable<CallResult<std::string>> read_all(std::size_t most);
    /// All that matters has been read: whatever still ends the answer is read by itself, within a
    /// second, so that the connection can be used again. The answer is used up.
    void let_end();

  private:
    friend class Connections;
    struct State;
    explicit OutAnswer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// The connections to one server: kept while idle, as many as there are calls. Holds the phases of
/// a call to their times and sends the server's key and header fields. Core's loop.
class Connections {
  public:
    /// `fetch` checks addresses unless the spec allows private ones. `tasks` reads the ends of
    /// answers that nobody waits for; both outlive this.
    Connections(asio::any_io_executor executor, SpecPtr spec, const http::GuardedFetch& fetch,
                TaskGroup& tasks);
    ~Connections();
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    /// Sends and waits for the head of the answer, whatever its status. A request that meets a kept
    /// connection which has died without a word is sent once more over a new one.
    asio::awaitable<CallResult<OutAnswer>> open(OutRequest request, Abort& abort);
    /// The spec has changed in what a request carries: kept connections are closed.
    void reset(SpecPtr spec);
    [[nodiscard]] std::size_t idle() const;

  private:
    friend class OutAnswer;
    struct Pool;
    std::shared_ptr<Pool> pool_;
};

}  // namespace headrace::upstreams
