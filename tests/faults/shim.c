/* Every call that changes something below one folder is a numbered step. Each is told to a log
   before it is made, and one of them can be the last thing the process does, or can fail.

   Preloaded before libc, so that it sees Python, Rust and C++ alike. Nothing counts until
   `faults_arm` is called. Real work is done by raw system calls, which do not come back here. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KILL = 0, SHORT = -1, FULL = -2 }; /* any other kind is the errno of the failing call */

static char root[PATH_MAX];
static size_t root_length;
static int log_file = -1, kind;
static long stop_at;
static atomic_long steps;
static atomic_int disk_is_full;

/* From now on count below `folder`. At step `at` comes what `how` says; 0 is never reached. */
void faults_arm(const char *folder, const char *log, long at, int how)
{
    root_length = strlen(folder);
    memcpy(root, folder, root_length + 1);
    stop_at = at;
    kind = how;
    log_file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static void end(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

/* The path below the root that a call is about, NULL when it is about another. */
static const char *below(char *buffer, int folder, const char *path)
{
    int before = errno;
    char link[40];
    size_t length = 0;
    if (log_file < 0)
        return NULL;
    if (!path || path[0] != '/') {
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t found = readlink(link, buffer, PATH_MAX - 1);
        length = found < 0 ? 0 : found;
        errno = before;
    }
    snprintf(buffer + length, PATH_MAX - length, "%s%s", length && path ? "/" : "", path ? path : "");
    if (!length && !path)
        return NULL;
    if (strncmp(buffer, root, root_length) || (buffer[root_length] && buffer[root_length] != '/'))
        return NULL;
    return buffer[root_length] ? buffer + root_length + 1 : ".";
}

/* Take a step: KILL (that is, go on), SHORT, FULL, or the errno to fail with. */
static int step(const char *call, const char *path, const char *other, int takes_space)
{
    int before = errno;
    char line[2 * PATH_MAX + 64];
    long number = atomic_fetch_add(&steps, 1) + 1;
    int size = snprintf(line, sizeof line, "%ld\t%s\t%s\t%s\n", number, call, path, other);
    syscall(SYS_write, log_file, line, size);
    errno = before;
    if (number == stop_at) {
        if (kind == KILL)
            end();
        if (kind == FULL)
            atomic_store(&disk_is_full, 1);
        return kind;
    }
    return takes_space && atomic_load(&disk_is_full) ? ENOSPC : 0;
}

/* 0 when a call about names may be made, else -1. */
static int refused(const char *call, int folder, const char *path, int to_folder, const char *to,
                   int takes_space)
{
    char one[PATH_MAX], two[PATH_MAX];
    const char *from_here = below(one, folder, path);
    const char *to_here = to ? below(two, to_folder, to) : NULL;
    if (!from_here && !to_here)
        return 0;
    int found = step(call, from_here ? from_here : "?", to_here ? to_here : "", takes_space);
    if (found == SHORT)
        end();
    if (found == FULL)
        found = takes_space ? ENOSPC : 0;
    if (found)
        errno = found;
    return found ? -1 : 0;
}

/* How many of `size` bytes may be written, or -1; `last` when the process ends with them. */
static ssize_t room(const char *call, int file, size_t size, int *last)
{
    char buffer[PATH_MAX];
    const char *path = below(buffer, file, NULL);
    *last = 0;
    int found = path ? step(call, path, "", 1) : 0;
    if (found == SHORT)
        *last = 1;
    if (found == SHORT || (found == FULL && size > 1))
        return size / 2;
    if (found)
        errno = found == FULL ? ENOSPC : found;
    return found ? -1 : (ssize_t)size;
}

#define WRITES(call, file, size, made)                                  \
    int last;                                                           \
    ssize_t some = room(call, file, size, &last);                       \
    if (some < 0)                                                       \
        return -1;                                                      \
    ssize_t done = made;                                                \
    if (last)                                                           \
        end();                                                          \
    return done

ssize_t write(int file, const void *data, size_t size)
{
    WRITES("write", file, size, syscall(SYS_write, file, data, some));
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t where)
{
    WRITES("pwrite", file, size, syscall(SYS_pwrite64, file, data, some, where));
}

ssize_t writev(int file, const struct iovec *parts, int number)
{
    size_t size = 0;
    for (int each = 0; each < number; each++)
        size += parts[each].iov_len;
    WRITES("writev", file, size,
           some == (ssize_t)size ? syscall(SYS_writev, file, parts, number)
                                 : syscall(SYS_write, file, parts[0].iov_base, parts[0].iov_len / 2));
}

ssize_t sendfile64(int file, int from, off64_t *where, size_t size)
{
    WRITES("sendfile", file, size, syscall(SYS_sendfile, file, from, where, some));
}

ssize_t copy_file_range(int from, off64_t *where, int file, off64_t *to, size_t size, unsigned flags)
{
    WRITES("copy_file_range", file, size,
           syscall(SYS_copy_file_range, from, where, file, to, some, flags));
}

static int opened(int folder, const char *path, int flags, int mode)
{
    if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))
        && refused("open", folder, path, 0, NULL, flags & O_CREAT))
        return -1;
    return syscall(SYS_openat, folder, path, flags, mode);
}

