/* Everything that the log thread and the readers' thread can be asked for, at once and under load:
 * for ThreadSanitizer, which Criterion cannot run under. A plain program:
 *
 *      load race               does what must be reported: two threads and one plain counter
 *      load logs DIR SECONDS   writers, rotation, reopening, other settings, restarts, followers,
 * the main log; then a stop of all, and what the ledgers and files say load stop DIR SECONDS   the
 * same, and an end in the middle
 *
 * Exit code 0: all was as it should be. */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "logs/intake/ledger.h"
#include "logs/logs.h"
#include "logs/mainlog/mainlog.h"
#include "readlog/reader.h"

#define STREAMS 10
#define LINES   20 /* per write */

struct load;

/* One worker: a thread that writes lines until it is told to end. */
struct writer {
        struct load *load;
        int number;
        struct stream *stream;
        struct read_stream *follower;
        pthread_t thread;
        int fd;
        long line; /* the thread's while it runs */
        atomic_bool end, has_ended;
        bool runs;
        int finished; /* as told */
        long starts;
        struct ledger_box *ledger;
};

struct load {
        const char *dir;
        struct ev_loop *loop;
        struct mainlog *mainlog;
        struct logs *logs;
        struct reader *reader;
        struct writer writers[STREAMS];
        ev_timer turn, over;
        ev_io syslog;
        int turns, open_parts;
        bool ending;
        int zip_from, zip_to;
        uint64_t texts, followed;
        int failures;
};

static void fail(struct load *l, const char *what, int n)
{
        fprintf(stderr, "load: %s (%d)\n", what, n);
        l->failures++;
}

static const char *path_of(const struct load *l, const char *name, int n)
{
        static char paths[4][256];
        static unsigned next;
        char *p = paths[next++ % 4];

        snprintf(p, sizeof paths[0], "%s/%s%d", l->dir, name, n);
        return p;
}

/* ---- the workers */

static void *write_lines(void *arg)
{
        struct writer *w = arg;
        char block[LINES * 32];

        while (!atomic_load(&w->end)) {
                int len = 0;
                for (int i = 0; i < LINES; i++)
                        len += snprintf(block + len, sizeof block - (size_t)len, "%d line %ld\n",
                                        w->number, ++w->line);
                if (write(w->fd, block, (size_t)len) != len)
                        break; /* its reader is gone */
        }
        close(w->fd);
        atomic_store(&w->has_ended, true);
        return NULL;
}

static int open_again(int fd, int flags)
{
        char path[40];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        return open(path, O_RDWR | O_CLOEXEC | flags);
}

/* The write end of the stream's pipe, which several runs use, or of a new pipe; -1: none. */
static int pipe_for(struct writer *w)
{
        int fds[2], reusable = stream_pipe(w->stream);
        struct err e;

        if (reusable >= 0)
                return open_again(reusable, 0);
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -1;
        int ours = w->number % 2 ? fds[0] : open_again(fds[0], O_NONBLOCK);
        if (ours != fds[0])
                close(fds[0]);
        if (ours >= 0 && stream_attach(w->stream, ours, NULL, &e))
                return fds[1];
        close(fds[1]);
        return -1;
}

static void start(struct writer *w)
{

        atomic_store(&w->end, false);
        atomic_store(&w->has_ended, false);
        w->fd = pipe_for(w);
        if (w->fd < 0) {
                fail(w->load, "no pipe", w->number);
                return;
        }
        stream_pid(w->stream, 1000 + w->number);
        w->runs = pthread_create(&w->thread, NULL, write_lines, w) == 0;
        w->starts++;
        if (!w->runs)
                fail(w->load, "no thread", w->number);
}

/* Ended and not yet told to the stream. */
static void look_after(struct writer *w)
{
        if (!w->runs || !atomic_load(&w->has_ended))
                return;
        pthread_join(w->thread, NULL);
        w->runs = false;
        stream_finish(w->stream);
}

/* ---- settings: of each kind one */

