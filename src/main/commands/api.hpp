#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "http/message.hpp"
#include "http/sse_reader.hpp"
#include "main/cli.hpp"

namespace headrace::main {

/// The variable's value, or `fallback` when it is not set.
std::string environment_or(const char* variable, std::string fallback);

/// Where a client command goes and how it prints. The environment gives the defaults, so that a
/// flag wins wherever it stands.
struct Connection {
    std::string server = environment_or("HEADRACE_URL", "http://127.0.0.1:8600");
    std::string control = environment_or("HEADRACE_CONTROL_URL", "http://127.0.0.1:8601");
    std::string key_file;
    std::string ca_file;
    std::string format = "table";
    [[nodiscard]] bool json() const { return format == "json"; }
};

/// Adds --server (or --control for administration), --key-file, --ca-file and -o.
void add_connection(Command& command, Connection& connection, bool administration = false,
                    const std::vector<std::string>& formats = {"table", "json"});

/// The first line of a key file. invalid_argument, naming it, when it cannot be read.
Result<Secret> read_key_file(const std::string& path);

/// The key to use: --key-file, HEADRACE_KEY, HEADRACE_KEY_FILE, then headrace-data/admin.key here.
/// Empty when there is none; an error when a file was named and cannot be read.
Result<Secret> find_key(const Connection& connection);

/// What an answer of problem+json says, or the status where it is something else's.
Error problem_of(int status, std::string_view body);

struct Reply {
    int status = 0;
    http::Headers headers;
    json::value body;  // null when there was none
};

/// The native API for a command: blocking calls on one connection. Errors carry what the server's
/// problem+json said.
class Api {
  public:
    static Result<Api> open(const Connection& connection, bool administration = false);
    Api(Api&&) noexcept;
    ~Api();

    /// `path` below /api/v1, such as "/jobs?limit=5".
    Result<Reply> send(const std::string& method, const std::string& path,
                       const std::optional<json::value>& body = std::nullopt,
                       const http::Headers& headers = {});
    Result<json::value> get(const std::string& path);
    Result<json::value> post(const std::string& path,
                             const std::optional<json::value>& body = std::nullopt);

    /// Reads an event stream until it ends or `on_event` says false. A GET, or a POST when a body
    /// is given.
    using OnEvent = std::function<bool(const http::SseEvent&)>;
    Result<void> events(const std::string& path, const std::optional<json::value>& body,
                        const std::string& last_event_id, const OnEvent& on_event);

    /// Sends a file to POST /files; gives the file object.
    Result<json::value> upload(const std::filesystem::path& file, const std::string& content_type);
    /// Fetches a media output's url into a file; gives its size.
    Result<std::uint64_t> download(const std::string& url, const std::filesystem::path& file);

    /// What a command needs that dials by itself: the address of `path` below /api/v1, for a
    /// session with the scheme of WebSockets.
    [[nodiscard]] std::string url(const std::string& path) const;
    [[nodiscard]] std::string websocket_url(const std::string& path) const;
    [[nodiscard]] const Secret& key() const;
    [[nodiscard]] const std::string& ca_file() const;

  private:
    struct State;
    explicit Api(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace headrace::main