#define MODE(flags)                                                     \
    va_list rest;                                                       \
    va_start(rest, flags);                                              \
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;   \
    va_end(rest)

int openat64(int folder, const char *path, int flags, ...)
{
    MODE(flags);
    return opened(folder, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags);
    return opened(AT_FDCWD, path, flags, mode);
}

int creat64(const char *path, mode_t mode)
{
    return opened(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

#define CALL(name, arguments, refusal, ...)                             \
    int name arguments { return refusal ?: (int)syscall(__VA_ARGS__); }
#define OF_FILE(name, space) refused(#name, file, NULL, 0, NULL, space)
#define OF_NAME(name, folder, space) refused(#name, folder, path, 0, NULL, space)
#define OF_NAMES(name, folder, to_folder) refused(#name, folder, path, to_folder, to, 0)

CALL(fsync, (int file), OF_FILE(fsync, 0), SYS_fsync, file)
CALL(fdatasync, (int file), OF_FILE(fdatasync, 0), SYS_fdatasync, file)
CALL(ftruncate64, (int file, off64_t size), OF_FILE(ftruncate, 0), SYS_ftruncate, file, size)
CALL(fallocate64, (int file, int how, off64_t from, off64_t size), OF_FILE(fallocate, 1),
     SYS_fallocate, file, how, from, size)
CALL(truncate64, (const char *path, off64_t size), OF_NAME(truncate, AT_FDCWD, 0),
     SYS_truncate, path, size)
CALL(mkdir, (const char *path, mode_t mode), OF_NAME(mkdir, AT_FDCWD, 1),
     SYS_mkdirat, AT_FDCWD, path, mode)
CALL(mkdirat, (int folder, const char *path, mode_t mode), OF_NAME(mkdir, folder, 1),
     SYS_mkdirat, folder, path, mode)
CALL(unlink, (const char *path), OF_NAME(unlink, AT_FDCWD, 0), SYS_unlinkat, AT_FDCWD, path, 0)
CALL(remove, (const char *path), OF_NAME(unlink, AT_FDCWD, 0), SYS_unlinkat, AT_FDCWD, path, 0)
CALL(rmdir, (const char *path), OF_NAME(rmdir, AT_FDCWD, 0),
     SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR)
CALL(unlinkat, (int folder, const char *path, int how), OF_NAME(unlink, folder, 0),
     SYS_unlinkat, folder, path, how)
CALL(symlink, (const char *to, const char *path), OF_NAME(symlink, AT_FDCWD, 1),
     SYS_symlinkat, to, AT_FDCWD, path)
CALL(link, (const char *path, const char *to), OF_NAMES(link, AT_FDCWD, AT_FDCWD),
     SYS_linkat, AT_FDCWD, path, AT_FDCWD, to, 0)
CALL(linkat, (int folder, const char *path, int to_folder, const char *to, int how),
     OF_NAMES(link, folder, to_folder), SYS_linkat, folder, path, to_folder, to, how)
CALL(rename, (const char *path, const char *to), OF_NAMES(rename, AT_FDCWD, AT_FDCWD),
     SYS_renameat2, AT_FDCWD, path, AT_FDCWD, to, 0)
CALL(renameat, (int folder, const char *path, int to_folder, const char *to),
     OF_NAMES(rename, folder, to_folder), SYS_renameat2, folder, path, to_folder, to, 0)
CALL(renameat2, (int folder, const char *path, int to_folder, const char *to, unsigned how),
     OF_NAMES(rename, folder, to_folder), SYS_renameat2, folder, path, to_folder, to, how)

/* The same calls by their other names; a 64-bit machine has one kind of offset. */
#define ALSO(name, original) extern __typeof(original) name __attribute__((alias(#original)))
ALSO(open, open64);
ALSO(openat, openat64);
ALSO(creat, creat64);
ALSO(pwrite, pwrite64);
ALSO(sendfile, sendfile64);
ALSO(ftruncate, ftruncate64);
ALSO(truncate, truncate64);
ALSO(fallocate, fallocate64);
