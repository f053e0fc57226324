/* logs/ alone under SIGKILL: a log process is killed at random while workers write as fast as they
 * can, a successor goes on with the same pipes and files, hundreds of times, in every format and
 * with rotation. Then the logs are read back: no line may be missing, doubled or torn.
 *
 *      kill [kills in each form, 100] [form]
 *
 * A plain program, so that sanitizers that cannot live with a test runner's forks can watch it. */
#include <dirent.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "logs/logs.h"

#define BACKUPS     2000
#define WORKERS     2
#define LONG_EVERY  4999
#define LONG_LINE   100000
#define LINE_MOST   (LONG_LINE + 1000)
#define BEGIN_TOKEN "<!--XSUPERVISOR:BEGIN-->"
#define END_TOKEN   "<!--XSUPERVISOR:END-->"

struct form {
        const char *name;
        enum log_format format;
        bool strips, captures, events, shared, rotates;
};

static const struct form forms[] = {
        { "raw", .rotates = true },
        { "text", .format = LOG_TEXT, .rotates = true },
        { "json", .format = LOG_JSON, .rotates = true },
        { "strip", .strips = true, .rotates = true },
        { "capture", .captures = true, .rotates = true },
        { "events", .events = true, .rotates = true },
        { "text-capture-strip", .format = LOG_TEXT, .captures = true, .strips = true,
          .rotates = true },
        { "text-shared", .format = LOG_TEXT, .shared = true, .rotates = true },
        { "json-one-file", .format = LOG_JSON },
};

/* Between the processes. */
struct board {
        volatile int stop;
        volatile int lines[WORKERS];
};

struct rig {
        const struct form *form;
        char dir[64];
        int ends[WORKERS][2];
        int workers;
        struct board *board;
};

/* ---- what is written, and what it becomes */

static const char words[] = "the quick \"brown\" fox jumps over the lazy dog, again and again and "
                            "again, until it is bored of it and of the dog, and of jumping";

static size_t body(char *line, int worker, int number)
{
        int n = sprintf(line, "%c%08d ", 'A' + worker, number);

        if (number % LONG_EVERY == LONG_EVERY - 1) {
                memset(line + n, 'x', LONG_LINE);
                n += LONG_LINE;
                line[n] = '\0';
        } else {
                n += sprintf(line + n, "%.*s", number % (int)sizeof words, words);
        }
        return (size_t)n;
}

/* As the worker writes it. */
static size_t written(const struct form *f, char *out, int worker, int number)
{
        char line[LINE_MOST];
        size_t n = 0, len = body(line, worker, number), half = len / 2;

        if (f->captures && number % 7 == 0)
                n += (size_t)sprintf(out, BEGIN_TOKEN "message %d\nof two lines" END_TOKEN, number);
        memcpy(out + n, line, half);
        n += half;
        if (f->strips)
                n += (size_t)sprintf(out + n, "\033[3%dm", number % 8);
        if (f->captures && number % 11 == 0)
                n += (size_t)sprintf(out + n, BEGIN_TOKEN "%.*s" END_TOKEN, number % 90, words);
        memcpy(out + n, line + half, len - half);
        n += len - half;
        out[n++] = '\n';
        return n;
}

static const char *expect_stamp(const char *s)
{
        int year, month, day, hour, minute, second, ms, used = 0;

        if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour, &minute,
                   &second, &ms, &used) != 7 ||
            used != 24)
                return NULL;
        return s + used;
}

static const char *skip_text(const char *s, const char *text)
{
        size_t n = strlen(text);

        return s && strncmp(s, text, n) == 0 ? s + n : NULL;
}

/* The message within a line of the log, NULL: it is no such line. *end: what has to follow it. */
static const char *message(const struct form *f, const char *s, const char **end)
{
        *end = "\n";
        if (f->format == LOG_TEXT)
                return skip_text(expect_stamp(s), " p ");
        if (f->format == LOG_RAW)
                return s;
        *end = "\"}\n";
        s = skip_text(s, "{\"time\":\"");
        s = skip_text(s ? expect_stamp(s) : NULL,
                      "\",\"process\":\"p\",\"stream\":\"stdout\",\"pid\":null,\"message\":\"");
        return s;
}

