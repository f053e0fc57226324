/* The worker that end-to-end tests supervise: libc only, its behaviour in argv.
 *
 *      worker sleep                    until it is signalled
 *      worker ignore-term              the same, but SIGTERM only makes it say so
 *      worker fork-away                a grandchild that leaves the session stays behind; its pid
 *                                      is printed as "away PID", then the worker exits 0
 *      worker close-stdout             closes 1 and 2, then sleeps
 *      worker flood BYTES              so many bytes without a newline, then sleeps
 *      worker lines COUNT [DELAY_MS [BURST]]
 *                                      "line 1" ... "line COUNT", then exits 0; a pause after so
 * many worker diary FILE AFTER_MS LINGER_MS writes "begin PID" and "end PID" into FILE; exits with
 *                                      10 + PID % 100 after that time (0: never), or with 0 so long
 *                                      after SIGTERM
 *      worker exit CODE [AFTER_MS]
 *      worker crash [AFTER_MS]         SIGSEGV
 *      worker http PORT FILE           answers 200 while FILE does not exist, else 503
 *      worker tree                     two children in its group; "child PID" for each
 *      worker litter                   two children that outlive it: "near PID" in its session, and
 *                                      "far PID" in one of its own
 *      worker comet [BREADTH [deaf]]   so many descendants that fork on, each into a session of its
 * own, 300 times a second for a minute, and live on for a second; deaf: to SIGTERM worker env its
 * environment, arguments, directory and umask worker echo                     stdin to stdout, line
 * by line, until end of file
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void batch_timer_ms(long ms)
{
        struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

        while (nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
}

static _Noreturn void sleep_for_ever(void)
{
        for (;;)
                pause();
}

static long number(char **argv, int at, long otherwise)
{
        return argv[at] ? strtol(argv[at], NULL, 10) : otherwise;
}

static int die(const char *what)
{
        fprintf(stderr, "worker: %s: %s\n", what, strerror(errno));
        return 99;
}

/* The worker's word reaches the pipe at once, whole. */
static void say(const char *text)
{
        size_t len = strlen(text);

        while (len > 0) {
                ssize_t n = write(1, text, len);
                if (n < 0 && errno != EINTR)
                        return;
                text += n > 0 ? n : 0;
                len -= n > 0 ? (size_t)n : 0;
        }
}

static void say_pid(const char *what, pid_t pid)
{
        char text[64];

        snprintf(text, sizeof text, "%s %d\n", what, (int)pid);
        say(text);
}

static int run_sleep(char **argv)
{
        (void)argv;
        say("ready\n");
        sleep_for_ever();
}

static void on_term(int sig)
{
        (void)sig;
        say("ignored SIGTERM\n");
}

static int run_ignore_term(char **argv)
{
        struct sigaction action = { .sa_handler = on_term };

        (void)argv;
        if (sigaction(SIGTERM, &action, NULL) < 0)
                return die("sigaction");
        say("ready\n");
        sleep_for_ever();
}

static int run_fork_away(char **argv)
{
        pid_t pid = fork();

        (void)argv;
        if (pid < 0)
                return die("fork");
        if (pid > 0) {
                /* the middle one is gone before we are, so that the grandchild has no parent here
                 */
                siginfo_t info;
                waitid(P_PID, (id_t)pid, &info, WEXITED);
                return 0;
        }
        if (setsid() < 0)
                _exit(99);
        pid = fork();
        if (pid != 0) {
                if (pid > 0)
                        say_pid("away", pid);
                _exit(pid < 0 ? 99 : 0);
        }
        sleep_for_ever();
}

static int run_close_stdout(char **argv)
{
        (void)argv;
        say("ready\n");
        close(1);
        close(2);
        sleep_for_ever();
}

static int run_flood(char **argv)
{
        static char block[65536];
        long left = number(argv, 2, 1 << 20);

        memset(block, 'x', sizeof block);
        while (left > 0) {
                size_t len = left < (long)sizeof block ? (size_t)left : sizeof block;
                ssize_t n = write(1, block, len);
                if (n < 0 && errno != EINTR)
                        return die("write");
                left -= n > 0 ? n : 0;
        }
        sleep_for_ever();
}

static int run_lines(char **argv)
{
        long count = number(argv, 2, 10), delay_ms = number(argv, 3, 0);
        long burst = delay_ms > 0 ? number(argv, 4, 1) : 1;
        char text[64];

        for (long i = 1; i <= count; i++) {
                snprintf(text, sizeof text, "line %ld\n", i);
                say(text);
                if (delay_ms > 0 && i % burst == 0)
                        batch_timer_ms(delay_ms);
        }
        return 0;
}

static bool write_diary(const char *path, const char *what)
{
        char text[64];
        int len = snprintf(text, sizeof text, "%s %d\n", what, (int)getpid());
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
        bool fine = fd >= 0 && write(fd, text, (size_t)len) == len;

        if (fd >= 0)
                close(fd);
        return fine;
}

static int run_diary(char **argv)
{
        long after_ms = number(argv, 3, 0), linger_ms = number(argv, 4, 0);
        struct timespec limit = { after_ms / 1000, after_ms % 1000 * 1000000 };
        sigset_t term;
        int sig;

        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_BLOCK, &term, NULL);
        if (!argv[2] || !write_diary(argv[2], "begin"))
                return die("diary");
        do
                sig = sigtimedwait(&term, NULL, after_ms > 0 ? &limit : NULL);
        while (sig < 0 && errno == EINTR);
        if (sig == SIGTERM)
                batch_timer_ms(linger_ms);
        if (!write_diary(argv[2], "end"))
                return die("diary");
        return sig == SIGTERM ? 0 : 10 + (int)(getpid() % 100);
}

