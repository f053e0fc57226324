/* Processes that are not our children; here children of a process in between. */
#include "sys/process/orphan.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/process/pidfd.h"

TestSuite(orphan, .timeout = 20);

static int out[2];

static pid_t start(void)
{
        cr_assert_eq(pipe(out), 0);
        pid_t pid = fork();
        if (pid == 0) {
                dup2(out[1], 1);
                close(out[0]);
                for (;;)
                        pause();
        }
        return pid;
}

static struct orphan known(pid_t pid)
{
        struct proc_entry entry;

        cr_assert(proc_entry_read(pid, &entry));
        return (struct orphan){ pid, entry.start_ticks, entry.start_ticks };
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

Test(orphan, is_held_by_pid_and_start_time)
{
        uint64_t before = orphan_ticks_now();
        pid_t pid = start(), parent;
        struct orphan o = { pid, before - 1, orphan_ticks_now() + 1 };
        int fd;

        cr_expect_eq(orphan_hold(sys_real(), &o, &fd, &parent), ORPHAN_LIVES);
        cr_expect_eq(o.start_low, known(pid).start_low);
        cr_expect_eq(parent, getpid());
        cr_expect_eq(sys_process_real.pidfd_kill(NULL, fd, SIGTERM), 0);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        cr_expect_eq(poll(&p, 1, 10000), 1);
        close(fd);
        end(pid);
}

Test(orphan, is_not_taken_for_another_with_its_number)
{
        pid_t pid = start(), parent;
        struct orphan o = known(pid);
        int fd;

        o.start_low -= 100;
        o.start_high -= 100;
        cr_expect_eq(orphan_hold(sys_real(), &o, &fd, &parent), ORPHAN_GONE);
        cr_expect_eq(fd, -1);
        end(pid);
        cr_expect_eq(orphan_hold(sys_real(), &o, &fd, &parent), ORPHAN_GONE);
}

#define ROOM_MAX 2

/* The number below which so many are free: others may be in use between them. */
static int limit_for(int room)
{
        int fds[ROOM_MAX + 1], limit = 0;

        for (int i = 0; i <= room; i++)
                fds[i] = limit = open("/dev/null", O_RDONLY | O_CLOEXEC);
        for (int i = 0; i <= room; i++)
                close(fds[i]);
        return limit;
}

/* With `room` descriptors that may still be opened. */
static enum orphan_found hold_with(struct orphan *o, int room, int *error_out)
{
        struct rlimit was, now;
        pid_t parent;
        int fd = -1;

        getrlimit(RLIMIT_NOFILE, &was);
        now = (struct rlimit){ .rlim_cur = (rlim_t)limit_for(room), .rlim_max = was.rlim_max };
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &now), 0);
        enum orphan_found found = orphan_hold(sys_real(), o, &fd, &parent);
        *error_out = errno;
        setrlimit(RLIMIT_NOFILE, &was);
        cr_expect_eq(fd >= 0, found == ORPHAN_LIVES || found == ORPHAN_ENDED);
        if (fd >= 0)
                close(fd);
        return found;
}

Test(orphan, that_cannot_be_looked_at_is_not_gone)
{
        pid_t pid = start();
        struct orphan o = known(pid), other = o;
        int error;

        other.start_low = other.start_high = o.start_low + 100;
        for (int room = 0; room < 2; room++) {
                cr_expect_eq(hold_with(&o, room, &error), ORPHAN_REFUSED, "%d free", room);
                cr_expect_eq(error, EMFILE, "%d free: %d", room, error);
        }
        cr_expect_eq(hold_with(&o, 2, &error), ORPHAN_LIVES);
        cr_expect_eq(hold_with(&other, 1, &error), ORPHAN_REFUSED, "nothing tells it from another");
        cr_expect_eq(hold_with(&other, 2, &error), ORPHAN_GONE);
        end(pid);
        for (int room = 0; room <= ROOM_MAX; room++)
                cr_expect_eq(hold_with(&o, room, &error), ORPHAN_GONE, "%d free", room);
}

