// A language model server that computes nothing: one thread, epoll, HTTP/1.1 with keep-alive. It
// answers as an OpenAI-style server (/v1/chat/completions, whole or streamed, /v1/models) and as a
// FastChat worker (/worker_*), always with the same tokens: flat out, or one every --pace-ms.
// Prints "ready PORT" and serves until it is killed.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::size_t tokens = 200;  // of a streamed answer
    std::chrono::milliseconds pace{0};
    std::string model = "fake";
};

/// Every answer, made once.
struct Script {
    explicit Script(const Options& options) {
        const std::string head =
            "{\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"created\":"
            "1700000000,\"model\":\"" +
            options.model + "\",\"choices\":[{\"index\":0,\"delta\":{";
        const std::string usage = "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":" +
                                  std::to_string(options.tokens) +
                                  ",\"total_tokens\":" + std::to_string(options.tokens + 12) + "}";
        std::string said;
        for (std::size_t i = 0; i < options.tokens; ++i) {
            const std::string token = (i == 0 ? "word" : " word") + std::to_string(i % 10);
            const std::string role = i == 0 ? "\"role\":\"assistant\"," : "";
            sse.push_back(chunk("data: " + head + role + "\"content\":\"" + token +
                                "\"},\"finish_reason\":null}]}\n\n"));
            said += token;
            fastchat.push_back(chunk(cumulative(said, i + 1, "null")));
        }
        std::string end = chunk("data: " + head + "},\"finish_reason\":\"stop\"}]}\n\n");
        with_usage =
            end +
            chunk(
                "data: {\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\","
                "\"created\":1700000000,\"model\":\"" +
                options.model + "\",\"choices\":[]," + usage + "}\n\n") +
            chunk("data: [DONE]\n\n") + "0\r\n\r\n";
        without_usage = end + chunk("data: [DONE]\n\n") + "0\r\n\r\n";
        fastchat_end = chunk(cumulative(said, options.tokens, "\"stop\"")) + "0\r\n\r\n";
        whole = answer(
            "{\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion\",\"created\":"
            "1700000000,\"model\":\"" +
            options.model +
            "\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
            "\"content\":\"the quick brown fox jumps over the lazy dog\"},"
            "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":12,"
            "\"completion_tokens\":9,\"total_tokens\":21}}");
        models = answer("{\"object\":\"list\",\"data\":[{\"id\":\"" + options.model +
                        "\",\"object\":\"model\",\"created\":1,\"owned_by\":\"bench\"}]}");
        by_path["/worker_get_status"] =
            answer("{\"model_names\":[\"" + options.model + "\"],\"speed\":1,\"queue_length\":0}");
        by_path["/worker_generate"] = answer(cumulative_object(said, options.tokens, "\"stop\""));
        by_path["/count_token"] = answer("{\"count\":12,\"error_code\":0}");
        by_path["/model_details"] = answer("{\"context_length\":4096}");
        by_path["/worker_get_conv_template"] = answer(
            "{\"conv\":{\"name\":\"one_shot\",\"system_template\":\"{system_message}\","
            "\"system_message\":\"A chat.\",\"roles\":[\"Human\",\"Assistant\"],\"messages\":[],"
            "\"offset\":0,\"sep_style\":1,\"sep\":\"\\n### \",\"sep2\":null,\"stop_str\":\"###\","
            "\"stop_token_ids\":null}}");
    }

