/* Asks a new binary whether it can take over, and lists what it will need. The exec itself is the
 * wiring's. */
#include "engine/order/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sanitize.h"
#include "engine/core/audit.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/events/listeners.h"
#include "engine/order/lookup.h"
#include "engine/persist/state.h"
#include "engine/run/stdin_pipe.h"
#include "engine/run/streams.h"
#include "engine/sockets/fcgi.h"
#include "model/config/cmdline.h"
#include "sys/store/handover.h"

#define CHECK_S   10.  /* a binary that does not answer --check in that time is none */
#define SAID_MOST 4096 /* of its answer: the beginning and the end are looked at */

struct upgrade {
        char *binary;           /* owned */
        struct reading reading; /* first: the next image is to know the names that the file needs */
        bool is_inside;         /* it ended at once */
        struct err *trouble;    /* borrowed: then this says why there is no check */
        pid_t pid;              /* of the check; 0: not begun */
        struct spawned start;   /* its report is owned */
        int said;               /* owned: what it says goes to this memory */
        ev_timer limit;
        upgrade_fn *on_checked; /* NULL: who asked is gone */
        void *arg;
};

static struct upgrade *upgrade_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_upgrade);
}

static void upgrade_release(struct supervisor *s)
{
        if (!upgrade_own(s))
                return;
        reading_cancel(&upgrade_own(s)->reading);
        ev_timer_stop(s->loop, &upgrade_own(s)->limit);
        fd_close(&upgrade_own(s)->said);
        s->sys->spawn_drop(s->sys, &upgrade_own(s)->start);
        free(upgrade_own(s)->binary);
        free(upgrade_own(s));
        component_set(s, COMPONENT_upgrade, NULL);
}

static bool upgrade_owns(const struct supervisor *s, pid_t pid)
{
        return upgrade_own(s) && pid > 0 && upgrade_own(s)->pid == pid;
}

void upgrade_forget(struct supervisor *s, const void *arg)
{
        if (upgrade_own(s) && upgrade_own(s)->arg == arg)
                upgrade_own(s)->on_checked = NULL;
}

static void upgrade_on_limit(EV_P_ ev_timer *w, int revents)
{
        struct supervisor *s = w->data;

        (void)loop, (void)revents;
        s->sys->kill(s->sys, upgrade_own(s)->pid, SIGKILL);
}

/* Its beginning or its end, as much as there is room for. False: it said nothing. */
static bool read_said(int said, bool is_end, char text[SAID_MOST + 1])
{
        off_t size = is_end ? lseek(said, 0, SEEK_END) : 0;
        ssize_t n =
            size < 0 ? -1 : pread(said, text, SAID_MOST, size > SAID_MOST ? size - SAID_MOST : 0);

        while (n > 0 && text[n - 1] == '\n')
                n--;
        text[n > 0 ? n : 0] = '\0';
        return n > 0;
}

/* The answer of a supervisord: its last line is "CONFIG: good: ...". Any other program that ends
 * well is none, and would take our place for good. */
static bool is_one_of_ours(int said, const char *config)
{
        AUTO_BUF good = BUF_INIT;
        char text[SAID_MOST + 1];

        if (!read_said(said, true, text))
                return false;
        const char *line = strrchr(text, '\n');
        buf_printf(&good, "%s: good: ", config);
        return !good.failed && strncmp(line ? line + 1 : text, good.data, good.len) == 0;
}

/* The line of its first error. */
static void put_error(int said, struct buf *out)
{
        char text[SAID_MOST + 1], *rest;

        if (!read_said(said, false, text))
                return;
        char *line = strtok_r(text, "\n", &rest);
        while (line && !strstr(line, "error: "))
                line = strtok_r(NULL, "\n", &rest);
        if (!line)
                return;
        buf_puts(out, ": ");
        size_t from = out->len;
        buf_puts(out, line);
        sanitize(out, from);
}