static struct stream_conf conf_of(const struct load *l, int n, int turn)
{
        static const enum log_format formats[] = { LOG_RAW, LOG_TEXT, LOG_JSON };
        static char process[STREAMS][16];
        struct stream_conf c = { .process = process[n],
                                 .path = n == 9 ? NULL : path_of(l, "o", n == 8 ? 7 : n),
                                 .maxbytes = 30000 + turn % 3 * 10000,
                                 .backups = 3,
                                 .format = formats[n % 3],
                                 .compress = n == 3,
                                 .events_enabled = n == 4,
                                 .drops = n == 5,
                                 .is_stderr = n % 2,
                                 .syslog = { .on = n == 6 || n == 9,
                                             .format = SYSLOG_RFC5424,
                                             .facility = 1,
                                             .level = 6 } };

        snprintf(process[n], sizeof process[n], "p%d", n);
        if (turn % 50 == 49 && n == 2)
                c.format = LOG_TEXT;
        return c;
}

/* ---- news */

static size_t on_text(void *arg, void *owner, bool is_stderr, enum text_kind kind, const char *data,
                      size_t len)
{
        struct load *l = arg;

        (void)owner, (void)is_stderr, (void)kind, (void)data;
        l->texts += len;
        return len;
}

static void on_finished(void *arg, void *owner, bool is_stderr)
{
        struct load *l = arg;
        struct writer *w = owner;

        (void)is_stderr;
        w->finished++;
        if (!l->ending)
                start(w);
}

static void on_trouble(void *arg, void *owner, bool is_stderr, const char *detail)
{
        (void)is_stderr, (void)owner, (void)detail;
        (void)arg;
}

static void on_dropped(void *arg, void *owner, bool is_stderr, uint64_t bytes)
{
        (void)arg, (void)owner, (void)is_stderr, (void)bytes;
}

static bool compress(void *arg, int from, int to)
{
        struct load *l = arg;

        l->zip_from = from;
        l->zip_to = to;
        return true;
}

/* What stands for gzip: the same bytes. */
static void zip(struct load *l)
{
        char block[65536];
        ssize_t n;

        if (l->zip_from < 0)
                return;
        bool fine = true;
        while ((n = read(l->zip_from, block, sizeof block)) > 0)
                fine = fine && write(l->zip_to, block, (size_t)n) == n;
        close(l->zip_from);
        close(l->zip_to);
        l->zip_from = l->zip_to = -1;
        logs_compressed(l->logs, fine);
}

static void on_attach_failed(void *arg, void *owner, bool is_stderr, const struct err *why)
{
        struct writer *w = owner;

        (void)is_stderr;
        fprintf(stderr, "load: %s\n", why->text);
        fail(arg, "a log could not be opened", w->number);
}

/* ---- followers */

static void on_begin(void *arg, const struct log_part *part)
{
        struct writer *w = arg;

        w->load->followed += part->text.len;
}

static void on_follow_text(void *arg, const char *data, size_t len)
{
        struct writer *w = arg;

        (void)data;
        w->load->followed += len;
        reader_taken(w->follower, len);
}

static void unfollow(struct writer *w)
{
        if (w->follower)
                reader_unfollow(w->follower);
        w->follower = NULL;
}

static void on_follow_end(void *arg)
{
        unfollow(arg);
}

static void follow(struct writer *w)
{
        const struct follow_news_handler h = { .arg = w,
                                               .on_begin = on_begin,
                                               .on_text = on_follow_text,
                                               .on_end = on_follow_end,
                                               .on_late = on_follow_end };
        struct follow_ask ask = { .path = stream_path(w->stream),
                                  .ledger = w->ledger,
                                  .from = { .from = FROM_TAIL, .value = 1000, .follow = true } };
        struct err e;

        if (!ask.path)
                return;
        unfollow(w);
        w->follower = reader_follow(w->load->reader, &ask, &h, &e);
}

struct part_job {
        char path[256];
        struct ledger_box *ledger;
        struct log_part part;
};

static void part_work(void *arg, struct read_turn *turn)
{
        struct part_job *j = arg;
        const struct log_ask ask = { .from = FROM_TAIL, .value = 5000, .turn = turn };

        log_part_read(j->path, j->ledger, &ask, &j->part);
}

static void part_done(void *owner, void *arg)
{
        struct load *l = owner;

        (void)arg;
        l->open_parts--;
}

static void part_drop(void *arg)
{
        struct part_job *j = arg;

        ledger_drop(j->ledger);
        log_part_release(&j->part);
        free(j);
}