    static std::string chunk(const std::string& data) {
        char size[20];
        std::snprintf(size, sizeof size, "%zx\r\n", data.size());
        return size + data + "\r\n";
    }
    static std::string cumulative_object(const std::string& text, std::size_t count,
                                         const char* reason) {
        return "{\"text\":\"" + text + "\",\"error_code\":0,\"usage\":{\"prompt_tokens\":12," +
               "\"completion_tokens\":" + std::to_string(count) +
               ",\"total_tokens\":" + std::to_string(count + 12) + "},\"finish_reason\":" + reason +
               "}";
    }
    static std::string cumulative(const std::string& text, std::size_t count, const char* reason) {
        return cumulative_object(text, count, reason) + '\0';
    }
    static std::string answer(const std::string& body) {
        return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    std::vector<std::string> sse;
    std::vector<std::string> fastchat;
    std::string with_usage;
    std::string without_usage;
    std::string fastchat_end;
    std::string whole;
    std::string models;
    std::map<std::string, std::string, std::less<>> by_path;
};

struct Peer {
    int socket = -1;
    std::string in;
    std::string out;
    // The stream under way.
    const std::vector<std::string>* tokens = nullptr;
    const std::string* end = nullptr;
    std::size_t next = 0;
    Clock::time_point due;
};

[[noreturn]] void broken(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

class Server {
  public:
    Server(const Options& options, std::uint16_t port) : options_(options), script_(options) {
        poll_ = ::epoll_create1(EPOLL_CLOEXEC);
        door_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        ::setsockopt(door_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(door_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) broken("bind");
        if (::listen(door_, 4096) != 0) broken("listen");
        socklen_t size = sizeof at;
        ::getsockname(door_, reinterpret_cast<sockaddr*>(&at), &size);
        std::printf("ready %d\n", ntohs(at.sin_port));
        std::fflush(stdout);
        watch(door_, EPOLLIN, EPOLL_CTL_ADD);
    }

    [[noreturn]] void run() {
        std::vector<epoll_event> ready(256);
        while (true) {
            const int count =
                ::epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()), wait_ms());
            for (int i = 0; i < count; ++i) {
                const auto& event = ready[static_cast<std::size_t>(i)];
                if (event.data.fd == door_) {
                    welcome();
                } else if (const auto found = peers_.find(event.data.fd); found != peers_.end()) {
                    serve(*found->second, event.events);
                }
            }
            speak_what_is_due();
        }
    }

  private:
    void watch(int fd, std::uint32_t events, int how) const {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        if (::epoll_ctl(poll_, how, fd, &event) != 0) broken("epoll_ctl");
    }

    [[nodiscard]] int wait_ms() const {
        if (paced_.empty()) return -1;
        const auto left = paced_.begin()->first - Clock::now();
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
        return left <= Clock::duration::zero() ? 0 : static_cast<int>(ms) + 1;
    }

    void welcome() {
        const int socket = ::accept4(door_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) return;
        const int on = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto peer = std::make_unique<Peer>();
        peer->socket = socket;
        peers_[socket] = std::move(peer);
        watch(socket, EPOLLIN, EPOLL_CTL_ADD);
    }

    void part(Peer& peer) {
        paced_.erase({peer.due, peer.socket});
        ::close(peer.socket);
        peers_.erase(peer.socket);
    }

    void serve(Peer& peer, std::uint32_t events) {
        if ((events & EPOLLIN) != 0) {
            char buffer[64 * 1024];
            const auto got = ::recv(peer.socket, buffer, sizeof buffer, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN)) return part(peer);
            if (got > 0) peer.in.append(buffer, static_cast<std::size_t>(got));
        } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
            return part(peer);
        }
        if ((events & EPOLLOUT) != 0) watch(peer.socket, EPOLLIN, EPOLL_CTL_MOD);
        if (!flush(peer)) return;
        if (peer.tokens == nullptr) take_request(peer);
    }

    /// False when not all of it went out, or the peer is gone.
    bool flush(Peer& peer) {
        while (!peer.out.empty()) {
            const auto sent = ::send(peer.socket, peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EAGAIN) {
                watch(peer.socket, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
                return false;
            }
            if (sent < 0) return part(peer), false;
            peer.out.erase(0, static_cast<std::size_t>(sent));
        }
        return peer.tokens == nullptr || options_.pace.count() > 0 || speak_all(peer);
    }

    bool say(Peer& peer, std::string_view text) {
        peer.out.append(text);
        return flush(peer);
    }

    void take_request(Peer& peer) {
        const auto head_end = peer.in.find("\r\n\r\n");
        if (head_end == std::string::npos) return;
        const std::string_view head(peer.in.data(), head_end);
        std::size_t length = 0;
        for (const char* name : {"Content-Length: ", "content-length: "}) {
            if (const auto at = head.find(name); at != std::string_view::npos) {
                std::from_chars(head.data() + at + std::strlen(name), head.data() + head.size(),
                                length);
            }
        }
        if (peer.in.size() < head_end + 4 + length) return;
        const auto path_at = head.find(' ') + 1;
        const std::string path(head.substr(path_at, head.find(' ', path_at) - path_at));
        const std::string body = peer.in.substr(head_end + 4, length);
        peer.in.erase(0, head_end + 4 + length);
        answer(peer, path, body);
    }

    void answer(Peer& peer, const std::string& path, const std::string& body) {
        if (path == "/v1/models") {
            say(peer, script_.models);
        } else if (path == "/worker_generate_stream") {
            begin(peer, script_.fastchat, script_.fastchat_end, "application/octet-stream");
        } else if (const auto found = script_.by_path.find(path); found != script_.by_path.end()) {
            say(peer, found->second);
        } else if (body.find("\"stream\":true") != std::string::npos ||
                   body.find("\"stream\": true") != std::string::npos) {
            const bool usage = body.find("include_usage") != std::string::npos;
            begin(peer, script_.sse, usage ? script_.with_usage : script_.without_usage,
                  "text/event-stream");
        } else {
            say(peer, script_.whole);
        }
    }

    void begin(Peer& peer, const std::vector<std::string>& tokens, const std::string& end,
               const char* type) {
        peer.tokens = &tokens;
        peer.end = &end;
        peer.next = 0;
        peer.out += std::string("HTTP/1.1 200 OK\r\nContent-Type: ") + type +
                    "\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
        if (options_.pace.count() > 0) {
            peer.due = Clock::now() + options_.pace;
            paced_.insert({peer.due, peer.socket});
        }
        flush(peer);
    }

    /// One send for each token, as a server does that has each when it is computed.
    bool speak_all(Peer& peer) {
        while (peer.tokens != nullptr) {
            peer.out = peer.next < peer.tokens->size() ? (*peer.tokens)[peer.next] : *peer.end;
            if (peer.next++ == peer.tokens->size()) peer.tokens = nullptr;
            const auto sent = ::send(peer.socket, peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) return part(peer), false;
            peer.out.erase(0, sent < 0 ? 0 : static_cast<std::size_t>(sent));
            if (!peer.out.empty()) {
                watch(peer.socket, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
                return false;
            }
        }
        return true;
    }

    void speak_what_is_due() {
        const auto now = Clock::now();
        while (!paced_.empty() && paced_.begin()->first <= now) {
            auto& peer = *peers_.at(paced_.begin()->second);
            paced_.erase(paced_.begin());
            peer.due += options_.pace;
            const bool last = peer.next >= peer.tokens->size();
            if (!last) paced_.insert({peer.due, peer.socket});
            const auto& text = last ? *peer.end : (*peer.tokens)[peer.next++];
            if (last) peer.tokens = nullptr;
            say(peer, text);
        }
    }

    const Options options_;
    const Script script_;
    std::map<int, std::unique_ptr<Peer>> peers_;
    std::set<std::pair<Clock::time_point, int>> paced_;
    int poll_ = -1;
    int door_ = -1;
};

}  // namespace
}  // namespace headrace::bench

int main(int argc, char** argv) {
    try {
        headrace::bench::Options options;
        std::uint16_t port = 0;
        for (int i = 1; i + 1 < argc; i += 2) {
            const std::string_view word = argv[i];
            const std::string value = argv[i + 1];
            if (word == "--tokens")
                options.tokens = std::stoul(value);
            else if (word == "--pace-ms")
                options.pace = std::chrono::milliseconds(std::stol(value));
            else if (word == "--model")
                options.model = value;
            else if (word == "--port")
                port = static_cast<std::uint16_t>(std::stoul(value));
            else
                throw std::runtime_error("no option " + value);
        }
        headrace::bench::Server(options, port).run();
    } catch (const std::exception& error) {
        std::cerr << "llm_server: " << error.what() << "\n";
        return 1;
    }
}
