/* The limits of logging: a worker that writes straight to a file, and the two plainest readers. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define CAT_BYTES    131072 /* what cat(1) reads at a time */
#define BATCH_BYTES  1048576
#define NAP_NS       500000
#define MOST_WRITERS 64

static double cpu_seconds(void)
{
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static pid_t start_writer(char **argv, const char *fifo, int out)
{
        char told[PATH_MAX + 16], bytes[64], size[64];
        char *args[] = { argv[2], NULL };
        char *env[] = { told, bytes, size, "BENCH_EXIT=1", NULL };

        snprintf(told, sizeof told, "BENCH_FIFO=%s", fifo);
        snprintf(bytes, sizeof bytes, "BENCH_BYTES=%s", argv[3]);
        snprintf(size, sizeof size, "BENCH_SIZE=%s", argv[4]);
        pid_t pid = fork();
        if (pid == 0) {
                dup2(out, STDOUT_FILENO);
                execve(argv[2], args, env);
                _exit(127);
        }
        if (pid < 0)
                die("fork");
        return pid;
}

/* One writer's way to its file. */
struct flow {
        int pipe; /* -1: none, or its end was seen */
        int file;
};

static void put(int file, const char *data, size_t len)
{
        while (len) {
                ssize_t n = write(file, data, len);
                if (n < 0)
                        die("write");
                data += n;
                len -= (size_t)n;
        }
}

/* As cat does: whatever there is, at once. */
static uint64_t cat(const struct flow *f, char *data)
{
        uint64_t total = 0;
        ssize_t n;

        while ((n = read(f->pipe, data, CAT_BYTES)) > 0) {
                put(f->file, data, (size_t)n);
                total += (uint64_t)n;
        }
        return total;
}

/* Sleeps half a millisecond between two looks, so that there is something worth reading. */
static uint64_t batch(struct flow *flows, int count, char *data)
{
        struct pollfd p[MOST_WRITERS];
        struct timespec nap = { .tv_nsec = NAP_NS };
        uint64_t total = 0;
        int open = count;

        for (int i = 0; i < count; i++) {
                p[i] = (struct pollfd){ .fd = flows[i].pipe, .events = POLLIN };
                (void)fcntl(flows[i].pipe, F_SETPIPE_SZ, BATCH_BYTES);
        }
        while (open > 0 && poll(p, (nfds_t)count, -1) > 0) {
                nanosleep(&nap, NULL);
                for (int i = 0; i < count; i++) {
                        ssize_t n = p[i].revents ? read(p[i].fd, data, BATCH_BYTES) : -1;
                        if (n > 0) {
                                put(flows[i].file, data, (size_t)n);
                                total += (uint64_t)n;
                        } else if (n == 0) {
                                p[i].fd = -1;
                                open--;
                        }
                }
        }
        return total;
}

/* From the first writer's start to the last one's end. */
static void report(struct fifo *f, int writers, uint64_t bytes, double cpu)
{
        uint64_t began = UINT64_MAX, ended = 0, written = 0;

        for (int i = 0; i < 2 * writers; i++) {
                struct record r;
                if (!fifo_next(f, &r, 1000)) {
                        errno = ETIMEDOUT;
                        die("hear of the writers");
                }
                if (r.kind == RECORD_UP && r.ns < began)
                        began = r.ns;
                if (r.kind == RECORD_DONE && r.ns > ended)
                        ended = r.ns;
                written += r.value;
        }
        double took = (double)(ended - began) / NS_PER_S;
        printf("{\"bytes\": %llu, \"mb_per_s\": %.2f, \"cpu_s_per_gib\": %.4f}\n",
               (unsigned long long)bytes, (double)written / took / 1e6,
               bytes ? cpu / ((double)bytes / (1 << 30)) : 0.0);
}

static struct flow begin_flow(char **argv, const char *fifo, int number, bool direct, pid_t *pid)
{
        char path[PATH_MAX];
        int ends[2] = { -1, -1 };

        snprintf(path, sizeof path, "%s.%d", argv[1], number);
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
        if (file < 0 || (!direct && pipe2(ends, O_CLOEXEC) < 0))
                die("open the file");
        *pid = start_writer(argv, fifo, direct ? file : ends[1]);
        close(ends[1]);
        return (struct flow){ ends[0], file };
}

int cmd_sink(int argc, char **argv)
{
        static struct fifo f;
        char fifo[PATH_MAX];
        struct flow flows[MOST_WRITERS];
        pid_t pids[MOST_WRITERS];
        char *data = must_alloc(1, BATCH_BYTES);
        bool direct = strcmp(argv[0], "append") == 0;
        int writers = argc > 5 ? atoi(argv[5]) : 1;
        uint64_t bytes = 0;

        if (writers < 1 || writers > MOST_WRITERS) {
                errno = EINVAL;
                die("start so many writers");
        }
        snprintf(fifo, sizeof fifo, "%s.fifo", argv[1]);
        fifo_open(&f, fifo);
        for (int i = 0; i < writers; i++)
                flows[i] = begin_flow(argv, fifo, i, direct, &pids[i]);
        double cpu = cpu_seconds();
        if (!direct)
                bytes =
                    strcmp(argv[0], "cat") == 0 ? cat(flows, data) : batch(flows, writers, data);
        for (int i = 0; i < writers; i++)
                waitpid(pids[i], NULL, 0);
        report(&f, writers, bytes, cpu_seconds() - cpu);
        unlink(fifo);
        free(data);
        return 0;
}
