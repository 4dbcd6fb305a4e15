#include "engines/sandbox.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace headrace::engines {
namespace {

constexpr rlim_t kFiles = 4'096;       // at the start
constexpr rlim_t kMostFiles = 65'536;  // to which the engine may raise it

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the filter knows the calls of x86-64 and of AArch64"
#endif
constexpr std::uint32_t kX32 = 0x40000000;  // the same calls once more, under other numbers

/// Whole calls.
constexpr std::uint32_t kRefused[] = {
    // other processes
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_getfd,
    // the tree of files
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_quotactl,
    SYS_quotactl_fd,
    SYS_swapon,
    SYS_swapoff,
    // the kernel itself
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_syslog,
    SYS_reboot,
    SYS_acct,
    SYS_lookup_dcookie,
    SYS_fanotify_init,
    // namespaces
    SYS_unshare,
    SYS_setns,
    // the machine
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_vhangup,
#if defined(__x86_64__)
    SYS_kexec_file_load,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_uselib,
    SYS__sysctl,
#endif
};
constexpr std::uint32_t kRing[] = {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};
constexpr std::uint32_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

/// The program for the kernel's little machine: one register, jumps that only go ahead.
class Filter {
  public:
    Filter() {
        load(offsetof(seccomp_data, arch));
        unless_equal(kArchitecture, 1);
        refuse(EPERM);
        load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1));
        refuse(EPERM);
#endif
    }

    void refuse_call(std::uint32_t number, int error = EPERM) {
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
        refuse(error);
    }
    /// When the argument has any of these bits.
    void refuse_bits(std::uint32_t number, std::size_t argument, std::uint32_t bits) {
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
        load(low_half(argument));
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
        refuse(EPERM);
        load(offsetof(seccomp_data, nr));
    }
    /// When the argument is this, or with `unless` is anything else.
    void refuse_value(std::uint32_t number, std::size_t argument, std::uint32_t value,
                      bool unless) {
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
        load(low_half(argument));
        if (unless) {
            unless_equal(value, 1);
        } else {
            code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
        }
        refuse(EPERM);
        load(offsetof(seccomp_data, nr));
    }
    std::vector<sock_filter> finish() {
        code_.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
        return std::move(code_);
    }

  private:
    // Little-endian, as both architectures are; the kernel reads these arguments as 32 bits.
    static constexpr std::uint32_t low_half(std::size_t argument) {
        return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * argument);
    }
    void load(std::size_t offset) {
        code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
    }
    /// Skips that many instructions when equal.
    void unless_equal(std::uint32_t value, std::uint8_t skip) {
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0));
    }
    void refuse(int error) {
        code_.push_back(
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)));
    }

    std::vector<sock_filter> code_;
};

/// Not above what we may have ourselves.
bool bound(int resource, rlim_t soft, rlim_t hard) noexcept {
    rlimit now{};
    const auto which = static_cast<__rlimit_resource>(resource);
    if (::getrlimit(which, &now) != 0) return false;
    if (now.rlim_max < hard) hard = now.rlim_max;
    const rlimit wanted{soft < hard ? soft : hard, hard};
    return ::setrlimit(which, &wanted) == 0;
}

}  // namespace

std::vector<sock_filter> refused_calls(bool calls, bool network) {
    Filter filter;
    filter.refuse_call(SYS_ptrace);
    if (calls) {
        for (const auto number : kRefused) filter.refuse_call(number);
        filter.refuse_bits(SYS_clone, 0, kNamespaces);
        // Its flags lie in memory, where no filter looks; the C library then takes clone.
        filter.refuse_call(SYS_clone3, ENOSYS);
        // Typing into the terminal that the server was started from.
        filter.refuse_value(SYS_ioctl, 1, TIOCSTI, false);
        filter.refuse_value(SYS_ioctl, 1, TIOCLINUX, false);
    }
    if (calls || !network) {
        for (const auto number : kRing) filter.refuse_call(number);
    }
    if (!network) filter.refuse_value(SYS_socket, 0, AF_UNIX, true);
    return filter.finish();
}

bool enter(const Sandbox& sandbox) noexcept {
    if (!bound(RLIMIT_CORE, 0, 0) || !bound(RLIMIT_NOFILE, kFiles, kMostFiles)) return false;
    if (sandbox.cgroup >= 0 && ::write(sandbox.cgroup, "0", 1) != 1) return false;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    if (sandbox.filter.empty()) return true;
    const sock_fprog program{static_cast<unsigned short>(sandbox.filter.size()),
                             const_cast<sock_filter*>(sandbox.filter.data())};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 || !sandbox.filter_needed;
}

void close_own_memory() noexcept {
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace headrace::engines
