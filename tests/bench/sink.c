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

#define CAT_BYTES   131072 /* what cat(1) reads at a time */
#define BATCH_BYTES 1048576
#define NAP_NS      500000

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
static uint64_t cat(int pipe, int file, char *data)
{
        uint64_t total = 0;
        ssize_t n;

        while ((n = read(pipe, data, CAT_BYTES)) > 0) {
                put(file, data, (size_t)n);
                total += (uint64_t)n;
        }
        return total;
}

/* Sleeps half a millisecond between two looks, so that there is something worth reading. */
static uint64_t batch(int pipe, int file, char *data)
{
        struct pollfd p = { .fd = pipe, .events = POLLIN };
        struct timespec nap = { .tv_nsec = NAP_NS };
        uint64_t total = 0;
        ssize_t n;

        (void)fcntl(pipe, F_SETPIPE_SZ, BATCH_BYTES);
        while (poll(&p, 1, -1) > 0) {
                nanosleep(&nap, NULL);
                if ((n = read(pipe, data, BATCH_BYTES)) <= 0)
                        break;
                put(file, data, (size_t)n);
                total += (uint64_t)n;
        }
        return total;
}

static void report(struct fifo *f, uint64_t bytes, double cpu)
{
        struct record up, done;

        if (!fifo_next(f, &up, 1000) || !fifo_next(f, &done, 1000)) {
                errno = ETIMEDOUT;
                die("hear of the writer");
        }
        double took = (double)(done.ns - up.ns) / NS_PER_S;
        printf("{\"bytes\": %llu, \"mb_per_s\": %.2f, \"cpu_s_per_gib\": %.4f}\n",
               (unsigned long long)bytes, (double)done.value / took / 1e6,
               bytes ? cpu / ((double)bytes / (1 << 30)) : 0.0);
}

int cmd_sink(int argc, char **argv)
{
        static struct fifo f;
        char fifo[PATH_MAX];
        int ends[2] = { -1, -1 };
        char *data = must_alloc(1, BATCH_BYTES);
        int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
        bool direct = strcmp(argv[0], "append") == 0;
        uint64_t bytes = 0;

        (void)argc;
        snprintf(fifo, sizeof fifo, "%s.fifo", argv[1]);
        fifo_open(&f, fifo);
        if (file < 0 || (!direct && pipe2(ends, O_CLOEXEC) < 0))
                die("open the file");
        pid_t pid = start_writer(argv, fifo, direct ? file : ends[1]);
        close(ends[1]);
        double cpu = cpu_seconds();
        if (!direct)
                bytes = strcmp(argv[0], "cat") == 0 ? cat(ends[0], file, data)
                                                    : batch(ends[0], file, data);
        waitpid(pid, NULL, 0);
        report(&f, bytes, cpu_seconds() - cpu);
        unlink(fifo);
        free(data);
        close(file);
        return 0;
}
