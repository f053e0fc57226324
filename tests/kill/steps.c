/* logs/ killed at each single step: before, after and in the middle of every system call that
 * changes anything, by a kernel that counts; and the successor, too. Where kill.c tries moments by
 * chance, this one leaves none out.
 *
 *      steps [-s] [form]
 *
 * -s: at each step one of the three moments, in turn: for builds in which a fork is dear. */
#include <dirent.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logs/logs.h"

#define KILLED    99
#define BACKUPS   60
#define STREAMS   2
#define LINES     24     /* of each stream */
#define LONG_LINE 300000 /* longer than one that is held back whole */
#define MOST      (LINES * (LONG_LINE + 300))
#define BEGIN     "<!--XSUPERVISOR:BEGIN-->"
#define END       "<!--XSUPERVISOR:END-->"

enum moment { BEFORE, AFTER, HALF, MOMENTS };

/* A kernel that ends the process at the nth change. */
struct mortal {
        struct sys ops; /* first: cast back */
        long left;      /* 0: never */
        enum moment moment;
};

struct form {
        const char *name;
        struct stream_conf conf;
        bool shared;     /* two streams, one file */
        bool long_lines; /* so many bytes that the spool is cut */
};

static const struct form forms[] = {
        { "text", .conf = { .format = LOG_TEXT } },
        { "json", .conf = { .format = LOG_JSON, .maxbytes = 700 } },
        { "text-rotated", .conf = { .format = LOG_TEXT, .maxbytes = 300 } },
        { "strip", .conf = { .strip_ansi = true, .maxbytes = 300 } },
        { "capture", .conf = { .capture_maxbytes = 40, .maxbytes = 300 } },
        { "text-capture-strip", .conf = { .format = LOG_TEXT,
                                          .capture_maxbytes = 40,
                                          .strip_ansi = true,
                                          .maxbytes = 300 } },
        { "text-shared", .conf = { .format = LOG_TEXT, .maxbytes = 300 }, .shared = true },
        { "events", .conf = { .events_enabled = true, .maxbytes = 300 } },
        { "text-long", .conf = { .format = LOG_TEXT }, .long_lines = true },
        { "capture-long", .conf = { .capture_maxbytes = 40 }, .long_lines = true },
};

/* Between the processes. */
struct board {
        size_t said[STREAMS]; /* bytes that were written to the pipe */
};

struct rig {
        const struct form *form;
        struct stream_conf conf;
        char dir[64];
        int ends[STREAMS][2];
        int streams;
        struct board *board;
};

/* ---- the kernel */

static bool is_over(struct sys *s)
{
        struct mortal *m = s->arg;

        return m->left > 0 && --m->left == 0;
}

/* Dies before or within the call; true: after it. */
static bool enter(struct sys *s, bool *half)
{
        const struct mortal *m = s->arg;
        bool over = is_over(s);

        *half = over && m->moment == HALF;
        if (over && m->moment == BEFORE)
                _exit(KILLED);
        return over;
}

static ssize_t leave(bool over, ssize_t result)
{
        int saved = errno;

        if (over)
                _exit(KILLED);
        errno = saved;
        return result;
}

static int m_open(struct sys *s, const char *path, int flags, mode_t mode)
{
        bool half, over = flags & O_CREAT && enter(s, &half);

        return (int)leave(over, sys_real()->open(sys_real(), path, flags, mode));
}

static int m_open_file(struct sys *s, const char *path, uid_t owner, int flags, mode_t mode,
                       struct stat *out, struct err *e)
{
        bool half, over = flags & O_CREAT && enter(s, &half);

        return (int)leave(over,
                          sys_real()->open_file(sys_real(), path, owner, flags, mode, out, e));
}

static ssize_t m_write(struct sys *s, int fd, const void *data, size_t len)
{
        bool half, over = enter(s, &half);

        return leave(over, sys_real()->write(sys_real(), fd, data, half ? len / 2 : len));
}

static ssize_t m_pwrite(struct sys *s, int fd, const void *data, size_t len, off_t at)
{
        bool half, over = enter(s, &half);

        return leave(over, sys_real()->pwrite(sys_real(), fd, data, half ? len / 2 : len, at));
}

static ssize_t m_splice(struct sys *s, int from, int to, off_t at, size_t len)
{
        bool half, over = enter(s, &half);

        return leave(over, sys_real()->splice(sys_real(), from, to, at, half ? 7 : len));
}

static int m_ftruncate(struct sys *s, int fd, off_t size)
{
        bool half, over = enter(s, &half);

        return (int)leave(over, sys_real()->ftruncate(sys_real(), fd, size));
}

static int m_rename(struct sys *s, const char *from, const char *to)
{
        bool half, over = enter(s, &half);

        return (int)leave(over, sys_real()->rename(sys_real(), from, to));
}

static int m_unlink(struct sys *s, const char *path)
{
        bool half, over = enter(s, &half);

        return (int)leave(over, sys_real()->unlink(sys_real(), path));
}