static void ask_part(struct writer *w)
{
        static const struct read_work work = { part_work, part_done, part_drop };
        struct part_job *j = stream_path(w->stream) ? calloc(1, sizeof *j) : NULL;
        struct err e;

        if (!j)
                return;
        j->part.fd = -1;
        snprintf(j->path, sizeof j->path, "%s", stream_path(w->stream));
        j->ledger = ledger_ref(w->ledger);
        if (reader_ask(w->load->reader, &work, j, w->load, &e))
                w->load->open_parts++;
}

/* ---- one turn: each stream is asked for something, and looked at */

static void look(struct writer *w)
{
        struct stream_ledger s;
        AUTO_BUF why = BUF_INIT;

        stream_ledger(w->stream, &s);
        if (s.read != s.written + s.dropped + s.buffered)
                fail(w->load, "a ledger does not add up", w->number);
        stream_trouble(w->stream, &why);
}

static void ask(struct writer *w, int turn)
{
        struct stream_conf c;
        struct err e;

        switch (turn % 7) {
        case 0:
                stream_rotate(w->stream);
                break;
        case 1:
                stream_reopen(w->stream);
                break;
        case 2:
                c = conf_of(w->load, w->number, turn);
                if (!stream_configure(w->stream, &c, &e))
                        fail(w->load, "no new settings", w->number);
                break;
        case 3:
                atomic_store(&w->end, true); /* it is started again when its end is known */
                break;
        case 4:
                follow(w);
                break;
        case 5:
                ask_part(w);
                break;
        default:
                if (turn % 5 == 0)
                        stream_clear(w->stream);
        }
}

static void main_log_turn(struct load *l)
{
        struct mainlog_conf c = { .path = path_of(l, "main", l->turns % 100 > 50),
                                  .maxbytes = 20000,
                                  .backups = 2,
                                  .level = l->turns % 20 > 10 ? LVL_INFO : LVL_WARN };
        AUTO_BUF why = BUF_INIT;
        struct err e;

        for (int i = 0; i < 5; i++)
                log_line(mainlog_log(l->mainlog), LVL_WARN, "turn %d line %d", l->turns, i);
        if (l->turns % 10 == 0 && !mainlog_configure(l->mainlog, &c, &e))
                fail(l, "no new settings of the main log", l->turns);
        if (l->turns % 15 == 0)
                mainlog_reopen(l->mainlog);
        if (l->turns % 33 == 0)
                logs_syslog_socket(l->logs, path_of(l, "syslog", l->turns % 2));
        mainlog_trouble(l->mainlog, &why);
}

static void on_turn(EV_P_ ev_timer *t, int revents)
{
        struct load *l = t->data;

        (void)loop, (void)revents;
        l->turns++;
        zip(l);
        for (int i = 0; i < STREAMS; i++) {
                look_after(&l->writers[i]);
                look(&l->writers[i]);
        }
        if (!l->ending)
                ask(&l->writers[l->turns % STREAMS], l->turns / STREAMS + l->turns);
        main_log_turn(l);
}

static void on_syslog(EV_P_ ev_io *w, int revents)
{
        char text[9000];

        (void)loop, (void)revents;
        while (recv(w->fd, text, sizeof text, MSG_DONTWAIT) > 0)
                ;
}

static void on_over(EV_P_ ev_timer *t, int revents)
{
        (void)t, (void)revents;
        ev_break(loop, EVBREAK_ALL);
}

/* ---- beginning and end */

static bool listen_as_syslog(struct load *l)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        snprintf(a.sun_path, sizeof a.sun_path, "%s", path_of(l, "syslog", 0));
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0)
                return false;
        ev_io_init(&l->syslog, on_syslog, fd, EV_READ);
        ev_io_start(l->loop, &l->syslog);
        return true;
}

