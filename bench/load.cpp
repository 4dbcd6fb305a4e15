// One load generator for every server of the benchmark, so that all are treated alike: one thread,
// epoll, keep-alive connections over TCP or a Unix socket, the next request as soon as the answer
// is there, or at a fixed rate (latency then counts from the moment a request was due). The last
// line of output is JSON.
#include "answer.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/latency_histogram.hpp"

namespace headrace::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;
using telemetry::LatencyHistogram;

struct Options {
    std::string address;  // "127.0.0.1:8600" or "unix:/path"
    std::string path = "/";
    std::string method = "POST";
    std::string body;
    std::string headers;  // whole lines
    std::string count;    // count how often this stands in the answers
    // Every {fill} in body and headers is one of these, drawn anew for each request.
    std::vector<std::string> fills;
    std::size_t connections = 1;
    double seconds = 5;
    std::uint64_t requests = 0;  // end after as many; 0: after `seconds`
    double rate = 0;             // requests a second in all; 0: as fast as answers come
    double drain = 0;  // at the end, wait so long for what is under way; 0: leave it behind
};

struct Totals {
    LatencyHistogram latency;
    LatencyHistogram first_event;
    std::map<int, std::uint64_t> statuses;
    std::uint64_t good = 0;
    std::uint64_t bad = 0;
    std::uint64_t broken = 0;  // connections that ended inside of an answer
    std::uint64_t events = 0;
};

struct Caller {
    explicit Caller(const std::string& counted) : answer(counted) {}
    int socket = -1;
    bool busy = false;
    bool heard = false;  // an event of the answer that runs
    Clock::time_point due;
    Answer answer;
};

[[noreturn]] void broken(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

int dial(const std::string& address) {
    if (address.starts_with("unix:")) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        const std::string path = address.substr(5);
        if (path.size() >= sizeof to.sun_path) throw std::runtime_error("the path is too long");
        std::memcpy(to.sun_path, path.data(), path.size());
        const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) broken(address);
        return socket;
    }
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) throw std::runtime_error(address + " has no port");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    if (::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1)
        throw std::runtime_error(address + " is no IPv4 address");
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) broken(address);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
}

class Load {
  public:
    explicit Load(const Options& options) : options_(options) {
        request_ = request(options.headers, options.body);
        poll_ = ::epoll_create1(EPOLL_CLOEXEC);
        for (std::size_t i = 0; i < options.connections; ++i) callers_.emplace_back(options_.count);
        for (std::size_t i = 0; i < callers_.size(); ++i) connect(i);
    }