/* Calls that change nothing know no kernel but the real one. */
static void mortal_init(struct mortal *m, long left, enum moment moment)
{
        *m = (struct mortal){ .ops = *sys_real(), .left = left, .moment = moment };
        m->ops.arg = m;
        m->ops.open = m_open;
        m->ops.open_file = m_open_file;
        m->ops.write = m_write;
        m->ops.pwrite = m_pwrite;
        m->ops.splice = m_splice;
        m->ops.ftruncate = m_ftruncate;
        m->ops.rename = m_rename;
        m->ops.unlink = m_unlink;
}

/* ---- what is said, and what has to be found */

static size_t line_of(const struct form *f, const struct stream_conf *c, int stream, int number,
                      char *out)
{
        size_t n = 0;

        if (c->capture_maxbytes && number % 5 == 2)
                n += (size_t)sprintf(out + n, BEGIN "text %d\nfor \033[1mothers" END, number);
        n += (size_t)sprintf(out + n, "%c%03d ", 'A' + stream, number);
        if (c->strip_ansi)
                n += (size_t)sprintf(out + n, "\033[3%dm", number % 8);
        if (c->capture_maxbytes && number % 7 == 3)
                n += (size_t)sprintf(out + n, BEGIN "in the middle" END);
        n += (size_t)sprintf(out + n, "%.*s", number * 7 % 30, "abcdefghijklmnopqrstuvwxyz=====");
        if (f->long_lines && number % 12 == 1) {
                memset(out + n, 'x', LONG_LINE);
                n += LONG_LINE;
        }
        out[n++] = '\n';
        out[n] = '\0';
        return n;
}

static size_t all_of(const struct rig *r, int stream, char *out)
{
        size_t n = 0;

        for (int i = 0; i < LINES; i++)
                n += line_of(r->form, &r->conf, stream, i, out + n);
        return n;
}

/* ---- the processes */

static void tell(struct log *l, enum log_level level, const char *text, size_t len)
{
        (void)l, (void)level;
        fprintf(stderr, "%.*s\n", (int)len, text);
}

static size_t on_text(void *arg, void *owner, bool is_stderr, enum text_kind kind, const char *data,
                      size_t len)
{
        (void)arg, (void)owner, (void)is_stderr, (void)kind, (void)data;
        return len;
}

static void settle(struct ev_loop *loop)
{
        for (int i = 0; i < 3; i++)
                ev_run(loop, EVRUN_NOWAIT);
}

/* Pieces of all sizes, so that lines and tokens straddle them. */
static bool say_some(struct rig *r, int stream, int round)
{
        static const size_t pieces[] = { 3, 40, 1, 150, 17, 64, 300, 9 };
        static char text[MOST];
        size_t all = all_of(r, stream, text), at = r->board->said[stream];
        size_t n = pieces[(size_t)(round + stream) % (sizeof pieces / sizeof *pieces)];

        if (r->form->long_lines)
                n *= 150;

        if (at == all)
                return false;
        n = n < all - at ? n : all - at;
        if (write(r->ends[stream][1], text + at, n) != (ssize_t)n)
                _exit(3);
        r->board->said[stream] += n;
        return true;
}

static void live(struct rig *r, long left, enum moment moment)
{
        struct log log = { .level = LVL_INFO, .write = tell };
        const struct logs_news news = { .on_text = on_text };
        struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
        struct stream *streams[STREAMS] = { NULL };
        struct mortal kernel;
        struct err e = { 0 };
        bool more = true;

        mortal_init(&kernel, left, moment);
        struct logs *l = logs_new(loop, &kernel.ops, &log, &news);
        logs_recover(l, r->dir);
        for (int i = 0; i < r->streams; i++) {
                streams[i] = stream_new(l, &r->conf, NULL, &e);
                if (!streams[i] || !stream_attach(streams[i], dup(r->ends[i][0]), NULL, &e))
                        _exit(2);
        }
        logs_recovered(l);
        settle(loop);
        for (int round = 0; more; round++) {
                more = false;
                for (int i = 0; i < r->streams; i++)
                        more = say_some(r, i, round) || more;
                settle(loop);
        }
        for (int i = 0; i < r->streams; i++)
                stream_finish(streams[i]);
        for (int i = 0; i < r->streams; i++)
                stream_free(streams[i]);
        logs_free(l);
        ev_loop_destroy(loop);
        _exit(0);
}

