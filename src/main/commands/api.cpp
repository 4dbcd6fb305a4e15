#include "main/commands/api.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "http/client.hpp"
#include "http/url.hpp"

namespace headrace::main {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kApi = "/api/v1";
constexpr const char* kKeyHere = "headrace-data/admin.key";

}  // namespace

Error problem_of(int status, std::string_view body) {
    Error error;
    const auto parsed = parse_json_object(body);
    const auto* code = parsed ? parsed->if_contains("code") : nullptr;
    if (!code || !code->is_string()) {
        error.code = status >= 500 ? ErrorCode::unavailable : ErrorCode::invalid_argument;
        error.message =
            fmt::format("the server answered {} {}", status, http::reason_phrase(status));
        return error;
    }
    const auto text = [](const json::object& from, const char* name) {
        const auto* value = from.if_contains(name);
        return value && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    error.code = error_code_from(text(*parsed, "code"));
    error.message = text(*parsed, "detail");
    if (error.message.empty()) error.message = text(*parsed, "title");
    if (const auto* list = parsed->if_contains("errors"); list && list->is_array()) {
        for (const auto& item : list->get_array()) {
            if (!item.is_object()) continue;
            error.violations.push_back({text(item.get_object(), "path"),
                                        text(item.get_object(), "rule"),
                                        text(item.get_object(), "limit")});
        }
    }
    return error;
}

namespace {

Error refusal(const http::ClientResponse& response) {
    auto error = problem_of(response.status, response.body);
    if (const auto wait = response.headers.find("Retry-After")) {
        error.retry_after_s = std::atoi(std::string(*wait).c_str());
    }
    return error;
}

}  // namespace

std::string environment_or(const char* variable, std::string fallback) {
    const char* value = std::getenv(variable);
    return value && *value ? value : std::move(fallback);
}

void add_connection(Command& command, Connection& connection, bool administration,
                    const std::vector<std::string>& formats) {
    if (administration) {
        command
            .option("--control", connection.control,
                    "address of the control door (HEADRACE_CONTROL_URL)")
            .value_name("URL");
    } else {
        command.option("--server", connection.server, "address of the client door (HEADRACE_URL)")
            .value_name("URL");
    }
    command
        .option("--key-file", connection.key_file,
                "file that holds the key; else HEADRACE_KEY, HEADRACE_KEY_FILE, " +
                    std::string(kKeyHere))
        .value_name("FILE");
    command.option("--ca-file", connection.ca_file, "certificates to trust for https, PEM")
        .value_name("FILE");
    command.option("-o,--format", connection.format, "how to print").choices(formats);
}

Result<Secret> read_key_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string text;
    if (!in || !std::getline(in, text)) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the key file {} cannot be read", path));
    }
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
    return Secret(std::move(text));
}

Result<Secret> find_key(const Connection& connection) {
    if (!connection.key_file.empty()) return read_key_file(connection.key_file);
    if (const char* key = std::getenv("HEADRACE_KEY"); key && *key) return Secret(key);
    if (const char* path = std::getenv("HEADRACE_KEY_FILE"); path && *path)
        return read_key_file(path);
    if (std::error_code none; std::filesystem::exists(kKeyHere, none))
        return read_key_file(kKeyHere);
    return Secret();
}

struct Api::State {
    State(http::Url base_, http::ClientSettings settings_, Secret key_)
        : base(std::move(base_)),
          settings(std::move(settings_)),
          key(std::move(key_)),
          client(io.get_executor(), settings) {}

    asio::io_context io{1};
    http::Url base;
    http::ClientSettings settings;
    Secret key;
    http::Client client;

    template <class T>
    T run(asio::awaitable<T> task) {
        std::optional<T> result;
        std::exception_ptr thrown;
        asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
            thrown = error;
            result.emplace(std::move(value));
            // A kept connection may still have a timer, which nobody waits for.
            io.stop();
        });
        io.restart();
        io.run();
        if (thrown) std::rethrow_exception(thrown);
        return std::move(*result);
    }

    http::ClientRequest request(std::string method, const std::string& path) const {
        http::ClientRequest out;
        out.method = std::move(method);
        out.url = base;
        out.url.target = (base.target == "/" ? "" : base.target) + std::string(kApi) + path;
        if (!key.empty()) out.headers.add("Authorization", "Bearer " + std::string(key.reveal()));
        return out;
    }

    asio::awaitable<Result<void>> events(http::ClientRequest request, const OnEvent& on_event);
    asio::awaitable<Result<std::uint64_t>> download(http::ClientRequest request,
                                                    std::ofstream& out);
};

Api::Api(std::unique_ptr<State> state) : state_(std::move(state)) {}
Api::Api(Api&&) noexcept = default;
Api::~Api() = default;

Result<Api> Api::open(const Connection& connection, bool administration) {
    auto url = http::Url::parse(administration ? connection.control : connection.server);
    if (!url) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} is not an address: {}",
                                administration ? "--control" : "--server", url.error().message));
    }
    while (url->target.size() > 1 && url->target.back() == '/') url->target.pop_back();
    auto key = find_key(connection);
    if (!key) return fail(std::move(key.error()));
    http::ClientSettings settings;
    settings.tls.ca_file = connection.ca_file;
    return Api(std::make_unique<State>(std::move(*url), std::move(settings), std::move(*key)));
}