    void run() {
        begin_ = Clock::now();
        const auto end = begin_ + std::chrono::duration_cast<Clock::duration>(
                                      duration<double>(options_.seconds));
        if (options_.rate <= 0) {
            for (auto& caller : callers_) send(caller, Clock::now());
        }
        std::vector<epoll_event> ready(256);
        now_ = begin_;
        while (options_.requests > 0 ? finished() < options_.requests : now_ < end) {
            if (options_.rate > 0) sleep_until_due();
            const int count = ::epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()),
                                           options_.rate > 0 ? 0 : 100);
            now_ = Clock::now();
            for (int i = 0; i < count; ++i) {
                auto& caller = callers_[ready[static_cast<std::size_t>(i)].data.u64];
                receive(caller);
            }
            if (options_.rate > 0) send_what_is_due();
        }
        if (options_.drain > 0) drain();
        seconds_ = duration<double>(Clock::now() - begin_).count();
    }

    void print() const {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        const auto us = [](const timeval& t) {
            return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
        };
        const auto micros = [](LatencyHistogram::Duration t) {
            return static_cast<double>(t.count()) / 1e3;
        };
        std::string statuses;
        for (const auto& [status, count] : totals_.statuses) {
            statuses += (statuses.empty() ? "\"" : ",\"") + std::to_string(status) +
                        "\":" + std::to_string(count);
        }
        const auto& latency = totals_.latency;
        std::printf(
            "{\"good\":%llu,\"bad\":%llu,\"broken\":%llu,\"seconds\":%.6f,\"p50_us\":%.2f,"
            "\"p90_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"max_us\":%.2f,\"events\":%llu,"
            "\"first_event_p50_us\":%.2f,\"first_event_p99_us\":%.2f,\"own_cpu_us\":%.0f,"
            "\"statuses\":{%s}}\n",
            static_cast<unsigned long long>(totals_.good),
            static_cast<unsigned long long>(totals_.bad),
            static_cast<unsigned long long>(totals_.broken), seconds_, micros(latency.at(0.5)),
            micros(latency.at(0.9)), micros(latency.at(0.99)), micros(latency.at(0.999)),
            micros(latency.largest()), static_cast<unsigned long long>(totals_.events),
            micros(totals_.first_event.at(0.5)), micros(totals_.first_event.at(0.99)),
            us(usage.ru_utime) + us(usage.ru_stime), statuses.c_str());
    }

  private:
    [[nodiscard]] std::string request(const std::string& headers, const std::string& body) const {
        std::string text =
            options_.method + " " + options_.path + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
        if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        return text + "\r\n" + body;
    }

    /// Puts the next drawn word in the places that are left for one.
    void fill_request() {
        if (options_.fills.empty()) return;
        const auto& word = options_.fills[draw_() % options_.fills.size()];
        request_ = request(filled(options_.headers, word), filled(options_.body, word));
    }

    static std::string filled(std::string text, std::string_view word) {
        for (auto at = text.find(kFill); at != std::string::npos; at = text.find(kFill, at)) {
            text.replace(at, kFill.size(), word);
            at += word.size();
        }
        return text;
    }

    /// So that work which was begun is not paid for by the answers that came before.
    void drain() {
        ending_ = true;
        const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                            duration<double>(options_.drain));
        epoll_event event{};
        while (std::ranges::any_of(callers_, &Caller::busy)) {
            if (Clock::now() > end) throw std::runtime_error("an answer did not come to its end");
            if (::epoll_wait(poll_, &event, 1, 100) == 1) receive(callers_[event.data.u64]);
        }
    }

    [[nodiscard]] std::uint64_t finished() const { return totals_.good + totals_.bad; }

    void connect(std::size_t index) {
        auto& caller = callers_[index];
        caller.socket = dial(options_.address);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = index;
        if (::epoll_ctl(poll_, EPOLL_CTL_ADD, caller.socket, &event) != 0) broken("epoll_ctl");
    }

    void reconnect(Caller& caller) {
        ::close(caller.socket);
        connect(static_cast<std::size_t>(&caller - callers_.data()));
    }

    void send(Caller& caller, Clock::time_point due) {
        caller.busy = true;
        caller.heard = false;
        caller.due = due;
        caller.answer.reset();
        fill_request();
        std::size_t at = 0;
        while (at < request_.size()) {
            const auto sent =
                ::send(caller.socket, request_.data() + at, request_.size() - at, MSG_NOSIGNAL);
            if (sent > 0) {
                at += static_cast<std::size_t>(sent);
            } else if (errno == EPIPE || errno == ECONNRESET) {
                reconnect(caller);  // it was closed while idle
                at = 0;
            } else if (errno != EINTR) {
                broken("send");
            }
        }
    }

    void receive(Caller& caller) {
        const auto got = ::recv(caller.socket, buffer_, sizeof buffer_, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            if (caller.busy) ++totals_.broken;
            const bool again = caller.busy && goes_on();
            caller.busy = false;
            reconnect(caller);
            if (again) send(caller, Clock::now());
            return;
        }
        if (!caller.answer.feed({buffer_, static_cast<std::size_t>(got)}))
            throw std::runtime_error("an answer that is no HTTP/1.1");
        if (!caller.heard && caller.answer.events() > 0) {
            caller.heard = true;
            totals_.first_event.record(Clock::now() - caller.due);
        }
        if (caller.answer.done()) finish(caller);
    }

    void finish(Caller& caller) {
        const auto& answer = caller.answer;
        totals_.latency.record(Clock::now() - caller.due);
        ++totals_.statuses[answer.status()];
        ++(answer.status() >= 200 && answer.status() < 300 ? totals_.good : totals_.bad);
        totals_.events += answer.events();
        caller.busy = false;
        if (answer.closes()) reconnect(caller);
        if (goes_on()) send(caller, Clock::now());
    }

    /// Whether a caller whose answer is there sends the next request by itself.
    [[nodiscard]] bool goes_on() const { return options_.rate <= 0 && !ending_; }

    [[nodiscard]] Clock::time_point next_due() const {
        const duration<double> after(static_cast<double>(sent_) / options_.rate);
        return begin_ + std::chrono::duration_cast<Clock::duration>(after);
    }

    /// Until an answer comes or a request is due: epoll_wait() knows milliseconds only.
    void sleep_until_due() const {
        constexpr Clock::duration kMost = std::chrono::milliseconds(100);
        const bool all_busy = std::ranges::all_of(callers_, &Caller::busy);
        const auto left =
            all_busy ? kMost : std::clamp<Clock::duration>(next_due() - Clock::now(), {}, kMost);
        const timespec timeout{0, std::chrono::nanoseconds(left).count()};
        pollfd any{poll_, POLLIN, 0};
        ::ppoll(&any, 1, &timeout, nullptr);
    }

    /// Sends to idle connections whatever is due; what finds none waits, and its wait counts.
    void send_what_is_due() {
        for (auto& caller : callers_) {
            if (caller.busy) continue;
            const auto due = next_due();
            if (due > now_) break;
            ++sent_;
            send(caller, due);
        }
    }

    static constexpr std::string_view kFill = "{fill}";

    const Options options_;
    std::string request_;
    std::mt19937_64 draw_{1};  // the same order in every run
    std::vector<Caller> callers_;
    Totals totals_;
    Clock::time_point begin_;
    Clock::time_point now_;
    double seconds_ = 0;
    bool ending_ = false;
    std::uint64_t sent_ = 0;
    int poll_ = -1;
    char buffer_[64 * 1024];
};

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    if (lines.empty()) throw std::runtime_error(path + " has no lines");
    return lines;
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (i + 1 >= argc) throw std::runtime_error(std::string(word) + " wants a value");
        const std::string value = argv[++i];
        if (word == "--address")
            options.address = value;
        else if (word == "--path")
            options.path = value;
        else if (word == "--method")
            options.method = value;
        else if (word == "--body")
            options.body = value;
        else if (word == "--header")
            options.headers += value + "\r\n";
        else if (word == "--count")
            options.count = value;
        else if (word == "--fill")
            options.fills = lines_of(value);
        else if (word == "-c")
            options.connections = std::stoul(value);
        else if (word == "--seconds")
            options.seconds = std::stod(value);
        else if (word == "-n")
            options.requests = std::stoull(value);
        else if (word == "--rate")
            options.rate = std::stod(value);
        else if (word == "--drain")
            options.drain = std::stod(value);
        else
            throw std::runtime_error("no option " + std::string(word));
    }
    if (options.address.empty()) throw std::runtime_error("--address is missing");
    return options;
}

}  // namespace
}  // namespace headrace::bench

int main(int argc, char** argv) {
    try {
        headrace::bench::Load load(headrace::bench::parse(argc, argv));
        load.run();
        load.print();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "load: " << error.what() << "\n";
        return 1;
    }
}
