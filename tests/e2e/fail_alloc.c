/* Linked into a daemon of its own (make build/test/short/supervisord): allocations of our own code
 * fail by chance, as a story says in a page that it shares with the daemon. The file that
 * FAIL_ALLOC names is that page; without it nothing fails.
 *
 * The linker sends our calls here (--wrap); libraries, which are outside of this program, call the
 * C library's, or the sanitizer's, as ever. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* case_alloc.py has the same. */
struct page {
        atomic_uint_fast64_t dice;  /* the seed, and whatever became of it */
        atomic_uint_fast64_t every; /* one of so many fails; 0: none does */
        atomic_uint_fast64_t asked; /* while some failed */
        atomic_uint_fast64_t failed;
};

static struct page *page;

__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("FAIL_ALLOC");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

        if (fd < 0)
                return;
        void *at = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED)
                page = at;
        close(fd);
        unsetenv("FAIL_ALLOC");
}

/* splitmix64: any seed will do, and threads may share it. */
static uint64_t throw_dice(void)
{
        const uint64_t step = 0x9e3779b97f4a7c15;
        uint64_t z = atomic_fetch_add(&page->dice, step) + step;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

static bool fails(void)
{
        uint64_t every = page ? atomic_load(&page->every) : 0;

        if (every == 0)
                return false;
        atomic_fetch_add(&page->asked, 1);
        if (throw_dice() % every != 0)
                return false;
        atomic_fetch_add(&page->failed, 1);
        errno = ENOMEM;
        return true;
}

#define WRAPPED(type, name, parameters, arguments)               \
        type __real_##name parameters;                           \
        type __wrap_##name parameters;                           \
        type __wrap_##name parameters                            \
        {                                                        \
                return fails() ? NULL : __real_##name arguments; \
        }

WRAPPED(void *, malloc, (size_t size), (size))
WRAPPED(void *, calloc, (size_t count, size_t size), (count, size))
WRAPPED(void *, realloc, (void *p, size_t size), (p, size))
WRAPPED(char *, strdup, (const char *text), (text))
WRAPPED(char *, strndup, (const char *text, size_t most), (text, most))

int __wrap_asprintf(char **text, const char *form, ...);
int __wrap_asprintf(char **text, const char *form, ...)
{
        va_list list;

        va_start(list, form);
        int len = fails() ? -1 : vasprintf(text, form, list);
        va_end(list);
        return len;
}