Result<Reply> Api::send(const std::string& method, const std::string& path,
                        const std::optional<json::value>& body, const http::Headers& headers) {
    auto request = state_->request(method, path);
    for (const auto& field : headers.fields()) request.headers.add(field.name, field.value);
    request.headers.set("Accept", "application/json");
    if (body) {
        request.headers.set("Content-Type", "application/json");
        request.body = json::serialize(*body);
    }
    auto response = state_->run(state_->client.send(std::move(request)));
    if (!response) return fail(std::move(response.error()));
    if (response->status >= 400) return fail(refusal(*response));
    Reply reply{response->status, std::move(response->headers), nullptr};
    if (response->body.empty()) return reply;
    auto parsed = parse_json(response->body, {.max_depth = 512});
    if (!parsed)
        return fail(ErrorCode::internal, "the server's answer is not JSON; is it Headrace?");
    reply.body = std::move(*parsed);
    return reply;
}

Result<json::value> Api::get(const std::string& path) {
    auto reply = send("GET", path);
    if (!reply) return fail(std::move(reply.error()));
    return std::move(reply->body);
}

Result<json::value> Api::post(const std::string& path, const std::optional<json::value>& body) {
    auto reply = send("POST", path, body);
    if (!reply) return fail(std::move(reply.error()));
    return std::move(reply->body);
}

asio::awaitable<Result<void>> Api::State::events(http::ClientRequest request,
                                                 const OnEvent& on_event) {
    auto stream = co_await client.open(std::move(request));
    if (!stream) co_return fail(std::move(stream.error()));
    const bool refused = stream->status() >= 400;
    std::string problem;
    http::SseReader reader(64 * 1024 * 1024);
    while (true) {
        auto piece = co_await stream->read_some();
        if (!piece) co_return fail(std::move(piece.error()));
        if (!*piece) break;
        if (refused) {
            problem += **piece;
            continue;
        }
        auto events = reader.feed(**piece);
        if (!events) co_return fail(std::move(events.error()));
        for (const auto& event : *events) {
            if (on_event(event)) continue;
            stream->cancel();
            co_return Result<void>{};
        }
    }
    if (refused) co_return fail(problem_of(stream->status(), problem));
    co_return Result<void>{};
}

Result<void> Api::events(const std::string& path, const std::optional<json::value>& body,
                         const std::string& last_event_id, const OnEvent& on_event) {
    auto request = state_->request(body ? "POST" : "GET", path);
    request.headers.set("Accept", "text/event-stream");
    if (!last_event_id.empty()) request.headers.set("Last-Event-ID", last_event_id);
    if (body) {
        request.headers.set("Content-Type", "application/json");
        request.body = json::serialize(*body);
    }
    return state_->run(state_->events(std::move(request), on_event));
}

Result<json::value> Api::upload(const std::filesystem::path& file,
                                const std::string& content_type) {
    auto request = state_->request("POST", "/files");
    http::FileBody body;
    body.file = UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!body.file || ::fstat(body.file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return fail(ErrorCode::invalid_argument, fmt::format("{} cannot be read", file.string()));
    }
    body.length = static_cast<std::uint64_t>(info.st_size);
    request.file = std::move(body);
    request.headers.set("Content-Type", content_type);
    auto response = state_->run(state_->client.send(std::move(request)));
    if (!response) return fail(std::move(response.error()));
    if (response->status >= 400) return fail(refusal(*response));
    return parse_json(response->body);
}

asio::awaitable<Result<std::uint64_t>> Api::State::download(http::ClientRequest request,
                                                            std::ofstream& out) {
    auto stream = co_await client.open(std::move(request));
    if (!stream) co_return fail(std::move(stream.error()));
    if (stream->status() >= 400) co_return fail(problem_of(stream->status(), ""));
    std::uint64_t size = 0;
    while (true) {
        auto piece = co_await stream->read_some();
        if (!piece) co_return fail(std::move(piece.error()));
        if (!*piece) co_return size;
        size += (*piece)->size();
        out.write((*piece)->data(), static_cast<std::streamsize>((*piece)->size()));
        if (!out) co_return fail(ErrorCode::unavailable, "the output file cannot be written");
    }
}

Result<std::uint64_t> Api::download(const std::string& url, const std::filesystem::path& file) {
    auto target = state_->base.resolve(url);
    if (!target) return fail(std::move(target.error()));
    http::ClientRequest request;
    request.url = std::move(*target);
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    if (!out) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} cannot be written", file.string()));
    }
    auto size = state_->run(state_->download(std::move(request), out));
    out.close();
    return size;
}

std::string Api::url(const std::string& path) const {
    auto url = state_->base;
    url.target = (url.target == "/" ? "" : url.target) + std::string(kApi) + path;
    return url.text();
}

std::string Api::websocket_url(const std::string& path) const {
    auto url = state_->base;
    url.target = (url.target == "/" ? "" : url.target) + std::string(kApi) + path;
    if (url.scheme == "http") url.scheme = "ws";
    if (url.scheme == "https") url.scheme = "wss";
    return url.text();
}

const Secret& Api::key() const {
    return state_->key;
}
const std::string& Api::ca_file() const {
    return state_->settings.tls.ca_file;
}

}  // namespace headrace::main
