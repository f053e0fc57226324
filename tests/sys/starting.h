/* Starting a shell script as a worker and hearing what it says. */
#ifndef TESTS_SYS_STARTING_H
#define TESTS_SYS_STARTING_H

#include "isolated.h"

#include <poll.h>

#include "base/fd.h"
#include "base/unconst.h"
#include "sys/process/spawn.h"

static struct spawner spawner; /* each test is a process of its own */
static char said[65536];       /* what the last worker wrote to stdout and stderr */

static char *shell_argv[] = { (char *)"sh", (char *)"-c", NULL, NULL };
static char *some_env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"COLOUR=green", NULL };

__attribute__((unused)) static struct launch a_shell(const char *script)
{
        static sigset_t empty;

        sigemptyset(&empty);
        shell_argv[2] = unconst(script);
        return (struct launch){ .path = "/bin/sh",
                                .argv = shell_argv,
                                .envp = some_env,
                                .umask = -1,
                                .fds = { -1, -1, -1 },
                                .mask = &empty };
}

/* Through the starter, and by a copy of this process. */
__attribute__((unused)) static void both_ways(int (*body)(void))
{
        isolated(body);
        snprintf(spawner.why_copied, sizeof spawner.why_copied, "the test wants it");
        isolated(body);
        spawner.why_copied[0] = '\0';
}

/* Start it and wait for the result; a child that failed is reaped. */
__attribute__((unused)) static bool start_through(struct launch *l, struct spawned *out)
{
        enum spawn_progress got = SPAWN_UNDER_WAY;

        if (!spawner_start(&spawner, l, out))
                return false;
        while ((got = spawner_look(out)) == SPAWN_UNDER_WAY) {
                struct pollfd said_more = { .fd = out->report, .events = POLLIN };
                poll(&said_more, 1, -1);
        }
        fd_close(&out->report);
        if (got == SPAWN_EXECUTED)
                return true;
        waitpid(out->pid, NULL, 0);
        out->pid = -1;
        return false;
}

/* Start it on /dev/null and one pipe. The pipe's reading end, -1: not started. */
__attribute__((unused)) static int start(struct launch *l, struct spawned *out)
{
        int ends[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        l->fds[0] = null;
        l->fds[1] = l->fds[2] = ends[1];
        bool started = start_through(l, out);
        close(null);
        close(ends[1]);
        if (started)
                return ends[0];
        close(ends[0]);
        return -1;
}

/* Start it, wait for its end: its exit code, -1 when it did not start. said has its words. */
__attribute__((unused)) static int run(struct launch *l, struct spawned *out)
{
        int fd = start(l, out), status = -1;
        size_t len = 0;
        ssize_t n;

        said[0] = '\0';
        if (fd < 0)
                return -1;
        while ((n = read(fd, said + len, sizeof said - 1 - len)) > 0)
                len += (size_t)n;
        said[len] = '\0';
        close(fd);
        if (waitpid(out->pid, &status, 0) != out->pid || !WIFEXITED(status))
                return -1;
        return WEXITSTATUS(status);
}

__attribute__((unused)) static int say(const char *script)
{
        struct launch l = a_shell(script);
        struct spawned out;

        return run(&l, &out);
}

/* It fails there, and no child is left to be waited for. */
__attribute__((unused)) static bool fails(struct launch *l, enum spawn_step step, int error)
{
        struct spawned out;

        if (run(l, &out) != -1 || out.pid > 0)
                return false;
        if (out.step != step || out.error != error) {
                dprintf(2, "failed at '%s': %s\n", spawn_step_word(out.step), strerror(out.error));
                return false;
        }
        return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

__attribute__((unused)) static const char list_fds[] =
    "for f in /proc/self/fd/*; do [ -e $f ] && printf '%s ' ${f##*/}; done; true";

/* Inheritable descriptors that no worker should see. */
__attribute__((unused)) static void litter(int count)
{
        for (int i = 0; i < count; i++)
                if (open("/dev/null", O_RDONLY) < 0)
                        return;
}

#endif
