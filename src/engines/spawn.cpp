#include "engines/spawn.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace headrace::engines {
namespace {

constexpr int kLinkFd = 3;  // in the new process

tl::unexpected<Error> cannot(std::string_view what, int error) {
    return fail(ErrorCode::unavailable, fmt::format("{}: {}", what, std::strerror(error)));
}

struct Pair {
    UniqueFd ours;
    UniqueFd theirs;
};

Result<Pair> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return cannot("no pipe", errno);
    return Pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<Pair> make_link() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return cannot("no socket", errno);
    }
    return Pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const auto& text : strings) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

/// All that the child needs, made before the fork: after it, only calls that are safe in a signal
/// handler may be made.
struct Child {
    char* const* arguments;
    char* const* environment;
    const char* directory;
    const Sandbox* sandbox;
    int link, output, errors, failure;
    pid_t parent;
};

[[noreturn]] void give_up(const Child& child) {
    const int error = errno;
    [[maybe_unused]] const ssize_t told = ::write(child.failure, &error, sizeof error);
    ::_exit(127);
}

[[noreturn]] void run_child(const Child& child) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != child.parent) ::_exit(127);  // it died before the line above
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    // The ends may lie anywhere, also on 0..3: move them out of the way before they are put in
    // place.
    const int link = ::fcntl(child.link, F_DUPFD_CLOEXEC, 10);
    const int output = ::fcntl(child.output, F_DUPFD_CLOEXEC, 10);
    const int errors = ::fcntl(child.errors, F_DUPFD_CLOEXEC, 10);
    const int failure = ::fcntl(child.failure, F_DUPFD_CLOEXEC, 10);
    if (null < 0 || link < 0 || output < 0 || errors < 0 || failure < 0) give_up(child);
    if (::dup2(null, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(errors, 2) < 0 ||
        ::dup2(link, kLinkFd) < 0) {
        give_up(child);
    }
    Child rest = child;
    rest.failure = failure;
    ::close_range(kLinkFd + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (::chdir(child.directory) != 0 || !enter(*child.sandbox)) give_up(rest);
    ::execvpe(child.arguments[0], child.arguments, child.environment);
    give_up(rest);
}

/// Waits until the program has begun, or reads why not: the pipe closes itself at exec.
int failure_of(int pipe) {
    int error = 0;
    while (true) {
        const ssize_t got = ::read(pipe, &error, sizeof error);
        if (got == sizeof error) return error;
        if (got >= 0 || errno != EINTR) return 0;
    }
}

}  // namespace

Result<Spawned> spawn(const Command& command) {
    auto link = make_link();
    auto output = make_pipe();
    auto errors = make_pipe();
    auto failure = make_pipe();
    for (const auto* pair : {&link, &output, &errors, &failure}) {
        if (!*pair) return fail(pair->error());
    }
    std::vector<std::string> environment = command.environment;
    environment.push_back("HEADRACE_LINK_FD=" + std::to_string(kLinkFd));
    const auto argument_pointers = pointers(command.arguments);
    const auto environment_pointers = pointers(environment);
    const Child child{
        argument_pointers.data(), environment_pointers.data(), command.directory.c_str(),
        &command.sandbox,         link->theirs.get(),          output->theirs.get(),
        errors->theirs.get(),     failure->theirs.get(),       ::getpid()};
    const pid_t pid = ::fork();
    if (pid < 0) return cannot("no process", errno);
    if (pid == 0) run_child(child);
    failure->theirs.reset();
    if (const int error = failure_of(failure->ours.get()); error != 0) {
        ::waitpid(pid, nullptr, 0);
        return cannot(command.arguments.front(), error);
    }
    Spawned spawned;
    spawned.pid = pid;
    spawned.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!spawned.pidfd) {
        const int error = errno;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return cannot("no pidfd", error);
    }
    ::fcntl(output->ours.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(errors->ours.get(), F_SETFL, O_NONBLOCK);
    spawned.link = std::move(link->ours);
    spawned.output = std::move(output->ours);
    spawned.errors = std::move(errors->ours);
    return spawned;
}

}  // namespace headrace::engines
