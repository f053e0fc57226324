/* The parent's side of looking names up: asking the child, taking its answers, the bound, and whose
 * order waits for them. */
#include "engine/order/lookup.h"
#include "base/unconst.h"
#include "engine/core/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/net/listen.h"

#define OWN_BINARY  "/proc/self/exe" /* also when the file was replaced or removed meanwhile */
#define ANSWERS_MAX (64u << 20)
#define ROUNDS_MAX  8 /* a name may hide others: that of a user in whose home a file is included */
#define TOO_LATE    "no answer within 5 seconds"

struct child {
        pid_t pid;
        struct child *next;
};

struct lookup {
        struct reading *waiting; /* borrowed list, in the order in which they came */
        struct child *children;  /* owned list: not reaped yet */
        bool is_asking, is_reading, is_late;
        int rounds;
        int64_t end_ms; /* of all that is asked for in this go */
        pid_t pid;
        int fd; /* owned: where its answers come from */
        struct buf answers;
        ev_io io;
        ev_timer limit;
        bool has_read; /* config and diags are for who is told now */
        struct config *config;
        struct diags diags;
};

static struct lookup *lookup_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_lookup);
}

/* ---- the child */

struct asked {
        pid_t pid;
        int fd;
};

static bool lookup_write_all(int fd, const struct buf *text)
{
        for (size_t done = 0; done < text->len;) {
                ssize_t n = write(fd, text->data + done, text->len - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                done += (size_t)n;
        }
        return lseek(fd, 0, SEEK_SET) == 0;
}

static int in_memory(const struct buf *text)
{
        AUTO_FD fd = memfd_create("names", MFD_CLOEXEC);

        if (text->failed)
                errno = ENOMEM;
        return fd < 0 || text->failed || !lookup_write_all(fd, text) ? -1 : fd_take(&fd);
}

static bool lookup_ask(const struct lookups *names, struct sys *sys, const sigset_t *mask,
                       struct asked *out, struct err *e)
{
        AUTO_BUF text = BUF_INIT;
        char *argv[] = { "supervisord", LOOKUP_FLAG, NULL };
        struct spawned result = { 0 };
        int ends[2];

        lookups_questions(names, &text);
        AUTO_FD questions = in_memory(&text);
        AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (questions < 0 || null < 0 || sys->pipe(sys, ends) < 0)
                return err_set(e, ERR_SYS, "it cannot be asked for");
        struct launch launch = { .path = OWN_BINARY,
                                 .argv = argv,
                                 .envp = unconst(lookups_world(names)->environ),
                                 .umask = -1,
                                 .fds = { questions, ends[1], null },
                                 .mask = mask,
                                 .own_program = true };
        bool fine = sys->spawn(sys, &launch, &result);
        sys->close(sys, ends[1]);
        if (!fine) {
                sys->close(sys, ends[0]);
                errno = result.error;
                return err_set(e, ERR_SYS, "it cannot be asked for: couldn't %s",
                               spawn_step_word(result.step));
        }
        sys->spawn_drop(sys, &result); /* who cannot be executed gives no answer */
        *out = (struct asked){ .pid = result.pid, .fd = ends[0] };
        return true;
}

/* What is there now. False: that was all. */
static bool lookup_read_some(struct sys *sys, int fd, struct buf *out)
{
        for (;;) {
                if (out->len > ANSWERS_MAX || !buf_reserve(out, 65536))
                        return false;
                ssize_t n = sys->read(sys, fd, out->data + out->len, 65536);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 && errno == EAGAIN;
                out->len += (size_t)n;
        }
}

static void lookup_take(struct lookups *names, struct buf *answers, const char *why)
{
        /* what could not be taken stays open, and is closed with the rest */
        lookups_take(names, buf_str(answers), answers->len);
        lookups_close(names, why);
        buf_release(answers);
}

/* ---- a go: from the first order that waits to the last one that was told */

static bool lookup_attempt(struct supervisor *s, struct lookup *k);

static void end_round(struct supervisor *s, const char *why)
{
        struct lookup *k = lookup_own(s);

        ev_io_stop(s->loop, &k->io);
        ev_timer_stop(s->loop, &k->limit);
        s->sys->close(s->sys, k->fd);
        k->is_asking = false;
        lookup_take(startup_of(s)->names, &k->answers, why);
        while (lookup_attempt(s, k))
                ;
}

static void lookup_on_answer(EV_P_ ev_io *w, int revents)
{
        struct supervisor *s = w->data;

        (void)loop, (void)revents;
        if (!lookup_read_some(s->sys, lookup_own(s)->fd, &lookup_own(s)->answers))
                end_round(s, "the look-up ended without an answer");
}

static void lookup_on_limit(EV_P_ ev_timer *w, int revents)
{
        struct supervisor *s = w->data;

        (void)loop, (void)revents;
        lookup_own(s)->is_late = true;
        s->sys->kill(s->sys, lookup_own(s)->pid, SIGKILL);
        lookup_read_some(s->sys, lookup_own(s)->fd, &lookup_own(s)->answers);
        end_round(s, TOO_LATE);
}

static bool begin_round(struct supervisor *s, struct lookup *k, struct err *e)
{
        struct child *c = calloc(1, sizeof *c);
        struct asked asked = { .fd = -1 };

        if (!c)
                return err_nomem(e);
        if (!lookup_ask(startup_of(s)->names, s->sys, &startup_of(s)->worker_mask, &asked, e)) {
                free(c);
                return false;
        }
        c->pid = k->pid = asked.pid;
        c->next = k->children;
        k->children = c;
        k->fd = asked.fd;
        k->is_asking = true;
        fd_nonblock(k->fd, true);
        int64_t left_ms = k->end_ms - clock_mono_ms();
        ev_io_init(&k->io, lookup_on_answer, k->fd, EV_READ);
        ev_timer_init(&k->limit, lookup_on_limit, left_ms > 0 ? (double)left_ms / 1000 : 0., 0.);
        k->io.data = k->limit.data = s;
        ev_now_update(s->loop);
        ev_io_start(s->loop, &k->io);
        ev_timer_start(s->loop, &k->limit);
        return true;
}

static void forget_read(struct lookup *k)
{
        k->has_read = false;
        config_free(k->config);
        k->config = NULL;
        diags_release(&k->diags);
        k->diags = (struct diags){ 0 };
}

/* The file was read with all its names known, or at the last attempt: the first order goes on. */
static void tell_first(struct lookup *k)
{
        struct reading *r = k->waiting;

        k->waiting = r->next;
        r->sup = NULL;
        k->has_read = true;
        r->on_read(r->arg);
        forget_read(k);
}

/* True: again, for the next order or because the names cannot be asked for. */
static bool lookup_attempt(struct supervisor *s, struct lookup *k)
{
        struct err e = { 0 };

        if (!k->waiting) {
                lookups_end(startup_of(s)->names);
                return false;
        }
        k->is_reading = true;
        if (s->daemon_state == DAEMON_RUNNING)
                k->config = config_load(s->config->path, WANT_RELOAD, startup_of(s)->overrides,
                                        startup_of(s)->override_count,
                                        lookups_world(startup_of(s)->names), &k->diags);
        bool is_whole =
            s->daemon_state != DAEMON_RUNNING || lookups_open(startup_of(s)->names) == 0;
        if (is_whole || ++k->rounds > ROUNDS_MAX) {
                tell_first(k);
                k->is_reading = false;
                return true;
        }
        forget_read(k);
        k->is_reading = false;
        if (!k->is_late && begin_round(s, k, &e))
                return false;
        lookups_close(startup_of(s)->names, k->is_late ? TOO_LATE : e.text);
        return true;
}

void reading_begin(struct supervisor *s, struct reading *r)
{
        struct reading **last;

        struct lookup *k = lookup_own(s);
        if (!startup_of(s)->names) {
                r->on_read(r->arg);
                return;
        }
        for (last = &k->waiting; *last; last = &(*last)->next)
                ;
        *last = r;
        r->next = NULL;
        r->sup = s;
        if (k->is_asking || k->is_reading)
                return;
        k->is_late = false;
        k->rounds = 0;
        k->end_ms = clock_mono_ms() + LOOKUP_LIMIT_S * 1000;
        lookups_begin(startup_of(s)->names);
        while (lookup_attempt(s, k))
                ;
}

void reading_cancel(struct reading *r)
{
        struct lookup *k = r->sup ? lookup_own(r->sup) : NULL;

        for (struct reading **at = k ? &k->waiting : NULL; at && *at; at = &(*at)->next)
                if (*at == r) {
                        *at = r->next;
                        break;
                }
        r->sup = NULL;
}

bool reading_take(struct supervisor *s, struct config **out, struct diags *diags)
{
        struct lookup *k = lookup_own(s);

        if (!k->has_read)
                return false;
        *out = k->config;
        *diags = k->diags;
        k->has_read = false;
        k->config = NULL;
        k->diags = (struct diags){ 0 };
        return true;
}

void lookup_hurry(struct supervisor *s)
{
        struct lookup *k = lookup_own(s);

        if (!k->is_asking)
                return;
        s->sys->kill(s->sys, k->pid, SIGKILL);
        end_round(s, "the daemon is ending");
}

bool lookup_has_children(const struct supervisor *s)
{
        return lookup_own(s)->children != NULL;
}

/* ---- its end */

static bool lookup_owns(const struct supervisor *s, pid_t pid)
{
        for (const struct child *c = lookup_own(s)->children; c; c = c->next)
                if (c->pid == pid)
                        return true;
        return false;
}

static bool lookup_on_reaped(struct supervisor *s, pid_t pid, int status)
{
        (void)status;
        for (struct child **at = &lookup_own(s)->children; *at; at = &(*at)->next) {
                struct child *c = *at;
                if (c->pid != pid)
                        continue;
                *at = c->next;
                free(c);
                return true;
        }
        return false;
}

static void lookup_release(struct supervisor *s)
{
        struct lookup *k = lookup_own(s);

        if (k->is_asking) {
                s->sys->kill(s->sys, k->pid, SIGKILL);
                ev_io_stop(s->loop, &k->io);
                ev_timer_stop(s->loop, &k->limit);
                s->sys->close(s->sys, k->fd);
        }
        for (struct reading *r = k->waiting; r; r = r->next)
                r->sup = NULL;
        while (k->children) {
                struct child *c = k->children;
                k->children = c->next;
                free(c);
        }
        forget_read(k);
        buf_release(&k->answers);
}

/* ---- before there is a loop */

static void wait_for_answers(struct lookups *names, struct sys *sys, struct asked *asked,
                             int64_t end_ms)
{
        AUTO_BUF answers = BUF_INIT;
        const char *why = TOO_LATE;
        int64_t left_ms;

        fd_nonblock(asked->fd, true);
        while ((left_ms = end_ms - clock_mono_ms()) > 0) {
                struct pollfd p = { .fd = asked->fd, .events = POLLIN };
                if (poll(&p, 1, (int)left_ms) > 0 && !lookup_read_some(sys, asked->fd, &answers)) {
                        why = "the look-up ended without an answer";
                        break;
                }
        }
        sys->kill(sys, asked->pid, SIGKILL);
        sys->close(sys, asked->fd);
        while (waitpid(asked->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        lookup_take(names, &answers, why);
}

static void take_given(struct lookups *names, struct sys *sys, int given)
{
        AUTO_BUF text = BUF_INIT;

        if (given < 0)
                return;
        if (lseek(given, 0, SEEK_SET) == 0)
                lookup_read_some(sys, given, &text);
        lookups_take(names, buf_str(&text), text.len);
        sys->close(sys, given);
}

struct config *lookup_load(struct lookups *names, struct sys *sys, const struct lookup_file *file,
                           int given, struct diags *diags)
{
        int64_t end_ms = clock_mono_ms() + LOOKUP_LIMIT_S * 1000;
        struct config *c = NULL;
        struct asked asked = { .fd = -1 };
        struct err e = { 0 };

        lookups_begin(names);
        take_given(names, sys, given);
        for (int round = 0; round <= ROUNDS_MAX; round++) {
                config_free(c);
                diags_release(diags);
                *diags = (struct diags){ 0 };
                c = config_load(file->path, file->want, file->overrides, file->override_count,
                                lookups_world(names), diags);
                if (lookups_open(names) == 0)
                        break;
                if (clock_mono_ms() >= end_ms)
                        lookups_close(names, TOO_LATE);
                else if (lookup_ask(names, sys, NULL, &asked, &e))
                        wait_for_answers(names, sys, &asked, end_ms);
                else
                        lookups_close(names, e.text);
        }
        lookups_end(names);
        return c;
}

int lookup_hand_over(const struct lookups *names)
{
        AUTO_BUF text = BUF_INIT;

        lookups_put(names, &text);
        return in_memory(&text);
}

bool lookup_listen(const struct host *w, const char *host, int port, int backlog, int *fds, int max,
                   int *count_out, struct err *e)
{
        AUTO_STRLIST addresses = STRLIST_INIT;
        struct err why = { 0 };

        if (listen_inet(host, port, backlog, fds, max, count_out, &why))
                return true;
        if (why.code != ERR_NOENT) {
                *e = why;
                return false;
        }
        if (w->resolve(w, host, &addresses, &why))
                return listen_addresses(host, &addresses, port, backlog, fds, max, count_out, e);
        return err_set(e, ERR_NOENT, "look up %s: %s", host, why.text);
}

const struct component component_lookup = { .name = "lookup",
                                            .size = sizeof(struct lookup),
                                            .release = lookup_release,
                                            .on_reaped = lookup_on_reaped,
                                            .owns = lookup_owns };
