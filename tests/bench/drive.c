/* drive COMMAND ...: measures one thing and prints it as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

uint64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void die(const char *what)
{
        fprintf(stderr, "drive: cannot %s: %s\n", what, strerror(errno));
        exit(1);
}

void *must_alloc(size_t count, size_t size)
{
        void *p = calloc(count ? count : 1, size);

        if (!p)
                die("allocate");
        return p;
}

unsigned long must_number(const char *text)
{
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (end == text || *end) {
                errno = EINVAL;
                die(text);
        }
        return n;
}

/* ---- samples */

void samples_add(struct samples *s, uint64_t ns)
{
        if (s->count == s->cap) {
                s->cap = s->cap ? s->cap * 2 : 1024;
                s->ns = realloc(s->ns, s->cap * sizeof *s->ns);
                if (!s->ns)
                        die("allocate");
        }
        s->ns[s->count++] = ns;
}

static int ascending(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static uint64_t percentile(const struct samples *s, unsigned percent)
{
        return s->count ? s->ns[(s->count - 1) * percent / 100] : 0;
}

void samples_print(const char *name, struct samples *s)
{
        if (s->count)
                qsort(s->ns, s->count, sizeof *s->ns, ascending);
        printf("\"%s\": {\"n\": %zu, \"min\": %llu, \"p50\": %llu, \"p90\": %llu, \"p99\": %llu, "
               "\"max\": %llu}",
               name, s->count, (unsigned long long)percentile(s, 0),
               (unsigned long long)percentile(s, 50), (unsigned long long)percentile(s, 90),
               (unsigned long long)percentile(s, 99), (unsigned long long)percentile(s, 100));
}

void samples_release(struct samples *s)
{
        free(s->ns);
        *s = (struct samples){ 0 };
}

/* ---- the FIFO */

void fifo_open(struct fifo *f, const char *path)
{
        if (mkfifo(path, 0666) < 0 && errno != EEXIST)
                die("make the FIFO");
        f->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (f->fd < 0)
                die("open the FIFO");
        f->have = 0;
        /* Room for everybody at once; where that is refused workers wait for us a moment. */
        (void)fcntl(f->fd, F_SETPIPE_SZ, 1 << 20);
}

static bool fill(struct fifo *f)
{
        ssize_t n = read(f->fd, f->data + f->have, sizeof f->data - f->have);

        if (n > 0)
                f->have += (size_t)n;
        return n > 0;
}

bool fifo_next(struct fifo *f, struct record *out, int wait_ms)
{
        struct pollfd p = { .fd = f->fd, .events = POLLIN };

        while (f->have < sizeof *out && !fill(f))
                if (poll(&p, 1, wait_ms) <= 0)
                        return false;
        memcpy(out, f->data, sizeof *out);
        f->have -= sizeof *out;
        memmove(f->data, f->data + sizeof *out, f->have);
        return true;
}

size_t fifo_drain(struct fifo *f, enum record_kind kind)
{
        size_t count = 0;

        while (f->have >= sizeof(struct record) || fill(f)) {
                size_t whole = f->have / sizeof(struct record);
                for (size_t i = 0; i < whole; i++) {
                        struct record r;
                        memcpy(&r, f->data + i * sizeof r, sizeof r);
                        count += r.kind == kind;
                }
                f->have -= whole * sizeof(struct record);
                memmove(f->data, f->data + whole * sizeof(struct record), f->have);
        }
        return count;
}

/* ---- the table */

static const struct command {
        const char *name, *args;
        int (*run)(int argc, char **argv);
        int least;
} commands[] = {
        { "spawn", "FIFO WORKER COUNT PAUSE_US", cmd_spawn, 4 },
        { "respawn", "FIFO WORKER COUNT PAUSE_US", cmd_respawn, 4 },
        { "fleet", "FIFO WORKER COUNT", cmd_fleet, 3 },
        { "spin", "FIFO WORKER SECONDS", cmd_spin, 3 },
        { "kill", "FIFO PIDS COUNT MIN_AGE_MS PAUSE_US", cmd_kill, 5 },
        { "count", "FIFO SECONDS", cmd_count, 2 },
        { "ask", "SOCKET REQUEST COUNT PAUSE_US", cmd_ask, 4 },
        { "flood", "SOCKET REQUEST SECONDS CONNECTIONS", cmd_flood, 4 },
        { "echo", "COUNT REQUEST_BYTES ANSWER_BYTES", cmd_echo, 3 },
        { "exec", "COUNT PROGRAM ARGUMENT...", cmd_exec, 2 },
        { "sink", "cat|batch|append FILE WORKER BYTES SIZE [WRITERS]", cmd_sink, 5 },
        { "web", "PORT SECONDS PERIOD_MS", cmd_web, 3 },
};

int main(int argc, char **argv)
{
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
                if (argc > 1 && strcmp(argv[1], commands[i].name) == 0 &&
                    argc - 2 >= commands[i].least)
                        return commands[i].run(argc - 2, argv + 2);
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
                fprintf(stderr, "usage: drive %s %s\n", commands[i].name, commands[i].args);
        return 2;
}
