/* The other side of base/fault_point.h. Linked into the tests' daemon only. */
#ifndef FAULT_POINTS
#define FAULT_POINTS
#endif
#include "base/fault_point.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define VARIABLE "SUPERVISORD_FAULT"

/* Global, because places all over the house have nothing in common; written once, at the start. The
 * count is shared with children that are being started: they pass places, too. */
static struct {
        const char *wishes; /* the variable's text; NULL: not armed */
        pid_t daemon;
        atomic_long *passed;
} armed;

void fault_points_arm(void)
{
        armed.daemon = getpid();
        armed.passed = mmap(NULL, sizeof *armed.passed, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (armed.passed != MAP_FAILED)
                armed.wishes = getenv(VARIABLE);
}

/* "NAME" or "NAM*" at the beginning of a wish; what is behind it, or NULL. */
static const char *match(const char *wish, const char *name)
{
        size_t same = 0;

        while (name[same] && wish[same] == name[same])
                same++;
        if (wish[same] == '*')
                return wish + same + 1;
        return name[same] ? NULL : wish + same;
}

static const char *next_wish(const char *wish)
{
        const char *comma = strchr(wish, ',');

        return comma ? comma + 1 : NULL;
}

bool fault_switch(const char *name)
{
        for (const char *wish = armed.wishes; wish; wish = next_wish(wish)) {
                const char *rest = match(wish, name);
                if (rest && (*rest == '\0' || *rest == ','))
                        return true;
        }
        return false;
}

/* Only the child's side of a start survives this. It waits a little, so that the next
 * instance finds it as it is. */
static void die(void)
{
        const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

        syscall(SYS_kill, armed.daemon, SIGKILL);
        syscall(SYS_nanosleep, &pause, NULL);
}

static void fail(const char *how)
{
        if (strncmp(how, ":crash", 6) == 0)
                abort();
        die();
}

void fault_point(const char *name)
{
        char *how;

        for (const char *wish = armed.wishes; wish; wish = next_wish(wish)) {
                const char *rest = match(wish, name);
                if (rest && *rest == ':' &&
                    atomic_fetch_add(armed.passed, 1) + 1 == strtol(rest + 1, &how, 10))
                        fail(how);
        }
}
