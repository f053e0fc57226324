/* Starting, killing and restarting workers: the bare machine's limits, and a supervisor's fleet. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#include "base/unconst.h"

#define PATIENCE_MS 20000

pid_t start_worker(const char *path, const char *fifo, bool exits)
{
        char told[4096];
        char *argv[] = { unconst(path), NULL };
        char *env[] = { told, exits ? "BENCH_EXIT=1" : NULL, NULL };

        snprintf(told, sizeof told, "BENCH_FIFO=%s", fifo);
        pid_t pid = vfork();
        if (pid == 0) {
                execve(path, argv, env);
                _exit(127);
        }
        if (pid < 0)
                die("vfork");
        return pid;
}

static uint64_t up_at(struct fifo *f)
{
        struct record r;

        if (!fifo_next(f, &r, PATIENCE_MS)) {
                errno = ETIMEDOUT;
                die("see a worker come up");
        }
        return r.ns;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* vfork + exec until the worker's first write. */
int cmd_spawn(int argc, char **argv)
{
        static struct fifo f;
        struct samples s = { 0 };
        unsigned long count = must_number(argv[2]), pause_us = must_number(argv[3]);

        (void)argc;
        fifo_open(&f, argv[0]);
        for (unsigned long i = 0; i < count; i++) {
                usleep((useconds_t)pause_us);
                uint64_t from = now_ns();
                pid_t pid = start_worker(argv[1], argv[0], false);
                samples_add(&s, up_at(&f) - from);
                end(pid);
        }
        printf("{");
        samples_print("spawn", &s);
        printf("}\n");
        samples_release(&s);
        return 0;
}

/* What no supervisor can avoid: the kill, being told of the end, and the start. */
int cmd_respawn(int argc, char **argv)
{
        static struct fifo f;
        struct samples s = { 0 };
        unsigned long count = must_number(argv[2]), pause_us = must_number(argv[3]);

        (void)argc;
        fifo_open(&f, argv[0]);
        pid_t pid = start_worker(argv[1], argv[0], false);
        up_at(&f);
        for (unsigned long i = 0; i < count; i++) {
                usleep((useconds_t)pause_us);
                uint64_t from = now_ns();
                end(pid);
                pid = start_worker(argv[1], argv[0], false);
                samples_add(&s, up_at(&f) - from);
        }
        end(pid);
        printf("{");
        samples_print("respawn", &s);
        printf("}\n");
        samples_release(&s);
        return 0;
}

/* So many started until the last has written, then all told to end until the last is reaped. */
int cmd_fleet(int argc, char **argv)
{
        static struct fifo f;
        unsigned long count = must_number(argv[2]);
        pid_t *pids = must_alloc(count, sizeof *pids);
        uint64_t last = 0;

        (void)argc;
        fifo_open(&f, argv[0]);
        uint64_t from = now_ns();
        for (unsigned long i = 0; i < count; i++)
                pids[i] = start_worker(argv[1], argv[0], false);
        for (unsigned long i = 0; i < count; i++) {
                uint64_t at = up_at(&f);
                last = at > last ? at : last;
        }
        uint64_t stop = now_ns();
        for (unsigned long i = 0; i < count; i++)
                kill(pids[i], SIGTERM);
        while (wait(NULL) > 0)
                ;
        printf("{\"start\": %llu, \"stop\": %llu}\n", (unsigned long long)(last - from),
               (unsigned long long)(now_ns() - stop));
        free(pids);
        return 0;
}

/* As many starts of a worker that ends at once as one process can do. */
int cmd_spin(int argc, char **argv)
{
        static struct fifo f;
        uint64_t seconds = must_number(argv[2]), starts = 0;

        (void)argc;
        fifo_open(&f, argv[0]);
        uint64_t from = now_ns();
        while (now_ns() - from < seconds * NS_PER_S) {
                pid_t pid = start_worker(argv[1], argv[0], true);
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                if (++starts % 1000 == 0)
                        fifo_drain(&f, RECORD_UP);
        }
        double took = (double)(now_ns() - from) / NS_PER_S;
        printf("{\"starts_per_s\": %.1f}\n", (double)starts / took);
        return 0;
}

/* ---- workers of other supervisors */

struct victim {
        pid_t pid;
        uint64_t since;
};

static struct victim *read_pids(const char *path, size_t *count_out)
{
        FILE *in = fopen(path, "r");
        struct victim *all = NULL;
        size_t count = 0;
        long pid;

        if (!in)
                die(path);
        while (fscanf(in, "%ld", &pid) == 1) {
                all = realloc(all, (count + 1) * sizeof *all);
                if (!all)
                        die("allocate");
                all[count++] = (struct victim){ .pid = (pid_t)pid, .since = now_ns() };
        }
        fclose(in);
        *count_out = count;
        return all;
}

static void wait_until_old(const struct victim *v, uint64_t age_ns)
{
        uint64_t now = now_ns();

        if (now < v->since + age_ns)
                usleep((useconds_t)((v->since + age_ns - now) / 1000 + 1));
}

static bool restarted(struct fifo *f, struct victim *v, struct samples *s, uint64_t age_ns)
{
        struct record r;

        wait_until_old(v, age_ns);
        fifo_drain(f, RECORD_UP);
        uint64_t from = now_ns();
        if (kill(v->pid, SIGKILL) < 0)
                return false;
        if (!fifo_next(f, &r, PATIENCE_MS))
                return false;
        samples_add(s, r.ns - from);
        *v = (struct victim){ .pid = (pid_t)r.pid, .since = r.ns };
        return true;
}

/* SIGKILL until the first write of the one that comes in its place, one after another. Some
 * supervisors make a worker that exited young wait, so no worker younger than MIN_AGE_MS is killed.
 */
int cmd_kill(int argc, char **argv)
{
        static struct fifo f;
        struct samples s = { 0 };
        size_t many, lost = 0;
        struct victim *all = read_pids(argv[1], &many);
        unsigned long count = must_number(argv[2]), pause_us = must_number(argv[4]);
        uint64_t age_ns = must_number(argv[3]) * 1000000;

        (void)argc;
        fifo_open(&f, argv[0]);
        /* Spread over the fleet: neighbours may share caches that a lone victim would not have. */
        for (size_t i = 0, at = 0; i < count && many; i++, at = (at + many / 7 + 1) % many) {
                usleep((useconds_t)pause_us);
                lost += !restarted(&f, &all[at], &s, age_ns);
        }
        printf("{\"lost\": %zu, ", lost);
        samples_print("restart", &s);
        printf("}\n");
        samples_release(&s);
        free(all);
        return 0;
}

/* How many workers come up in that time. */
int cmd_count(int argc, char **argv)
{
        static struct fifo f;
        uint64_t starts = 0, wanted_ns = must_number(argv[1]) * NS_PER_S;

        (void)argc;
        fifo_open(&f, argv[0]);
        fifo_drain(&f, RECORD_UP);
        uint64_t from = now_ns();
        while (now_ns() - from < wanted_ns) {
                usleep(5000); /* in batches: counting must not take the core from those counted */
                starts += fifo_drain(&f, RECORD_UP);
        }
        double took = (double)(now_ns() - from) / NS_PER_S;
        printf("{\"starts\": %llu, \"starts_per_s\": %.1f}\n", (unsigned long long)starts,
               (double)starts / took);
        return 0;
}
