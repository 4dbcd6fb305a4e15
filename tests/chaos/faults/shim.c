// A library for LD_PRELOAD that makes chosen calls of one program fail, and shifts its wall clock.
// What to do stands in a file that the driver (tests/chaos/shim.py) maps as well, so that it can be
// changed while the program runs; HEADRACE_FAULTS names it. Without that variable nothing happens.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
    kOpen = 1,       // open, openat: files, and folders to sync them
    kRead = 2,       // read, pread of regular files
    kWrite = 4,      // write, writev, pwrite of regular files
    kSync = 8,       // fsync, fdatasync
    kRename = 16,    // rename
    kTruncate = 32,  // ftruncate, fallocate
    kFolder = 64,    // mkdir, unlink
    kAccept = 128,   // accept: a connection that cannot be taken
    kMemory = 256,   // malloc and its kin
    kMap = 512,      // mmap
    kSocket = 1024,  // socket, socketpair, pipe
};

// The layout is that of shim.py.
struct orders {
    _Atomic uint32_t kinds;  // 0: nothing fails
    _Atomic int32_t error;
    _Atomic int64_t first;  // the number of the first call that fails, from 1; 0: only count
    _Atomic int64_t last;   // and of the last one
    _Atomic int64_t seen;   // calls of these kinds since the orders came
    _Atomic int64_t failed;
    _Atomic int64_t clock_ms;  // added to the wall clock
    char program[32];          // the short name of the program that is meant
};

static struct orders* orders;

__attribute__((constructor)) static void take_orders(void) {
    const char* path = getenv("HEADRACE_FAULTS");
    if (path == NULL) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void* at = (void*)syscall(SYS_mmap, NULL, sizeof(struct orders), PROT_READ | PROT_WRITE,
                              MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (at == MAP_FAILED) return;
    struct orders* given = at;
    if (strcmp(given->program, program_invocation_short_name) == 0) orders = given;
}

static int fails(enum kind kind) {
    if (orders == NULL || (atomic_load(&orders->kinds) & (uint32_t)kind) == 0) return 0;
    const int64_t number = atomic_fetch_add(&orders->seen, 1) + 1;
    if (number < atomic_load(&orders->first) || number > atomic_load(&orders->last) ||
        atomic_load(&orders->first) == 0) {
        return 0;
    }
    atomic_fetch_add(&orders->failed, 1);
    errno = atomic_load(&orders->error);
    return 1;
}

static int is_file(int fd) {
    if (orders == NULL || atomic_load(&orders->kinds) == 0) return 0;
    struct stat status;
    const int before = errno;
    const int regular = fd > 2 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    errno = before;
    return regular;
}

// The next definition of the function that this line stands in.
#define NEXT(type, name)                                             \
    static type (*next)();                                           \
    if (next == NULL) next = (type(*)())dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                                   \
    int name(const char* path, int flags, ...) {                     \
        va_list rest;                                                \
        va_start(rest, flags);                                       \
        const int mode = va_arg(rest, int);                          \
        va_end(rest);                                                \
        if (fails(kOpen)) return -1;                                 \
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                           \
    int name(int folder, const char* path, int flags, ...) {   \
        va_list rest;                                          \
        va_start(rest, flags);                                 \
        const int mode = va_arg(rest, int);                    \
        va_end(rest);                                          \
        if (fails(kOpen)) return -1;                           \
        return (int)syscall(SYS_openat, folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void* data, size_t size) {
    if (is_file(fd) && fails(kWrite)) return -1;
    return syscall(SYS_write, fd, data, size);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
    if (is_file(fd) && fails(kWrite)) return -1;
    return syscall(SYS_writev, fd, parts, count);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
    if (is_file(fd) && fails(kWrite)) return -1;
    return syscall(SYS_pwrite64, fd, data, size, at);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
    return pwrite(fd, data, size, at);
}
ssize_t read(int fd, void* data, size_t size) {
    if (is_file(fd) && fails(kRead)) return -1;
    return syscall(SYS_read, fd, data, size);
}
ssize_t pread(int fd, void* data, size_t size, off_t at) {
    if (is_file(fd) && fails(kRead)) return -1;
    return syscall(SYS_pread64, fd, data, size, at);
}
ssize_t pread64(int fd, void* data, size_t size, off64_t at) { return pread(fd, data, size, at); }

int fsync(int fd) { return fails(kSync) ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return fails(kSync) ? -1 : (int)syscall(SYS_fdatasync, fd); }
int rename(const char* from, const char* to) {
    return fails(kRename) ? -1 : (int)syscall(SYS_rename, from, to);
}
int ftruncate(int fd, off_t size) {
    return fails(kTruncate) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }
int fallocate(int fd, int mode, off_t at, off_t size) {
    return fails(kTruncate) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, size);
}
int fallocate64(int fd, int mode, off64_t at, off64_t size) {
    return fallocate(fd, mode, at, size);
}
int posix_fallocate(int fd, off_t at, off_t size) {
    return fallocate(fd, 0, at, size) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off64_t at, off64_t size) { return posix_fallocate(fd, at, size); }
int mkdir(const char* path, mode_t mode) {
    return fails(kFolder) ? -1 : (int)syscall(SYS_mkdir, path, mode);
}
int unlink(const char* path) { return fails(kFolder) ? -1 : (int)syscall(SYS_unlink, path); }

int accept4(int fd, struct sockaddr* address, socklen_t* size, int flags) {
    return fails(kAccept) ? -1 : (int)syscall(SYS_accept4, fd, address, size, flags);
}
int accept(int fd, struct sockaddr* address, socklen_t* size) {
    return accept4(fd, address, size, 0);
}
int socket(int domain, int type, int protocol) {
    return fails(kSocket) ? -1 : (int)syscall(SYS_socket, domain, type, protocol);
}
int socketpair(int domain, int type, int protocol, int ends[2]) {
    return fails(kSocket) ? -1 : (int)syscall(SYS_socketpair, domain, type, protocol, ends);
}
int pipe2(int ends[2], int flags) {
    return fails(kSocket) ? -1 : (int)syscall(SYS_pipe2, ends, flags);
}
void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
    if (fails(kMap)) return MAP_FAILED;
    return (void*)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}
void* mmap64(void* at, size_t size, int protection, int flags, int fd, off64_t offset) {
    return mmap(at, size, protection, flags, fd, offset);
}

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
void* malloc(size_t size) { return fails(kMemory) ? NULL : __libc_malloc(size); }
void* calloc(size_t count, size_t size) {
    return fails(kMemory) ? NULL : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) { return fails(kMemory) ? NULL : __libc_realloc(old, size); }

// --- the wall clock; the monotonic one goes on as it was ------------------------------------------

static int64_t shift_ms(void) { return orders == NULL ? 0 : atomic_load(&orders->clock_ms); }

static void shift(struct timespec* time) {
    const int64_t ms = time->tv_nsec / 1000000 + shift_ms();
    int64_t seconds = ms / 1000;
    int64_t rest = ms % 1000;
    if (rest < 0) {
        rest += 1000;
        --seconds;
    }
    time->tv_sec += seconds;
    time->tv_nsec = time->tv_nsec % 1000000 + rest * 1000000;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
    NEXT(int, clock_gettime);
    const int done = next(clock, time);
    const int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (done == 0 && is_wall && shift_ms() != 0) shift(time);
    return done;
}
int gettimeofday(struct timeval* restrict time, void* restrict zone) {
    (void)zone;
    struct timespec now;
    const int done = clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return done;
}
time_t time(time_t* out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}
