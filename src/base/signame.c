/* Signals by name and number, real-time ones too. The names are those that Supervisor knows. */
#include "base/signame.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct named {
        const char *name;
        int number;
} signals[] = {
        { "HUP", SIGHUP },       { "INT", SIGINT },       { "QUIT", SIGQUIT },
        { "ILL", SIGILL },       { "TRAP", SIGTRAP },     { "ABRT", SIGABRT },
        { "IOT", SIGABRT },      { "BUS", SIGBUS },       { "FPE", SIGFPE },
        { "KILL", SIGKILL },     { "USR1", SIGUSR1 },     { "SEGV", SIGSEGV },
        { "USR2", SIGUSR2 },     { "PIPE", SIGPIPE },     { "ALRM", SIGALRM },
        { "TERM", SIGTERM },     { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },
        { "CLD", SIGCHLD },      { "CONT", SIGCONT },     { "STOP", SIGSTOP },
        { "TSTP", SIGTSTP },     { "TTIN", SIGTTIN },     { "TTOU", SIGTTOU },
        { "URG", SIGURG },       { "XCPU", SIGXCPU },     { "XFSZ", SIGXFSZ },
        { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },     { "WINCH", SIGWINCH },
        { "IO", SIGIO },         { "POLL", SIGIO },       { "PWR", SIGPWR },
        { "SYS", SIGSYS },
};

#define SIGNALS (sizeof signals / sizeof *signals)

static int signame_parse_number(const char *text)
{
        char *end;

        errno = 0;
        long n = strtol(text, &end, 10);
        if (end == text || *end)
                return -1;
        if (errno || n < 0)
                return -2;
        if (n == 0 || (n >= SIGRTMIN && n <= SIGRTMAX))
                return (int)n;
        for (size_t i = 0; i < SIGNALS; i++)
                if (signals[i].number == n)
                        return (int)n;
        return -2;
}

static int parse_realtime(const char *name)
{
        if (strncasecmp(name, "RTMIN", 5) != 0 && strncasecmp(name, "RTMAX", 5) != 0)
                return -1;
        bool from_min = strncasecmp(name, "RTMIN", 5) == 0;
        int base = from_min ? SIGRTMIN : SIGRTMAX;
        if (!name[5])
                return base;
        if (name[5] != (from_min ? '+' : '-'))
                return -1;
        char *end;
        long off = strtol(name + 6, &end, 10);
        if (end == name + 6 || *end || off < 0 || off > SIGRTMAX - SIGRTMIN)
                return -1;
        return from_min ? base + (int)off : base - (int)off;
}

int signame_parse(const char *text)
{
        int n = signame_parse_number(text);

        if (n != -1)
                return n;
        if (strncasecmp(text, "SIG", 3) == 0)
                text += 3;
        for (size_t i = 0; i < SIGNALS; i++)
                if (strcasecmp(text, signals[i].name) == 0)
                        return signals[i].number;
        return parse_realtime(text);
}

const char *signame_of(int sig, char *buf, size_t size)
{
        for (size_t i = 0; i < SIGNALS; i++)
                if (signals[i].number == sig) {
                        snprintf(buf, size, "SIG%s", signals[i].name);
                        return buf;
                }
        if (sig >= SIGRTMIN && sig <= SIGRTMAX)
                snprintf(buf, size, "SIGRTMIN+%d", sig - SIGRTMIN);
        else
                snprintf(buf, size, "signal %d", sig);
        return buf;
}
