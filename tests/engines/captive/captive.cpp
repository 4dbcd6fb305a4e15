// Does what its text names, so that the tests see what a sandbox lets through: answers "ok", the
// name of the error, or what was read.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "headrace/engine.h"

namespace {

const hr_host* host = nullptr;

int load(const hr_host* given, const hr_config*, void**, char*, std::size_t) {
    host = given;
    return HR_OK;
}

std::string words_of(long result) {
    if (result >= 0) return "ok";
    return ::strerrorname_np(errno);
}

std::string socket_of(int family) {
    const int fd = ::socket(family, SOCK_DGRAM, 0);
    auto words = words_of(fd);
    if (fd >= 0) ::close(fd);
    return words;
}

/// Starts a process that ends at once, and waits for it.
std::string run_child(unsigned long flags) {
    const long pid = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) ::_exit(0);
    auto words = words_of(pid);
    if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
    return words;
}

std::string line_of(const std::string& file, const std::string& name) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(name)) return line.substr(name.size());
    }
    return "none";
}

std::string limit_of(__rlimit_resource resource) {
    rlimit now{};
    if (::getrlimit(resource, &now) != 0) return words_of(-1);
    return std::to_string(now.rlim_cur) + ' ' + std::to_string(now.rlim_max);
}

/// Grows until somebody ends it.
std::string grow() {
    for (int i = 0; i < 1 << 20; ++i) std::memset(::operator new(1 << 20), 1, 1 << 20);
    return "ok";
}

std::string attempt(const std::string& what) {
    if (what == "privileges") return line_of("/proc/self/status", "NoNewPrivs:\t");
    if (what == "filter") return line_of("/proc/self/status", "Seccomp:\t");
    if (what == "cgroup") return line_of("/proc/self/cgroup", "0::");
    if (what == "core") return limit_of(RLIMIT_CORE);
    if (what == "files") return limit_of(RLIMIT_NOFILE);
    if (what == "grow") return grow();
    if (what == "unix") return socket_of(AF_UNIX);
    if (what == "ipv4") return socket_of(AF_INET);
    if (what == "ipv6") return socket_of(AF_INET6);
    if (what == "netlink") return socket_of(AF_NETLINK);
    if (what == "child") return run_child(0);
    if (what == "user_namespace") return run_child(CLONE_NEWUSER);
    if (what == "thread") {
        std::thread([] {}).join();
        return "ok";
    }
    if (what == "unshare") return words_of(::unshare(CLONE_NEWUSER));
    if (what == "ptrace") return words_of(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
    if (what == "mount") return words_of(::mount("none", "/nowhere", "tmpfs", 0, nullptr));
    if (what == "io_uring") return words_of(::syscall(SYS_io_uring_setup, 0, nullptr));
    if (what == "bpf") return words_of(::syscall(SYS_bpf, 0, nullptr, 0));
    if (what == "keyctl") return words_of(::syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    if (what == "module") return words_of(::syscall(SYS_init_module, nullptr, 0, ""));
    if (what == "terminal") return words_of(::ioctl(0, TIOCSTI, "x"));
    if (what == "x32") return words_of(::syscall(0x40000000L + SYS_getpid));
    return "unknown";
}

int run(void*, hr_job** jobs, std::size_t) {
    hr_bytes text{};
    if (const int code = host->input_text(jobs[0], "text", 0, &text); code != HR_OK) return code;
    const auto answer = attempt(std::string(text.data, text.size));
    host->output_text(jobs[0], "text", answer.data(), answer.size());
    return HR_OK;
}

const hr_engine engine = {sizeof(hr_engine), HR_ABI_MAJOR, HR_ABI_MINOR, load,
                          nullptr,           nullptr,      run,          nullptr};

}  // namespace

const hr_engine* hr_engine_entry(std::uint32_t host_major, std::uint32_t) {
    return host_major == HR_ABI_MAJOR ? &engine : nullptr;
}