static bool begin(struct load *l)
{
        const struct logs_news news = { .arg = l,
                                        .on_text = on_text,
                                        .on_finished = on_finished,
                                        .on_trouble = on_trouble,
                                        .on_dropped = on_dropped,
                                        .compress = compress,
                                        .on_attach_failed = on_attach_failed };
        struct mainlog_conf c = { .path = path_of(l, "main", 0), .level = LVL_INFO };
        struct err e = { 0 };

        l->zip_from = l->zip_to = -1;
        l->loop = ev_loop_new(EVFLAG_NOENV);
        l->mainlog = mainlog_new(&c, &e);
        if (!l->loop || !l->mainlog || !listen_as_syslog(l))
                return false;
        l->logs = logs_new(l->loop, sys_real(), mainlog_log(l->mainlog), &news);
        l->reader = reader_new(l->loop);
        if (!l->logs || !l->reader || !logs_run(l->logs, l->mainlog, &e))
                return false;
        reader_run(l->reader);
        logs_syslog_socket(l->logs, path_of(l, "syslog", 0));
        logs_recover(l->logs, l->dir);
        logs_recovered(l->logs);
        for (int i = 0; i < STREAMS; i++) {
                struct writer *w = &l->writers[i];
                struct stream_conf s = conf_of(l, i, 0);
                w->load = l;
                w->number = i;
                w->stream = stream_new(l->logs, &s, w, &e);
                if (!w->stream)
                        return false;
                w->ledger = stream_ledger_ref(w->stream);
                start(w);
        }
        ev_timer_init(&l->turn, on_turn, .002, .002);
        l->turn.data = l;
        ev_timer_start(l->loop, &l->turn);
        return true;
}

static void run_for(struct load *l, double seconds)
{
        ev_timer_init(&l->over, on_over, seconds, 0.);
        ev_timer_start(l->loop, &l->over);
        ev_run(l->loop, 0);
}

static bool all_have_ended(const struct load *l)
{
        for (int i = 0; i < STREAMS; i++)
                if (l->writers[i].runs || l->writers[i].finished < l->writers[i].starts)
                        return false;
        return l->open_parts == 0;
}

static void end_writers(struct load *l)
{
        l->ending = true;
        for (int i = 0; i < STREAMS; i++)
                atomic_store(&l->writers[i].end, true);
        for (int i = 0; i < 600 && !all_have_ended(l); i++)
                run_for(l, .05);
        if (!all_have_ended(l))
                fail(l, "a writer's end was never announced", 0);
}

static void release(struct load *l)
{
        ev_timer_stop(l->loop, &l->turn);
        for (int i = 0; i < STREAMS; i++) {
                struct writer *w = &l->writers[i];
                atomic_store(&w->end, true);
                unfollow(w);
                stream_free(w->stream);
        }
        logs_free(l->logs);
        for (int i = 0; i < STREAMS; i++) {
                struct writer *w = &l->writers[i];
                struct stream_ledger s;
                if (w->runs)
                        pthread_join(w->thread, NULL);
                ledger_look(w->ledger, &s);
                if (s.read != s.written + s.dropped + s.buffered)
                        fail(l, "a ledger does not add up at the end", i);
                if (!s.read)
                        fail(l, "a stream has read nothing", i);
                ledger_drop(w->ledger);
        }
        while (l->open_parts > 0)
                run_for(l, .01);
        reader_free(l->reader);
        mainlog_free(l->mainlog);
        ev_io_stop(l->loop, &l->syslog);
        close(l->syslog.fd);
        ev_loop_destroy(l->loop);
}

static int run_load(const char *dir, double seconds, bool in_the_middle)
{
        static struct load l;

        signal(SIGPIPE, SIG_IGN);
        l.dir = dir;
        if (!begin(&l)) {
                fprintf(stderr, "load: cannot begin: %s\n", strerror(errno));
                return 1;
        }
        run_for(&l, seconds);
        if (!in_the_middle)
                end_writers(&l);
        release(&l);
        if (l.turns < 20 || !l.texts || !l.followed)
                fail(&l, "too little has happened", l.turns);
        return l.failures ? 1 : 0;
}

/* ---- the proof that reports are made */

static long counter;

static void *count(void *arg)
{
        (void)arg;
        for (int i = 0; i < 100000; i++)
                counter++;
        return NULL;
}

static int run_race(void)
{
        pthread_t a, b;

        if (pthread_create(&a, NULL, count, NULL) != 0 ||
            pthread_create(&b, NULL, count, NULL) != 0)
                return 1;
        pthread_join(a, NULL);
        pthread_join(b, NULL);
        return counter == 0;
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "race") == 0)
                return run_race();
        if (argc == 4 && strcmp(argv[1], "logs") == 0)
                return run_load(argv[2], strtod(argv[3], NULL), false);
        if (argc == 4 && strcmp(argv[1], "stop") == 0)
                return run_load(argv[2], strtod(argv[3], NULL), true);
        fprintf(stderr, "usage: load race | logs DIR SECONDS | stop DIR SECONDS\n");
        return 2;
}
