/* A test body in a process of its own: it may close, limit, filter and become what it likes.
 * The body returns 0, or fails with CHECK; SKIPPED says that this machine or user cannot do it. */
#ifndef TESTS_SYS_ISOLATED_H
#define TESTS_SYS_ISOLATED_H

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77
#define CHECK(cond)                                                                             \
        do                                                                                      \
                if (!(cond)) {                                                                  \
                        dprintf(2, "%s:%d: not so: %s (errno %s)\n", __FILE__, __LINE__, #cond, \
                                strerror(errno));                                               \
                        return 1;                                                               \
                }                                                                               \
        while (0)

/* Run body with nothing but 0, 1 and 2 open. */
/* Whether a race goes on: so many rounds, or RACE_SECONDS (make check-long). */
__attribute__((unused)) static bool race_goes_on(int round, int rounds)
{
        static struct timespec begun;
        struct timespec now;
        const char *seconds = getenv("RACE_SECONDS");

        clock_gettime(CLOCK_MONOTONIC, &now);
        if (round == 0)
                begun = now;
        return round < rounds || (seconds && now.tv_sec - begun.tv_sec < atol(seconds));
}

__attribute__((unused)) static void isolated(int (*body)(void))
{
        int status = 0;
        pid_t pid = fork();

        cr_assert_geq(pid, 0);
        if (pid == 0) {
                if (syscall(SYS_close_range, 3, ~0U, 0) < 0)
                        for (int fd = 3; fd < 1024; fd++)
                                close(fd);
                _exit(body());
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFEXITED(status), "the body was killed by signal %d", WTERMSIG(status));
        if (WEXITSTATUS(status) == SKIPPED) {
                /* run_unit counts these; cr_skip_test would skip the teardown too */
                fprintf(stderr, "skipped: %s::%s: %s\n", criterion_current_test->category,
                        criterion_current_test->name,
                        geteuid() == 0 ? "not on this machine" : "not as this user");
                return;
        }
        cr_assert_eq(WEXITSTATUS(status), 0);
}

/* From now on these system calls of this process and its children fail with this errno. */
__attribute__((unused)) static bool forbid(const int *calls, size_t count, int error)
{
        struct sock_filter code[32];
        size_t n = 0;

        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                 offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < count; i++) {
                code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                         (unsigned)calls[i], 0, 1);
                code[n++] = (struct sock_filter)BPF_STMT(
                    BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA));
        }
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        struct sock_fprog program = { .len = (unsigned short)n, .filter = code };
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

__attribute__((unused)) static bool forbid_one(int call, int error)
{
        return forbid(&call, 1, error);
}

/* A fresh directory; the caller removes it. */
__attribute__((unused)) static const char *fresh_dir(char *room, size_t size)
{
        snprintf(room, size, "/tmp/sys-test-XXXXXX");
        return mkdtemp(room);
}

__attribute__((unused)) static void remove_dir(const char *dir)
{
        char command[512];

        snprintf(command, sizeof command, "rm -rf '%s'", dir);
        if (system(command) != 0)
                fprintf(stderr, "could not remove %s\n", dir);
}

#endif