static size_t expected(const struct form *f, char *out, int worker, int number)
{
        char line[LINE_MOST];
        size_t n = 0, len = body(line, worker, number);

        for (size_t i = 0; i < len; i++) {
                if (line[i] == '"' && f->format == LOG_JSON)
                        out[n++] = '\\';
                out[n++] = line[i];
        }
        out[n] = '\0';
        return n;
}

/* ---- the processes */

static pid_t start_worker(const struct rig *r, int worker)
{
        static char line[LINE_MOST + 1000];
        pid_t pid = fork();

        if (pid)
                return pid;
        for (int i = 0; !r->board->stop; i++) {
                size_t n = written(r->form, line, worker, i), done = 0;
                while (done < n) {
                        ssize_t w = write(r->ends[worker][1], line + done, n - done);
                        if (w < 0)
                                _exit(1);
                        done += (size_t)w;
                }
                r->board->lines[worker] = i + 1;
        }
        _exit(0);
}

static void tell(struct log *l, enum log_level level, const char *text, size_t len)
{
        (void)l, (void)level;
        fprintf(stderr, "%.*s\n", (int)len, text);
}

static int finished;

static void on_end(void *arg, void *owner, bool is_stderr)
{
        (void)arg, (void)owner, (void)is_stderr;
        finished++;
}

static size_t on_text(void *arg, void *owner, bool is_stderr, enum text_kind kind, const char *data,
                      size_t len)
{
        (void)arg, (void)owner, (void)is_stderr, (void)kind, (void)data;
        return len;
}

static void run_logs(const struct rig *r, bool to_the_end)
{
        struct log log = { .level = LVL_WARN, .write = tell };
        const struct logs_news news = { .on_finished = on_end, .on_text = on_text };
        struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
        struct logs *l = logs_new(loop, sys_real(), &log, &news);
        struct stream *streams[WORKERS];
        struct err e = { 0 };

        if (!l || !logs_run(l, NULL, &e))
                _exit(2);
        logs_recover(l, r->dir);
        for (int i = 0; i < r->workers; i++) {
                char path[128];
                snprintf(path, sizeof path, "%s/log%d", r->dir, r->form->shared ? 0 : i);
                const struct stream_conf c = { .process = "p",
                                               .path = path,
                                               .maxbytes = r->form->rotates ? 700000 : 0,
                                               .backups = BACKUPS,
                                               .format = r->form->format,
                                               .strip_ansi = r->form->strips,
                                               .events_enabled = r->form->events,
                                               .capture_maxbytes = r->form->captures ? 4096 : 0 };
                streams[i] = stream_new(l, &c, NULL, &e);
                if (!streams[i] || !stream_attach(streams[i], r->ends[i][0], NULL, &e))
                        _exit(3);
        }
        logs_recovered(l);
        for (int i = 0; to_the_end && i < r->workers; i++)
                stream_finish(streams[i]);
        ev_ref(loop);
        while (finished < r->workers)
                ev_run(loop, EVRUN_ONCE);
        for (int i = 0; i < r->workers; i++)
                stream_free(streams[i]);
        logs_free(l);
        _exit(0);
}

static pid_t start_logs(const struct rig *r, bool to_the_end)
{
        pid_t pid = fork();

        if (pid == 0)
                run_logs(r, to_the_end);
        return pid;
}

/* ---- what is in the logs */

struct count {
        int next[WORKERS];
        long bad;
};

static void check_line(const struct rig *r, struct count *c, const char *path, const char *line)
{
        static char want[2 * LINE_MOST];
        const char *end, *s = message(r->form, line, &end);
        int worker = s ? s[0] - 'A' : -1;
        bool good = s && worker >= 0 && worker < r->workers;

        if (good) {
                size_t n = expected(r->form, want, worker, c->next[worker]);
                good = strncmp(s, want, n) == 0 && strcmp(s + n, end) == 0;
        }
        if (good)
                c->next[worker]++;
        else if (c->bad++ < 5)
                fprintf(stderr, "%s: %s: line %d expected, found: %.150s\n", r->form->name, path,
                        worker >= 0 && worker < WORKERS ? c->next[worker] : -1, line);
}

