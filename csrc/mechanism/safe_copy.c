#include "safe_copy.h"

#ifdef __linux__

#  include <errno.h>
#  include <sys/syscall.h>
#  include <sys/uio.h>
#  include <unistd.h>

/* The least size of a page. */
#  define PAGE ((uintptr_t)4096)

/* The kernel reads the set of signals before it finds that ~0 is no way to change it. */
static bool
is_readable(uintptr_t address)
{
    const uintptr_t word = address & ~(uintptr_t)7;
    return syscall(SYS_rt_sigprocmask, ~0, word, NULL, (size_t)8) == -1 && errno != EFAULT;
}

bool
safe_copy(void *to, const void *from, size_t size)
{
    struct iovec local = {to, size}, remote = {(void *)from, size};
    if (from == NULL) {
        return false;
    }
    long copied = syscall(SYS_process_vm_readv, getpid(), &local, 1L, &remote, 1L, 0L);
    if (copied >= 0 || errno == EFAULT) {
        return copied == (long)size;
    }
    /* A filter of system calls, as containers have, may forbid that one. */
    const uintptr_t first = (uintptr_t)from, last = first + size - 1;
    if (!is_readable(first) || (first / PAGE != last / PAGE && !is_readable(last))) {
        return false;
    }
    memcpy(to, from, size);
    return true;
}

#else

bool
safe_copy(void *to, const void *from, size_t size)
{
    if (from == NULL) {
        return false;
    }
    memcpy(to, from, size);
    return true;
}

#endif