static int run_exit(char **argv)
{
        batch_timer_ms(number(argv, 3, 0));
        return (int)number(argv, 2, 0);
}

static int run_crash(char **argv)
{
        struct rlimit none = { 0, 0 };

        batch_timer_ms(number(argv, 2, 0));
        setrlimit(RLIMIT_CORE, &none);
        raise(SIGSEGV);
        return 99;
}

/* One request, one answer, one connection after the other: a probe needs no more. */
static void answer(int fd, const char *file)
{
        struct timeval patience = { .tv_sec = 5 };
        char request[4096], text[256];
        size_t len = 0;

        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        do {
                ssize_t n = read(fd, request + len, sizeof request - 1 - len);
                if (n <= 0)
                        return;
                len += (size_t)n;
                request[len] = '\0';
        } while (!strstr(request, "\r\n\r\n") && len < sizeof request - 1);
        bool sick = file && access(file, F_OK) == 0;
        const char *body = sick ? "sick\n" : "fine\n";
        int n = snprintf(text, sizeof text,
                         "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                         "Connection: close\r\n\r\n%s",
                         sick ? "503 Service Unavailable" : "200 OK", strlen(body), body);
        if (write(fd, text, (size_t)n) < n)
                return;
        shutdown(fd, SHUT_WR);
        while (read(fd, request, sizeof request) > 0)
                ;
}

static int run_http(char **argv)
{
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number(argv, 2, 8080)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

        signal(SIGPIPE, SIG_IGN);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
                return die("socket");
        if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 64) < 0)
                return die("listen");
        say("ready\n");
        for (;;) {
                int client = accept(fd, NULL, NULL);
                if (client < 0 && errno != EINTR && errno != ECONNABORTED)
                        return die("accept");
                if (client >= 0) {
                        answer(client, argv[3]);
                        close(client);
                }
        }
}

static int run_tree(char **argv)
{
        (void)argv;
        for (int i = 0; i < 2; i++) {
                pid_t pid = fork();
                if (pid < 0)
                        return die("fork");
                if (pid == 0)
                        sleep_for_ever();
                say_pid("child", pid);
        }
        say("ready\n");
        sleep_for_ever();
}

static int run_litter(char **argv)
{
        static const char *const names[] = { "near", "far" };

        (void)argv;
        for (int i = 0; i < 2; i++) {
                pid_t pid = fork();
                if (pid < 0)
                        return die("fork");
                if (pid == 0) {
                        if (i == 1 && setsid() < 0)
                                _exit(99);
                        say_pid(names[i], getpid());
                        sleep_for_ever();
                }
        }
        say("ready\n");
        sleep_for_ever();
}

static void fly(void)
{
        for (int n = 0; n < 20000; n++) {
                batch_timer_ms(3);
                pid_t pid = fork();
                if (pid > 0) {
                        batch_timer_ms(1000);
                        _exit(0);
                }
                if (pid == 0)
                        setsid();
        }
        _exit(0);
}

static int run_comet(char **argv)
{
        if (argv[2] && argv[3])
                signal(SIGTERM, SIG_IGN);
        for (int i = argv[2] ? atoi(argv[2]) : 1; i > 0; i--)
                if (fork() == 0)
                        fly();
        signal(SIGTERM, SIG_DFL);
        say("ready\n");
        sleep_for_ever();
}

static int run_env(char **argv)
{
        char cwd[4096];
        mode_t mask = umask(0);

        for (char **v = environ; *v; v++)
                printf("env %s\n", *v);
        for (char **v = argv; *v; v++)
                printf("arg %s\n", *v);
        printf("cwd %s\numask %04o\nuid %u\ngid %u\n", getcwd(cwd, sizeof cwd) ? cwd : "?", mask,
               (unsigned)getuid(), (unsigned)getgid());
        return fflush(stdout) == 0 ? 0 : die("write");
}

static int run_echo(char **argv)
{
        char text[4096];

        (void)argv;
        while (fgets(text, sizeof text, stdin))
                say(text);
        return 0;
}

/* The newest process that there is. */
static int newest(int loadavg)
{
        char text[128] = "";
        ssize_t len = pread(loadavg, text, sizeof text - 1, 0);
        const char *last = len > 0 ? strrchr(text, ' ') : NULL;

        return last ? atoi(last) : 0;
}

/* Stops each new process of this user as soon as it can be signalled, long before it could do
 * anything itself. */
static __attribute__((noreturn)) int run_stop_newcomers(char **argv)
{
        int loadavg = open("/proc/loadavg", O_RDONLY);

        (void)argv;
        alarm(120); /* in case no signal ends it */
        say("ready\n");
        for (;;) {
                int last = newest(loadavg);
                for (int i = 0; i < 200; i++)
                        for (int pid = last; pid < last + 4; pid++)
                                if (pid > 1 && pid != getpid())
                                        kill(pid, SIGSTOP);
        }
}

static const struct {
        const char *name;
        int (*run)(char **argv);
} modes[] = {
        { "sleep", run_sleep },         { "ignore-term", run_ignore_term },
        { "fork-away", run_fork_away }, { "close-stdout", run_close_stdout },
        { "flood", run_flood },         { "lines", run_lines },
        { "exit", run_exit },           { "crash", run_crash },
        { "http", run_http },           { "tree", run_tree },
        { "litter", run_litter },       { "env", run_env },
        { "comet", run_comet },         { "echo", run_echo },
        { "diary", run_diary },         { "stop-newcomers", run_stop_newcomers },
};

int main(int argc, char **argv)
{
        for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
                if (strcmp(modes[i].name, argv[1]) == 0)
                        return modes[i].run(argv);
        fprintf(stderr, "usage: worker MODE [ARGUMENT]...\n");
        return 99;
}
