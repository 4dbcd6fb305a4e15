#pragma once

#include <vector>

#include <linux/filter.h>

namespace headrace::engines {

/// What one process may do, made ready before the fork.
struct Sandbox {
    std::vector<sock_filter> filter;  // seccomp; empty: none
    bool filter_needed = false;       // else a kernel without seccomp runs it all the same
    int cgroup = -1;                  // open `cgroup.procs` of the group to live in; -1: none
};

/// The system calls that are refused. Always ptrace: an engine that asks to be traced makes us its
/// tracer, and then nobody learns of its end, not even after SIGKILL. `calls`: also what no engine
/// needs and what kernels were broken with (tracing, mounting, modules, BPF, key rings, namespaces,
/// io_uring ...). Without `network`: sockets other than Unix ones, and io_uring, which makes
/// sockets past the filter. EPERM for all of them, so that a library which only tries carries on.
std::vector<sock_filter> refused_calls(bool calls, bool network);

/// Takes effect on the calling process and on all that it ever starts: no new privileges, no core
/// dumps (they hold callers' data), bounded file descriptors, the group, the filter. Safe between
/// fork and exec. False with errno.
bool enter(const Sandbox& sandbox) noexcept;

/// Keeps processes of our own account, engines first, from reading our memory, where keys are, and
/// us from leaving it in a core dump. Root still may.
void close_own_memory() noexcept;

}  // namespace headrace::engines