/* Says its number, and is there until it is told to end. */
static void *wait_here(void *arg)
{
        const int *ends = arg; /* where to say it, where it is told */
        pid_t self = (pid_t)syscall(SYS_gettid);
        char told;

        if (write(ends[0], &self, sizeof self) == (ssize_t)sizeof self)
                cr_expect_eq(read(ends[1], &told, 1), 1);
        return NULL;
}

Test(orphan, whose_number_is_a_threads_by_now_is_gone)
{
        struct orphan o = { .start_low = 1, .start_high = 1 };
        pthread_t thread;
        pid_t parent;
        int said[2], told[2], fd;

        cr_assert(pipe(said) == 0 && pipe(told) == 0);
        int ends[2] = { said[1], told[0] };
        cr_assert_eq(pthread_create(&thread, NULL, wait_here, ends), 0);
        cr_assert_eq(read(said[0], &o.pid, sizeof o.pid), (ssize_t)sizeof o.pid);
        cr_expect_eq(orphan_hold(sys_real(), &o, &fd, &parent), ORPHAN_GONE);
        cr_assert_eq(write(told[1], "x", 1), 1);
        pthread_join(thread, NULL);
}

Test(orphan, tells_its_status_while_it_is_a_zombie)
{
        static const struct {
                int code, sig, status;
        } rows[] = { { 7, 0, 7 << 8 }, { 0, 0, 0 }, { 0, SIGTERM, SIGTERM } };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                pid_t parent, pid = fork();
                int fd, status = -1;
                if (pid == 0) {
                        if (rows[i].sig)
                                raise(rows[i].sig);
                        _exit(rows[i].code);
                }
                siginfo_t info;
                cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
                struct orphan o = known(pid);
                cr_expect_eq(orphan_hold(sys_real(), &o, &fd, &parent), ORPHAN_ENDED);
                cr_expect_eq(orphan_end(sys_real(), &o, fd, &status), END_KNOWN);
                cr_expect_eq(status, rows[i].status, "row %zu: %d", i, status);
                waitpid(pid, NULL, 0);
                status = -1;
                /* reaped: only a kernel of 6.15 or later still knows */
                if (orphan_end(sys_real(), &o, fd, &status) == END_KNOWN)
                        cr_expect_eq(status, rows[i].status, "row %zu: %d", i, status);
                close(fd);
        }
}

Test(orphan, gives_its_pipe_again_and_no_other)
{
        struct stat st;
        char text[8];
        pid_t pid = start();

        cr_assert_eq(fstat(out[0], &st), 0);
        int again = sys_process_real.pipe_of(NULL, pid, 1, st.st_ino, O_RDONLY);
        cr_assert_geq(again, 0);
        cr_expect_eq(write(out[1], "hello", 5), 5);
        cr_expect_eq(read(again, text, sizeof text), 5);
        cr_expect_eq(fcntl(again, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        close(again);
        again = sys_process_real.pipe_of(NULL, pid, 2, st.st_ino,
                                         O_RDONLY); /* it is not there, but somewhere */
        cr_expect_geq(again, 0);
        close(again);
        cr_expect_eq(sys_process_real.pipe_of(NULL, pid, 1, st.st_ino + 1, O_RDONLY), -1);
        cr_expect_eq(errno, ENOENT);
        end(pid);
}

Test(orphan, gives_a_copy_of_its_listening_socket)
{
        struct sockaddr_un any = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any.sun_family) == 0);
        cr_assert_eq(listen(fd, 1), 0);
        pid_t pid = fork();
        if (pid == 0) {
                dup2(fd, 0);
                for (;;)
                        pause();
        }
        struct orphan o = known(pid);
        int copy = -1;
        for (int i = 0; copy < 0 && i < 1000; i++, usleep(1000))
                copy = orphan_socket(sys_real(), &o, 0);
        cr_expect_geq(copy, 0);
        close(copy);
        cr_expect_eq(orphan_socket(sys_real(), &o, 1), -1);
        end(pid);
}
