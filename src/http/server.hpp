#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/cidr.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "http/route.hpp"

namespace headrace::http {

struct DoorLimits {
    std::size_t head_bytes = 64 * 1024;            // more: 431
    std::size_t body_bytes = 32 * 1024 * 1024;     // default of a route; more: 413
    std::chrono::milliseconds head_time{10'000};   // from a request's first byte to its head's end
    std::chrono::milliseconds idle_time{75'000};   // between requests
    std::chrono::milliseconds body_grace{10'000};  // then body_rate must have been kept
    std::size_t body_rate = 1024;                  // bytes per second
    std::chrono::milliseconds write_time{30'000};  // in which a reader must take something
    std::chrono::milliseconds park_after{2'000};   // idle so long: its buffers are given back
    std::size_t connections = 10'000;              // more: 503 and closed
};

/// What a listener is. Messages of errors name the setting as "<name>.<field>".
struct DoorSettings {
    std::string name = "client";
    std::string listen = "127.0.0.1:8600";  // "host:port", "[v6]:port", "unix:/path"; port 0: any
    std::set<RouteClass> classes = {RouteClass::client, RouteClass::open};
    std::string tls_certificate;  // PEM files, both or none
    std::string tls_key;
    bool insecure = false;                   // take a non-loopback address without TLS as written
    std::vector<Cidr> trusted_proxies;       // whose X-Forwarded-For and -Proto count
    std::vector<std::string> cors_origins;   // exact origins, or "*"; empty: no CORS
    std::vector<std::string> allowed_hosts;  // more names that may stand in Host on a loopback door
    DoorLimits limits;
};

class Exchange;

/// Called once at the end of each exchange, on its loop: for metrics and the access log.
using Observer = std::function<void(const Exchange&, std::chrono::nanoseconds took)>;

/// A listener with its mounts. Connections stay on the loop that took them.
///
/// Life: make(), start(), then stop_accepting() and drain(); destroy it after drain() or once its
/// loops have stopped, and before they are destroyed. Calls are for one owner thread unless they
/// say otherwise.
class Door {
  public:
    /// Checks settings and mounts, loads certificates and binds, so that every reason not to start
    /// shows here: invalid_argument (a setting, overlapping mounts or routes), unavailable (bind).
    static Result<std::unique_ptr<Door>> make(DoorSettings settings, std::vector<Mount> mounts,
                                              Observer observer = {});
    ~Door();
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    /// Begins to accept: one acceptor a loop (SO_REUSEPORT where there are several).
    Result<void> start(std::span<Loop* const> loops);
    /// Closes the listeners; what is connected goes on. Thread-safe.
    void stop_accepting();
    /// Closes idle connections, lets running exchanges finish for `grace`, then cuts the rest.
    /// Await it on any loop; true when nothing had to be cut.
    asio::awaitable<bool> drain(std::chrono::milliseconds grace);
    /// Closes connections that wait for a request; the next ones are taken. Thread-safe.
    void close_idle();
    /// While on, requests that would open an event stream or a WebSocket are 503; those of workers
    /// are not. What is open goes on. Thread-safe.
    void shed_streams(bool on);
    /// Loads the certificate files again; connections in use keep theirs. On an error the old stay.
    /// Thread-safe.
    Result<void> reload_tls();

    [[nodiscard]] std::uint16_t bound_port() const;
    /// "http://127.0.0.1:8600" or "unix:/path", for messages.
    [[nodiscard]] std::string address() const;
    /// Open connections. Thread-safe.
    [[nodiscard]] std::size_t connections() const;

  private:
    struct State;
    explicit Door(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace headrace::http