static void check_file(const struct rig *r, struct count *c, int log, int number)
{
        char path[128], *line = NULL;
        size_t size = 0;

        snprintf(path, sizeof path, number ? "%s/log%d.%d" : "%s/log%d", r->dir, log, number);
        FILE *f = fopen(path, "r");
        if (!f)
                return;
        while (getline(&line, &size, f) > 0)
                check_line(r, c, path, line);
        free(line);
        fclose(f);
}

static void empty_dir(const struct rig *r, int *spools)
{
        char path[400];
        DIR *d = opendir(r->dir);

        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                *spools += strncmp(e->d_name, "spool-", 6) == 0;
                snprintf(path, sizeof path, "%s/%s", r->dir, e->d_name);
                unlink(path);
        }
        closedir(d);
        rmdir(r->dir);
}

static bool check(const struct rig *r, int kills)
{
        struct count c = { .bad = 0 };
        long lost = 0;
        int spools = 0;

        for (int log = 0; log < (r->form->shared ? 1 : r->workers); log++)
                for (int number = BACKUPS; number >= 0; number--)
                        check_file(r, &c, log, number);
        for (int i = 0; i < r->workers; i++)
                lost += r->board->lines[i] - c.next[i];
        empty_dir(r, &spools);
        printf("%-20s %d kills, %d lines, %ld bad, %ld missing, %d spools left over\n",
               r->form->name, kills, c.next[0] + c.next[1], c.bad, lost, spools);
        fflush(stdout);
        return c.bad == 0 && lost == 0 && spools == 0;
}

/* ---- one form */

static void kill_logs(const struct rig *r, int kills)
{
        for (int i = 0, status; i < kills; i++) {
                pid_t logs = start_logs(r, false);
                usleep((useconds_t)(300 + rand() % 5700));
                kill(logs, SIGKILL);
                waitpid(logs, &status, 0);
                if (!WIFSIGNALED(status)) {
                        fprintf(stderr, "%s: it ended by itself: %d\n", r->form->name, status);
                        exit(1);
                }
        }
}

static bool run(const struct form *f, int kills)
{
        struct rig r = { .form = f, .dir = "/tmp/logs-kill-XXXXXX", .workers = f->shared ? 2 : 1 };
        pid_t workers[WORKERS];
        int status;

        r.board =
            mmap(NULL, sizeof *r.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (r.board == MAP_FAILED || !mkdtemp(r.dir))
                return false;
        for (int i = 0; i < r.workers; i++) {
                if (pipe2(r.ends[i], O_CLOEXEC) < 0)
                        return false;
                workers[i] = start_worker(&r, i);
        }
        kill_logs(&r, kills);
        r.board->stop = 1;
        pid_t logs = start_logs(&r, false);
        for (int i = 0; i < r.workers; i++)
                waitpid(workers[i], &status, 0);
        kill(logs, SIGKILL);
        waitpid(logs, &status, 0);
        logs = start_logs(&r, true);
        waitpid(logs, &status, 0);
        bool fine = check(&r, kills + 1) && status == 0;
        for (int i = 0; i < r.workers; i++) {
                close(r.ends[i][0]);
                close(r.ends[i][1]);
        }
        munmap(r.board, sizeof *r.board);
        return fine;
}

int main(int argc, char **argv)
{
        int kills = argc > 1 ? atoi(argv[1]) : 100, failed = 0, done = 0;

        signal(SIGPIPE, SIG_IGN);
        srand((unsigned)time(NULL));
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                if (argc > 2 && strcmp(argv[2], forms[i].name) != 0)
                        continue;
                failed += !run(&forms[i], kills);
                done++;
        }
        printf("kill: %d forms, %d kills in each, %d failed\n", done, kills, failed);
        return failed || !done;
}
