/* Preloaded into a daemon: one of its opens, counted over the life of the process, fails as the
 * story says. FAIL_OPEN is "NUMBER ERRNO"; the file that FAIL_SIGN names is made when it has come
 * to that. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int passed;

static int fails(void)
{
        const char *wish = getenv("FAIL_OPEN");
        int number, error;

        if (!wish || sscanf(wish, "%d %d", &number, &error) != 2 ||
            atomic_fetch_add(&passed, 1) + 1 != number)
                return 0;
        if (getenv("FAIL_SIGN"))
                close((int)syscall(SYS_openat, AT_FDCWD, getenv("FAIL_SIGN"),
                                   O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        errno = error;
        return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static mode_t mode_of(int flags, va_list list)
{
        return flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
        va_list list;

        va_start(list, flags);
        mode_t mode = mode_of(flags, list);
        va_end(list);
        return fails() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
        va_list list;

        va_start(list, flags);
        mode_t mode = mode_of(flags, list);
        va_end(list);
        return fails() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
        va_list list;

        va_start(list, flags);
        mode_t mode = mode_of(flags, list);
        va_end(list);
        return fails() ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

DIR *opendir(const char *path)
{
        return fails() ? NULL : REAL(opendir)(path);
}

/* pidfd_open, and openat2 where it is called by number. */
long syscall(long number, ...)
{
        va_list list;
        long a[6];

        va_start(list, number);
        for (int i = 0; i < 6; i++)
                a[i] = va_arg(list, long);
        va_end(list);
        if ((number == SYS_pidfd_open || number == SYS_openat2) && fails())
                return -1;
        return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
