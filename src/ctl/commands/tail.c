/* Lines of several logs: first what is there, log by log; then, with -f, what comes, as it comes.
 * Processes that are added meanwhile are followed, too, if the names mean them; a daemon that goes
 * is waited for. */
#include "ctl/commands/tail.h"
#include "base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/commands/names.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"
#include "wire/sse.h"

#define WHAT       "tail of several logs"
#define AGAIN_MS   200  /* after a stream that ended at once */
#define MISSING_MS 1000 /* for a file that is still to be made */
#define LOOK_MS    500  /* between two looks for new processes */

struct tail {
        struct ctl *ctl; /* borrowed, like the next one */
        const struct tail_ask *ask;
        struct tail_out out;
        struct tail_source **items; /* owned, in the order of status */
        size_t count, cap;
        struct http *events; /* owned; NULL: none at present */
        struct sse sse;
        bool down; /* there is no daemon: it is waited for */
        bool over;
        int64_t due_ms;  /* when the daemon, or its events, are tried again; 0: not */
        int64_t look_ms; /* when to look for new processes; 0: not */
        int64_t looked_ms;
};

/* ---- which logs */

static struct tail_source *tail_find(const struct tail *t, const char *name, bool is_stderr)
{
        for (size_t i = 0; i < t->count; i++)
                if (t->items[i]->is_stderr == is_stderr && strcmp(t->items[i]->name, name) == 0)
                        return t->items[i];
        return NULL;
}

static struct tail_source *tail_add(struct tail *t, const char *name, bool is_stderr)
{
        if (t->count == t->cap) {
                size_t cap = t->cap ? t->cap * 2 : 16;
                void *more = realloc(t->items, cap * sizeof(struct tail_source *));
                if (!more)
                        return NULL;
                t->items = more;
                t->cap = cap;
        }
        struct tail_source *s = tail_source_new(&t->out, name, is_stderr);
        if (!s)
                return NULL;
        t->items[t->count++] = s;
        if (t->out.width < (int)utf8_characters(name))
                t->out.width = (int)utf8_characters(name);
        return s;
}

static void tail_drop_front(struct tail *t, size_t at)
{
        tail_lines_end(&t->items[at]->lines);
        tail_source_free(t->items[at]);
        memmove(t->items + at, t->items + at + 1, (--t->count - at) * sizeof *t->items);
}

/* The logs of these processes that are not known yet. False: too many, or no memory; said. */
static bool add_logs(struct tail *t, const json_t *processes)
{
        static const char *const channels[] = { "stdout", "stderr" };

        for (size_t i = 0; i < json_array_size(processes); i++) {
                const json_t *p = json_array_get(processes, i);
                const char *name = json_text(p, "name");
                for (int k = 0; k < 2; k++) {
                        if (!t->ask->streams[k] || tail_find(t, name, k == 1) ||
                            !json_is_object(json_object_get(p, channels[k])))
                                continue;
                        if (t->count < TAIL_LOGS_MAX && tail_add(t, name, k == 1))
                                continue;
                        ctl_fail(t->ctl, EXIT_GENERIC,
                                 "ERROR: more than %d logs: say fewer names, or one of --stdout "
                                 "and --stderr",
                                 TAIL_LOGS_MAX);
                        return false;
                }
        }
        return true;
}

/* Of these processes the ones that were asked for. */
static bool add_asked(struct tail *t, const json_t *all)
{
        const struct strlist *names = &t->ask->names;

        if (strlist_has(names, "all"))
                return add_logs(t, all);
        json_t *meant = json_array();
        bool fine = meant != NULL;
        for (size_t i = 0; fine && i < names->count; i++)
                fine = processes_select(all, names->items[i], meant);
        fine = fine && add_logs(t, meant);
        json_decref(meant);
        return fine;
}

static bool find_logs(struct tail *t)
{
        int failed = t->ctl->exit_code;
        json_t *doc = v1_processes(t->ctl, &t->ask->names, NULL, EXIT_GENERIC);

        if (!doc)
                return false;
        bool fine = add_logs(t, json_object_get(doc, "processes"));
        size_t processes = json_array_size(json_object_get(doc, "processes"));
        json_decref(doc);
        if (fine && !t->count && processes && !t->ask->follow && t->ctl->exit_code == failed)
                ctl_fail(t->ctl, EXIT_GENERIC, "%s: ERROR (no log file)", t->ask->names.items[0]);
        return fine && (processes > 0 || (t->ask->follow && t->ctl->exit_code == failed));
}