static bool upgrade_on_reaped(struct supervisor *s, pid_t pid, int status)
{
        AUTO_BUF why = BUF_INIT;
        struct ending how = ending_of(status, NULL, clock_wall_ms());

        if (!upgrade_owns(s, pid))
                return false;
        struct upgrade u = *upgrade_own(s);
        upgrade_own(s)->binary = NULL;
        upgrade_own(s)->said = -1;
        bool refused = s->sys->spawn_look(s->sys, &upgrade_own(s)->start) == SPAWN_FAILED;
        u.start = upgrade_own(s)->start;
        upgrade_release(s);
        bool answered = status == 0 && is_one_of_ours(u.said, s->config->path);
        bool ok = answered && s->daemon_state == DAEMON_RUNNING;
        if (!ok) {
                buf_printf(&why, "%s --check -c %s: ", u.binary, s->config->path);
                if (answered)
                        buf_puts(&why, "the daemon is ending");
                else if (refused)
                        buf_printf(&why, "%s: %s", spawn_step_word(u.start.step),
                                   strerror(u.start.error));
                else if (status == 0)
                        buf_puts(&why, "does not answer as a supervisord does");
                else
                        ending_text(&how, &why);
                if (!answered)
                        put_error(u.said, &why);
                log_line(s->log, LVL_ERROR, "not upgraded: %s", buf_str(&why));
        }
        fd_close(&u.said);
        if (u.on_checked)
                u.on_checked(u.arg, ok, buf_str(&why));
        if (ok)
                startup_of(s)->on_upgrade(s, u.binary);
        free(u.binary);
        return true;
}

/* With what is known of the file's names: they are not looked up twice. */
static bool check_env(const struct supervisor *s, struct strlist *out)
{
        for (const char *const *v = s->host->environ; v && *v; v++)
                if (!strlist_add(out, *v))
                        return false;
        return strlist_setenv(out, LOOKUP_GIVEN, startup_of(s)->names ? "stdin" : "none");
}

static bool spawn_check(struct supervisor *s, struct upgrade *u, struct err *e)
{
        const char *binary = u->binary;
        const struct host *w = s->host;
        AUTO_STRLIST argv = STRLIST_INIT;
        AUTO_STRLIST env = STRLIST_INIT;
        AUTO_FD in = startup_of(s)->names ? lookup_hand_over(startup_of(s)->names)
                                          : open("/dev/null", O_RDWR | O_CLOEXEC);
        struct spawned result = { 0 };

        if (!check_env(s, &env) ||
            !cmdline_again(binary, true, s->config->path, startup_of(s)->overrides,
                           startup_of(s)->override_count, &argv))
                return err_nomem(e);
        struct launch launch = { .path = binary,
                                 .argv = argv.items,
                                 .envp = env.items,
                                 .directory = w->is_dir(w, w->cwd) ? w->cwd : NULL,
                                 .umask = -1,
                                 .fds = { in, u->said, u->said },
                                 .mask = &startup_of(s)->worker_mask };

        if (in < 0)
                return err_set(e, ERR_SYS, "make its standard input");
        if (u->said < 0)
                return err_set(e, ERR_SYS, "make a file in memory");
        if (!s->sys->spawn(s->sys, &launch, &result)) {
                errno = result.error;
                return err_set(e, ERR_SYS, "%s %s", spawn_step_word(result.step), binary);
        }
        u->start = result;
        u->pid = result.pid;
        return true;
}

/* The names are known, as far as they can be: the next image may be asked. */
static void upgrade_on_read(void *arg)
{
        struct supervisor *s = arg;
        struct upgrade *u = upgrade_own(s);
        struct err e = { 0 };
        bool fine =
            s->daemon_state == DAEMON_RUNNING || err_set(&e, ERR_BUSY, "the daemon is ending");

        if (fine && spawn_check(s, u, &e)) {
                ev_now_update(s->loop);
                ev_timer_start(s->loop, &u->limit);
                return;
        }
        if (u->is_inside) {
                *u->trouble = e;
                return;
        }
        upgrade_fn *told = u->on_checked;
        void *told_arg = u->arg;
        log_line(s->log, LVL_ERROR, "not upgraded: %s", e.text);
        upgrade_release(s);
        if (told)
                told(told_arg, false, e.text);
}

