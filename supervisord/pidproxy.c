/* pidproxy PIDFILE COMMAND...: stands in for a program that puts itself into the background. Runs
 * the command, sends the signals that it gets to the pid in the file, and ends with it.
 * compat 21.6. No polling: it sleeps until a signal comes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

enum { EXIT_USAGE = 1, EXIT_NO_EXEC = 127 };

static const int passed_on[] = { SIGTERM, SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGQUIT };

static pid_t read_pid(const char *path)
{
        FILE *f = fopen(path, "re");
        long pid = 0;
        char line[32];

        if (f && fgets(line, sizeof line, f))
                pid = strtol(line, NULL, 10);
        if (f)
                fclose(f);
        return pid > 0 ? (pid_t)pid : 0;
}

static void pass_on(const char *path, int sig)
{
        pid_t pid = read_pid(path);

        if (!pid)
                fprintf(stderr, "pidproxy: no pid in %s; signal %d is not passed on\n", path, sig);
        else if (kill(pid, sig) != 0)
                fprintf(stderr, "pidproxy: signal %d to pid %d: %s\n", sig, (int)pid,
                        strerror(errno));
}

static pid_t pidproxy_start(char **argv, const sigset_t *mask)
{
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        sigprocmask(SIG_SETMASK, mask, NULL);
        execvp(argv[0], argv);
        fprintf(stderr, "pidproxy: %s: %s\n", argv[0], strerror(errno));
        _exit(EXIT_NO_EXEC);
}

static int ends_us(int sig)
{
        return sig == SIGTERM || sig == SIGINT || sig == SIGQUIT;
}

/* The command is ours to reap; others may be adopted by us in a container. True when it is the
 * command. */
static int command_ended(pid_t command)
{
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
                if (pid == command)
                        return 1;
        return 0;
}

int main(int argc, char **argv)
{
        sigset_t set, original;
        siginfo_t info;

        if (!fd_standard_fill()) {
                perror("pidproxy: /dev/null in place of a closed standard descriptor");
                return 1;
        }
        if (argc < 3) {
                fprintf(stderr, "Usage: pidproxy PIDFILE COMMAND [ARG...]\n");
                return EXIT_USAGE;
        }
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
                sigaddset(&set, passed_on[i]);
        sigprocmask(SIG_BLOCK, &set, &original);
        pid_t command = pidproxy_start(argv + 2, &original);
        if (command < 0) {
                perror("pidproxy: fork");
                return 1;
        }
        for (;;) {
                int sig = sigwaitinfo(&set, &info);
                if (sig == SIGCHLD && command_ended(command))
                        return 0;
                if (sig <= 0 || sig == SIGCHLD)
                        continue;
                pass_on(argv[1], sig);
                if (ends_us(sig))
                        return 0;
        }
}