/* ---- what is there */

static void say_down(struct tail *t, const struct reply *r)
{
        ctl_say_failed(t->ctl, r);
        t->over = true;
}

static bool tail_read_all(struct tail *t)
{
        for (size_t i = 0; i < t->count && !t->over; i++) {
                AUTO_REPLY r = REPLY_INIT;
                struct tail_source *s = t->items[i];
                enum tail_got got = tail_source_read(t->ctl, s, &r);
                if (got == TAIL_DOWN)
                        say_down(t, &r);
                t->over = t->over || got == TAIL_STOP || ferror(t->out.out);
                if (got == TAIL_NOTHING && t->count == 1 && !t->ask->follow)
                        ctl_fail(t->ctl, EXIT_GENERIC, "%s: ERROR (no log file)", s->name);
        }
        fflush(t->out.out);
        return !t->over;
}

/* ---- what comes */

static void lose_daemon(struct tail *t)
{
        if (!t->down) {
                fflush(t->out.out);
                fprintf(t->ctl->err,
                        "tail: %s is gone; waiting for it to come back (Ctrl-C to leave)\n",
                        t->ctl->session.url.text);
        }
        t->down = true;
        t->due_ms = clock_mono_ms() + AGAIN_MS;
}

/* From where it is: first what came meanwhile, which may be much, then what comes. */
static void open_source(struct tail *t, struct tail_source *s, bool meanwhile)
{
        AUTO_REPLY r = REPLY_INIT;
        enum tail_got got = TAIL_GOT;

        if (meanwhile)
                got = tail_source_go_on(t->ctl, s, &r);
        if (got == TAIL_GOT)
                got = tail_source_follow(t->ctl, s, &r);
        if (got == TAIL_DOWN)
                lose_daemon(t);
        else if (got == TAIL_STOP)
                t->over = true;
        s->due_ms = got == TAIL_NOTHING ? clock_mono_ms() + MISSING_MS : 0;
}

/* Soon; not more often than it takes. */
static void tail_look_soon(struct tail *t)
{
        int64_t now = clock_mono_ms();

        if (!t->look_ms)
                t->look_ms = t->looked_ms + LOOK_MS > now ? t->looked_ms + LOOK_MS : now;
}

static bool tail_on_event(void *arg, const char *type, const char *data)
{
        struct tail *t = arg;
        json_t *event = json_loads(data, 0, NULL);
        const char *name = json_text(event, "name");

        (void)type;
        for (int k = 0; k < 2 && *name; k++)
                if (t->ask->streams[k] && !tail_find(t, name, k == 1))
                        tail_look_soon(t);
        json_decref(event);
        return true;
}

static void open_events(struct tail *t)
{
        AUTO_REPLY r = REPLY_INIT;

        sse_release(&t->sse);
        t->sse = (struct sse){ .on_event = tail_on_event, .arg = t };
        t->events = session_get(&t->ctl->session, &r, "/v1/events?types=process.state", NULL);
        t->due_ms = t->events ? 0 : clock_mono_ms() + AGAIN_MS;
        if (t->events)
                http_stream(t->events, sse_feed, &t->sse);
}

/* A new process: its log from its beginning. One that was just there does not come again. */
static void look_for_new(struct tail *t)
{
        AUTO_REPLY r = REPLY_INIT;
        size_t known = t->count;

        t->look_ms = 0;
        t->looked_ms = clock_mono_ms();
        if (!session_json(&t->ctl->session, &r, "/v1/processes", NULL)) {
                t->over = r.kind == REPLY_INTERRUPTED;
                if (r.kind == REPLY_DOWN)
                        lose_daemon(t);
        }
        t->over = t->over || !add_asked(t, json_object_get(r.json, "processes"));
        for (size_t i = known; i < t->count && !t->over; i++)
                open_source(t, t->items[i], true);
}

/* ---- waiting for all of it */

static bool tail_is_due(int64_t due_ms, int64_t now_ms)
{
        return due_ms && due_ms <= now_ms;
}

static void try_daemon(struct tail *t)
{
        AUTO_REPLY r = REPLY_INIT;

        t->due_ms = clock_mono_ms() + AGAIN_MS;
        if (!session_json(&t->ctl->session, &r, "/v1/info", NULL)) {
                t->over = r.kind == REPLY_INTERRUPTED;
                return;
        }
        fprintf(t->ctl->err, "tail: it is back\n");
        t->down = false;
        t->due_ms = 0;
        tail_look_soon(t);
        for (size_t i = 0; i < t->count; i++)
                if (!t->items[i]->stream)
                        t->items[i]->due_ms = 1;
}

