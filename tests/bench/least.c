/* The least that a supervisor must do, as a measure for the others: it starts so many workers, each
 * in a session of its own, learns by a pipe whether exec has worked, and starts again what ends.
 * SIGTERM ends it and them. No configuration, no state, no log, no clients.
 * usage: least COUNT WORKER */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t *pids;
static size_t count;
static char *worker;
static int loop;
static sigset_t signals;

static void die(const char *what)
{
        fprintf(stderr, "least: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void watch(int fd)
{
        struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

        if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) < 0)
                die("epoll_ctl");
}

/* In the child: only what may be called behind a fork. */
static void become_worker(int report)
{
        char *argv[] = { worker, NULL };

        setsid();
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
        execv(worker, argv);
        int error = errno;
        if (write(report, &error, sizeof error) < 0)
                _exit(126);
        _exit(127);
}

static void start(size_t i)
{
        int report[2];

        if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
                die("pipe");
        pids[i] = fork();
        if (pids[i] < 0)
                die("fork");
        if (pids[i] == 0)
                become_worker(report[1]);
        close(report[1]);
        watch(report[0]);
}

/* exec has closed the pipe, or the child says why it could not. */
static void take_report(int report)
{
        if (read(report, &errno, sizeof errno) > 0)
                die(worker);
        close(report);
}

static void restart_ended(void)
{
        siginfo_t ended = { 0 };

        while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG) == 0 && ended.si_pid) {
                for (size_t i = 0; i < count; i++)
                        if (pids[i] == ended.si_pid)
                                start(i);
                ended.si_pid = 0;
        }
}

static void end(void)
{
        for (size_t i = 0; i < count; i++)
                kill(pids[i], SIGTERM);
        while (wait(NULL) > 0)
                ;
        exit(0);
}

int main(int argc, char **argv)
{
        struct signalfd_siginfo said;
        struct epoll_event ready;

        if (argc != 3 || (count = strtoul(argv[1], NULL, 10)) == 0) {
                fprintf(stderr, "usage: least COUNT WORKER\n");
                return 2;
        }
        worker = argv[2];
        pids = calloc(count, sizeof *pids);
        sigemptyset(&signals);
        sigaddset(&signals, SIGCHLD);
        sigaddset(&signals, SIGTERM);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        int told = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        loop = epoll_create1(EPOLL_CLOEXEC);
        if (!pids || told < 0 || loop < 0)
                die("begin");
        watch(told);
        for (size_t i = 0; i < count; i++)
                start(i);
        for (;;) {
                if (epoll_wait(loop, &ready, 1, -1) < 1)
                        continue;
                if (ready.data.fd != told)
                        take_report(ready.data.fd);
                else if (read(told, &said, sizeof said) > 0 && said.ssi_signo == SIGTERM)
                        end();
                else
                        restart_ended();
        }
}