bool upgrade_begin(struct supervisor *s, const char *binary, const struct caller *by,
                   upgrade_fn *on_checked, void *arg, struct err *e)
{
        const char *path = binary ? binary : startup_of(s)->binary;

        if (s->daemon_state != DAEMON_RUNNING || upgrade_own(s))
                return err_set(e, ERR_BUSY, "%s",
                               upgrade_own(s) ? "an upgrade is under way" : "the daemon is ending");
        if (!state_is_persisted(s))
                return err_set(e, ERR_USAGE,
                               "without a state directory that can be written there is no upgrade "
                               "in place");
        if (!path || path[0] != '/' || !startup_of(s)->on_upgrade)
                return err_set(e, ERR_USAGE, "the binary has to be named by its full path");
        if (!state_is_there(s))
                return err_set(e, ERR_USAGE,
                               "%s has been removed: the next image would know of no process",
                               state_dir(s));
        if (access(path, X_OK) < 0)
                return err_set(e, ERR_SYS, "execute %s", path);
        struct upgrade *u = calloc(1, sizeof *u);
        if (!u || !(u->binary = strdup(path))) {
                free(u);
                return err_nomem(e);
        }
        u->start.report = -1;
        u->said = memfd_create("upgrade-check", MFD_CLOEXEC);
        u->on_checked = on_checked;
        u->arg = arg;
        ev_timer_init(&u->limit, upgrade_on_limit, CHECK_S, 0.);
        u->limit.data = s;
        struct err trouble = { 0 };
        u->trouble = &trouble;
        u->reading = (struct reading){ .on_read = upgrade_on_read, .arg = s };
        component_set(s, COMPONENT_upgrade, u);
        u->is_inside = true;
        reading_begin(s, &u->reading);
        u->is_inside = false;
        u->trouble = NULL;
        if (trouble.code != ERR_NONE) {
                *e = trouble;
                upgrade_release(s);
                return false;
        }
        audit_order(s, by, NULL, "upgrade");
        return true;
}

/* ---- what is handed over */

struct inodes {
        uint64_t *items; /* owned, sorted */
        size_t count;
};

static int by_value(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static bool upgrade_is_wanted(void *arg, unsigned long long inode)
{
        const struct inodes *in = arg;
        uint64_t key = inode;

        return in->count && bsearch(&key, in->items, in->count, sizeof key, by_value);
}

static bool upgrade_collect(const struct supervisor *s, struct inodes *out)
{
        const struct registry *r = &s->registry;

        out->items = calloc((size_t)r->process_count * 3 + 1, sizeof *out->items);
        out->count = 0;
        for (int g = 0; out->items && g < r->group_count; g++)
                for (int i = 0; i < r->groups[g]->count; i++) {
                        const struct process *p = r->groups[g]->procs[i];
                        for (int k = 0; p->worker && p->pid > 0 && k < 3; k++)
                                if (p->worker->mark.pipes[k])
                                        out->items[out->count++] = p->worker->mark.pipes[k];
                }
        if (out->count)
                qsort(out->items, out->count, sizeof *out->items, by_value);
        return out->items != NULL;
}

static bool upgrade_hand_pipes_over(const struct supervisor *s, struct strlist *items)
{
        const struct registry *r = &s->registry;

        for (int g = 0; g < r->group_count; g++)
                for (int i = 0; i < r->groups[g]->count; i++) {
                        const struct worker *w = r->groups[g]->procs[i]->worker;
                        if (w && ((w->in && !stdin_pipe_hand_over(w->in, items)) ||
                                  !listener_begun_hand_over(w->listener, items)))
                                return false;
                }
        return true;
}

bool upgrade_hand_over(struct supervisor *s, struct strlist *items)
{
        struct inodes pipes;
        int claims = streams_claims(s)->fd;

        state_note_changed(s);
        if (!upgrade_collect(s, &pipes))
                return false;
        bool fine = state_hand_over(s, items) && fcgi_hand_over(s, items) &&
                    upgrade_hand_pipes_over(s, items) &&
                    (claims < 0 || handover_put_fd(items, STREAMS_CLAIMS, claims)) &&
                    handover_put_pipes(items, upgrade_is_wanted, &pipes);
        free(pipes.items);
        return fine;
}

const struct component component_upgrade = { .name = "upgrade",
                                             .release = upgrade_release,
                                             .on_reaped = upgrade_on_reaped,
                                             .owns = upgrade_owns };