static void do_due(struct tail *t)
{
        int64_t now = clock_mono_ms();

        if (t->down && tail_is_due(t->due_ms, now))
                try_daemon(t);
        for (size_t i = 0; i < t->count && !t->down && !t->over; i++)
                if (!t->items[i]->stream && tail_is_due(t->items[i]->due_ms, now))
                        open_source(t, t->items[i], true);
        if (!t->down && !t->over && !t->events && t->due_ms <= now)
                open_events(t);
        if (!t->down && !t->over && tail_is_due(t->look_ms, now))
                look_for_new(t);
        for (size_t i = t->count; i-- > 0;)
                if (t->items[i]->gone)
                        tail_drop_front(t, i);
}

static void tail_sooner(int64_t *first, int64_t due_ms)
{
        if (due_ms && (!*first || due_ms < *first))
                *first = due_ms;
}

static int next_wait(const struct tail *t)
{
        int64_t first = t->due_ms, now = clock_mono_ms();

        if (!t->down)
                tail_sooner(&first, t->look_ms);
        for (size_t i = 0; i < t->count && !t->down; i++)
                if (!t->items[i]->stream)
                        tail_sooner(&first, t->items[i]->due_ms);
        if (!first)
                return -1;
        return first > now ? (int)(first - now) : 0;
}

static void tail_pump(struct tail *t, const struct pollfd *p, size_t sources)
{
        struct err e;

        for (size_t i = 0; i < sources && !t->over; i++) {
                struct tail_source *s = t->items[i];
                if (!p[i].revents || !s->stream)
                        continue;
                if (!tail_source_pump(s)) /* at once only if that is not for nothing */
                        s->due_ms = s->begun ? 1 : clock_mono_ms() + AGAIN_MS;
        }
        if (t->events && p[sources].revents && http_feed(t->events, &e) != HTTP_MORE) {
                http_free(t->events);
                t->events = NULL;
                t->due_ms = clock_mono_ms() + AGAIN_MS;
                tail_look_soon(t);
        }
        if (p[sources + 1].revents) {
                http_wait_fd(-1, 0, p[sources + 1].fd, 0, &e); /* take the signal */
                t->over = true;
        }
        fflush(t->out.out);
        t->over = t->over || ferror(t->out.out);
}

static void tail_step(struct tail *t, struct pollfd *p)
{
        size_t n = t->count;

        for (size_t i = 0; i < n; i++)
                p[i] =
                    (struct pollfd){ .fd = t->items[i]->stream ? http_fd(t->items[i]->stream) : -1,
                                     .events = POLLIN };
        p[n] = (struct pollfd){ .fd = t->events ? http_fd(t->events) : -1, .events = POLLIN };
        p[n + 1] = (struct pollfd){ .fd = t->ctl->session.wait.interrupt_fd, .events = POLLIN };
        int ready = poll(p, n + 2, next_wait(t));
        if (ready > 0)
                tail_pump(t, p, n);
        else if (ready < 0 && errno != EINTR)
                t->over = true;
}

static void follow_all(struct tail *t)
{
        struct pollfd *p = calloc(TAIL_LOGS_MAX + 2, sizeof *p);

        if (!p) {
                ctl_fail(t->ctl, EXIT_GENERIC, "error: out of memory");
                return;
        }
        open_events(t);
        tail_look_soon(t); /* for what came before that */
        for (size_t i = 0; i < t->count && !t->over; i++)
                open_source(t, t->items[i], t->items[i]->missing);
        while (!t->over) {
                do_due(t);
                if (!t->over)
                        tail_step(t, p);
        }
        free(p);
        if (t->ctl->tty_out)
                fputc('\n', t->out.out);
}

void tail_run(struct ctl *c, const struct tail_ask *ask)
{
        struct tail t = { .ctl = c,
                          .ask = ask,
                          .out = { .ctl = c, .out = c->out, .ask = ask, .colour = c->colour } };

        if (find_logs(&t) && tail_read_all(&t) && ask->follow)
                follow_all(&t);
        for (size_t i = 0; i < t.count; i++) {
                tail_lines_end(&t.items[i]->lines);
                tail_source_free(t.items[i]);
        }
        free(t.items);
        http_free(t.events);
        sse_release(&t.sse);
}