/* Its exit code: 0 where it came to its end. */
static int run(struct rig *r, long left, enum moment moment)
{
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
                live(r, left, moment);
        waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- what is in the logs */

static const char *message(const struct stream_conf *c, char *line)
{
        char *at = c->format == LOG_TEXT   ? strstr(line, "Z p ")
                   : c->format == LOG_JSON ? strstr(line, "\"message\":\"")
                                           : line;
        char *end = strstr(line, "\"}\n");

        if (!at || line[strlen(line) - 1] != '\n' || (c->format == LOG_JSON && !end))
                return NULL;
        if (c->format == LOG_JSON)
                strcpy(end, "\n");
        return at + (c->format == LOG_TEXT ? 4 : c->format == LOG_JSON ? 11 : 0);
}

static bool check_line(const struct rig *r, int next[STREAMS], char *line)
{
        const struct stream_conf plain = { .process = "p" };
        const char *s = message(&r->conf, line);
        int stream = s ? s[0] - 'A' : -1;
        static char want[LONG_LINE + 300];

        if (stream < 0 || stream >= r->streams)
                return false;
        line_of(r->form, &plain, stream, next[stream]++, want);
        return strcmp(want, s) == 0;
}

static bool check(const struct rig *r)
{
        char path[128], *line = NULL;
        int next[STREAMS] = { 0 };
        size_t size = 0;
        bool fine = true;

        for (int number = BACKUPS; number >= 0; number--) {
                snprintf(path, sizeof path, number ? "%s/log.%d" : "%s/log", r->dir, number);
                FILE *f = fopen(path, "r");
                while (f && getline(&line, &size, f) > 0)
                        if (!check_line(r, next, line) && fine) {
                                fprintf(stderr, "%s: line %d/%d expected, found: %.100s\n", path,
                                        next[0], next[1], line);
                                fine = false;
                        }
                if (f)
                        fclose(f);
        }
        free(line);
        for (int i = 0; i < r->streams; i++)
                fine = fine && next[i] == LINES;
        return fine;
}

/* False: a spool was left over. */
static bool empty_dir(const struct rig *r)
{
        char path[400];
        bool fine = true;
        DIR *d = opendir(r->dir);

        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                fine = fine && strncmp(e->d_name, "spool-", 6) != 0;
                snprintf(path, sizeof path, "%s/%s", r->dir, e->d_name);
                unlink(path);
        }
        closedir(d);
        return fine;
}

/* ---- one life, and the next */

static void open_pipes(struct rig *r)
{
        for (int i = 0; i < r->streams; i++)
                if (pipe2(r->ends[i], O_CLOEXEC) < 0)
                        exit(2);
        memset(r->board->said, 0, sizeof r->board->said);
}

static void close_pipes(struct rig *r)
{
        for (int i = 0; i < r->streams; i++) {
                close(r->ends[i][0]);
                close(r->ends[i][1]);
        }
}

/* Killed at that step, the successor at `second` of its own (0: not). False: the log is wrong. */
static bool try_step(struct rig *r, long step, enum moment moment, long second, bool *reached)
{
        open_pipes(r);
        int first = run(r, step, moment), next = first;
        *reached = first == KILLED;
        if (*reached && second)
                next = run(r, second, (enum moment)((moment + 1) % MOMENTS));
        if (next == KILLED)
                next = run(r, 0, BEFORE);
        bool right = check(r), clean = empty_dir(r);
        close_pipes(r);
        if (next != 0 || !right || !clean)
                fprintf(stderr, "%s: killed at step %ld (%d), then %ld: ended with %d%s%s\n",
                        r->form->name, step, (int)moment, second, next,
                        right ? "" : ", the log is wrong", clean ? "" : ", a spool is left");
        return next == 0 && right && clean;
}

static bool run_form(const struct form *f, struct board *board, bool sparse)
{
        struct rig r = { .form = f,
                         .conf = f->conf,
                         .streams = f->shared ? 2 : 1,
                         .board = board,
                         .dir = "/tmp/logs-steps-XXXXXX" };
        char path[128];
        long steps = 0, wrong = 0, tries = 0;
        bool reached = true;

        if (!mkdtemp(r.dir))
                return false;
        snprintf(path, sizeof path, "%s/log", r.dir);
        r.conf.path = path;
        r.conf.process = "p";
        r.conf.backups = BACKUPS;
        for (long step = 1; reached && wrong < 5; step++) {
                int first = sparse ? (int)(step % MOMENTS) : 0, end = sparse ? first + 1 : MOMENTS;
                for (int moment = first; moment < end && reached; moment++, tries++)
                        wrong += !try_step(&r, step, (enum moment)moment, (step * 3 + moment) % 12,
                                           &reached);
                steps = step;
        }
        rmdir(r.dir);
        printf("%-20s %ld steps, %ld kills, %ld logs are wrong\n", f->name, steps - 1, tries,
               wrong);
        fflush(stdout);
        return wrong == 0 && steps > 20;
}

int main(int argc, char **argv)
{
        struct board *board =
            mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        bool sparse = argc > 1 && strcmp(argv[1], "-s") == 0;
        const char *only = argc > 1 + sparse ? argv[1 + sparse] : NULL;
        int failed = 0, done = 0;

        if (board == MAP_FAILED)
                return 2;
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                if (only && strcmp(only, forms[i].name) != 0)
                        continue;
                failed += !run_form(&forms[i], board, sparse);
                done++;
        }
        printf("steps: %d forms, %d failed\n", done, failed);
        return failed || !done;
}
