/* The main log as its users see it: each call is a message to the log thread, and run at once where
 * there is none. */
#include "logs/mainlog/mainlog.h"

#include <ev.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/unconst.h"
#include "logs/intake/ledger.h"
#include "logs/logs.h"
#include "logs/mainlog/mainlog_core.h"
#include "logs/mainlog/mainlog_thread.h"

#define WAITING_MAX (4 * 1024 * 1024) /* bytes of lines that the thread may be behind */
#define BATCH_BYTES (16 * 1024)
#define BATCH_FULL  (12 * 1024) /* so much is sent before the loop's turn is over */

/* The lines of one turn of the loop: one message, one wake-up, one write. A mapping of its own:
 * when the thread is late there are many, and in the heap they would leave holes and pages behind.
 */
struct batch {
        struct mail mail; /* first */
        struct mainlog *log;
        unsigned long long missing; /* lines that got lost before the first one */
        struct buf lines;           /* in `room`, but for a line that is longer */
        char room[];
};

struct mainlog {
        struct log log;            /* what others write to */
        struct mainlog_core *core; /* owned; the thread's while there is one */
        char *shown;               /* owned: the path as others see it; NULL: none */

        struct mailbox *to_core, *to_main; /* borrowed; NULL: no thread */
        struct log *core_log;              /* borrowed: the log of logs/, follows our level */
        bool lost;                         /* the thread never came back */
        struct log_stamp stamp;
        struct batch *open;            /* owned: lines that are still to be sent; NULL: none */
        _Atomic(struct batch *) spare; /* owned: one that the thread is through with; NULL */
        ev_prepare turn;               /* sends them before the main loop waits */
        atomic_size_t waiting;         /* bytes on their way to the thread */
        unsigned long long missing;    /* lines that had no room there */
};

/* ---- messages */

struct request {
        struct mail mail; /* first */
        struct mainlog *log;
        struct mainlog_conf conf; /* its strings are owned */
};

static struct request *request_new(struct mainlog *m, void (*run)(struct mail *))
{
        struct request *r = malloc(sizeof *r);

        if (r)
                *r = (struct request){ .mail = { NULL, run }, .log = m };
        return r;
}

static void request_free(struct request *r)
{
        free(unconst(r->conf.path));
        free(unconst(r->conf.identifier));
        free(unconst(r->conf.syslog_socket));
        free(r);
}

static void mainlog_say(struct mainlog *m, const char *what, const struct err *e)
{
        struct log_stamp stamp = { 0 };
        AUTO_BUF text = BUF_INIT;
        AUTO_BUF line = BUF_INIT;

        buf_printf(&text, "%s: %s", what, e->text);
        mainlog_make_line(&stamp, &line, LVL_CRITICAL, buf_str(&text), text.len);
        if (!line.failed)
                mainlog_core_lines(m->core, line.data, line.len);
}

/* The old file stays in use: its path is what is shown again. */
static void main_path(struct mail *mail)
{
        struct request *r = (struct request *)mail;
        struct mainlog *m = r->log;

        free(m->shown);
        m->shown = unconst(r->conf.path);
        r->conf.path = NULL;
        request_free(r);
}

static void mainlog_on_configure(struct mail *mail)
{
        struct request *r = (struct request *)mail;
        struct mainlog *m = r->log;
        struct err e = { 0 };
        bool fine = mainlog_core_configure(m->core, &r->conf, &e);

        if (m->core_log)
                m->core_log->level = r->conf.level;
        if (fine) {
                request_free(r);
                return;
        }
        mainlog_say(m, "the main log stays where it was", &e);
        const char *path = mainlog_core_path(m->core);
        free(unconst(r->conf.path));
        r->conf.path = path ? strdup(path) : NULL;
        mail->run = main_path;
        mailbox_send(m->to_main, mail);
}

static void mainlog_on_reopen(struct mail *mail)
{
        struct request *r = (struct request *)mail;

        mainlog_core_reopen(r->log->core);
        request_free(r);
}

static void mainlog_on_clear(struct mail *mail)
{
        struct request *r = (struct request *)mail;
        struct err e = { 0 };

        if (!mainlog_core_clear(r->log->core, &e))
                mainlog_say(r->log, "cannot clear the log", &e);
        request_free(r);
}

/* ---- lines */

static struct batch *mainlog_batch_new(void)
{
        struct batch *b =
            mmap(NULL, BATCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (b == MAP_FAILED)
                return NULL;
        b->lines = (struct buf){ .data = b->room,
                                 .cap = BATCH_BYTES - offsetof(struct batch, room),
                                 .borrowed = true };
        return b;
}

static void batch_free(struct batch *b)
{
        if (!b)
                return;
        buf_release(&b->lines);
        munmap(b, BATCH_BYTES);
}

/* The memory goes round: a daemon that logs now and then asks for none. */
static struct batch *batch_take(struct mainlog *m)
{
        struct batch *b = atomic_exchange(&m->spare, NULL);

        return b ? b : mainlog_batch_new();
}

static void mainlog_batch_give(struct mainlog *m, struct batch *b)
{
        struct batch *other = b;

        if (b->lines.borrowed) {
                buf_reset(&b->lines);
                other = atomic_exchange(&m->spare, b);
        }
        batch_free(other);
}

static void core_batch(struct mail *mail)
{
        struct batch *b = (struct batch *)mail;
        struct mainlog *m = b->log;

        if (b->missing)
                mainlog_core_missing(m->core, b->missing);
        mainlog_core_lines(m->core, b->lines.data, b->lines.len);
        atomic_fetch_sub(&m->waiting, b->lines.len);
        mainlog_batch_give(m, b);
}

void mainlog_send(struct mainlog *m)
{
        struct batch *b = m ? m->open : NULL;

        if (!b)
                return;
        m->open = NULL;
        atomic_fetch_add(&m->waiting, b->lines.len);
        mailbox_send(m->to_core, &b->mail);
}

bool mainlog_is_behind(const struct mainlog *m)
{
        return m && m->to_core && (m->open || atomic_load(&m->waiting) > 0);
}

static void mainlog_on_turn(EV_P_ ev_prepare *w, int revents)
{
        (void)loop, (void)revents;
        mainlog_send(w->data);
}

static struct batch *mainlog_batch_of(struct mainlog *m)
{
        if (m->open && m->missing)
                mainlog_send(m);
        if (m->open)
                return m->open;
        struct batch *b = batch_take(m);
        if (!b)
                return NULL;
        b->mail = (struct mail){ NULL, core_batch };
        b->log = m;
        b->missing = m->missing;
        m->missing = 0;
        return m->open = b;
}

static void add_line(struct mainlog *m, enum log_level level, const char *text, size_t len)
{
        bool room = atomic_load(&m->waiting) + len <= WAITING_MAX;
        struct batch *b = room ? mainlog_batch_of(m) : NULL;
        size_t before = b ? b->lines.len : 0;

        if (!b) {
                m->missing++;
                return;
        }
        mainlog_make_line(&m->stamp, &b->lines, level, text, len);
        if (b->lines.failed) { /* half a line is none */
                b->lines.failed = false;
                b->lines.len = before;
                m->missing++;
        }
        if (b->lines.len >= BATCH_FULL || level >= LVL_CRITICAL || !m->to_core)
                mainlog_send(m);
}

static void mainlog_on_line(struct log *self, enum log_level level, const char *text, size_t len)
{
        struct mainlog *m = self->arg;

        if (!m->lost)
                add_line(m, level, text, len);
}

/* ---- life */

static bool show_path(struct mainlog *m)
{
        const char *path = mainlog_core_path(m->core);

        m->shown = path ? strdup(path) : NULL;
        return m->shown || !path;
}

struct mainlog *mainlog_new(const struct mainlog_conf *conf, struct err *e)
{
        struct mainlog *m = calloc(1, sizeof *m);

        if (!m) {
                err_nomem(e);
                return NULL;
        }
        m->log = (struct log){ .level = conf->level, .write = mainlog_on_line, .arg = m };
        m->core = mainlog_core_new(conf, e);
        if (m->core && show_path(m))
                return m;
        if (m->core)
                err_nomem(e);
        mainlog_core_free(m->core);
        free(m);
        return NULL;
}

void mainlog_free(struct mainlog *m)
{
        if (!m || m->lost)
                return;
        mainlog_core_free(m->core);
        batch_free(atomic_exchange(&m->spare, NULL));
        free(m->shown);
        free(m);
}

struct log *mainlog_log(struct mainlog *m)
{
        return &m->log;
}

void mainlog_set_loop(struct mainlog *m, struct ev_loop *loop)
{
        if (!m->to_core && !m->lost)
                mainlog_core_set_loop(m->core, loop);
}

/* ---- calls */

static bool mainlog_send_mail(struct mainlog *m, void (*run)(struct mail *), struct err *e)
{
        struct request *r = request_new(m, run);

        mainlog_send(m);
        if (r)
                mailbox_send(m->to_core, &r->mail);
        return r || err_nomem(e);
}

static bool mainlog_is_file(const struct mainlog_conf *c)
{
        return c->path && strcmp(c->path, "syslog") != 0;
}

static bool copy_conf(struct mainlog_conf *to, const struct mainlog_conf *from)
{
        *to = *from;
        to->path = from->path ? strdup(from->path) : NULL;
        to->identifier = from->identifier ? strdup(from->identifier) : NULL;
        to->syslog_socket = from->syslog_socket ? strdup(from->syslog_socket) : NULL;
        return (to->path || !from->path) && (to->identifier || !from->identifier) &&
               (to->syslog_socket || !from->syslog_socket);
}

bool mainlog_configure(struct mainlog *m, const struct mainlog_conf *c, struct err *e)
{
        if (m->lost)
                return true;
        struct request *r = request_new(m, mainlog_on_configure);
        char *shown = mainlog_is_file(c) ? strdup(c->path) : NULL;

        if (!r || !copy_conf(&r->conf, c) || (mainlog_is_file(c) && !shown)) {
                if (r)
                        request_free(r);
                free(shown);
                return err_nomem(e);
        }
        free(m->shown);
        m->shown = shown;
        m->log.level = c->level;
        mainlog_send(m);
        mailbox_send(m->to_core, &r->mail);
        return true;
}

void mainlog_reopen(struct mainlog *m)
{
        if (!m->lost)
                mainlog_send_mail(m, mainlog_on_reopen, NULL);
}

bool mainlog_clear(struct mainlog *m, struct err *e)
{
        if (m->lost)
                return err_set(e, ERR_BUSY, "the disk does not answer");
        if (!m->shown)
                return err_set(e, ERR_NOENT, "no log file");
        return mainlog_send_mail(m, mainlog_on_clear, e);
}

bool mainlog_trouble(const struct mainlog *m, struct buf *out)
{
        if (m->lost)
                buf_puts(out, "the disk does not answer");
        return m->lost || mainlog_core_trouble(m->core, out);
}

const char *mainlog_path(const struct mainlog *m)
{
        return m->shown;
}

/* ---- to the thread and back */

void mainlog_heed(struct mainlog *m, struct rename_seq *moves)
{
        if (m)
                mainlog_core_heed(m->core, moves);
}

struct ledger_box *mainlog_ledger_ref(const struct mainlog *m)
{
        return ledger_ref(mainlog_core_ledger(m->core));
}

void mainlog_join_thread(struct mainlog *m, struct mailbox *to_core, struct mailbox *to_main,
                         struct ev_loop *loop, struct log *core_log)
{
        if (!m)
                return;
        mainlog_core_set_loop(m->core, loop);
        m->to_core = to_core;
        m->to_main = to_main;
        m->core_log = core_log;
        ev_prepare_init(&m->turn, mainlog_on_turn);
        m->turn.data = m;
        ev_set_priority(&m->turn, EV_MINPRI); /* what others log before the loop waits goes along */
        ev_prepare_start(to_main->loop, &m->turn);
        ev_unref(to_main->loop);
}

void mainlog_leave_thread(struct mainlog *m)
{
        if (m)
                mainlog_core_set_loop(m->core, NULL);
}

void mainlog_back(struct mainlog *m, bool ended)
{
        if (!m)
                return;
        mainlog_send(m);
        m->lost = !ended;
        ev_ref(m->to_main->loop);
        ev_prepare_stop(m->to_main->loop, &m->turn);
        m->to_core = m->to_main = NULL;
        m->core_log = NULL;
        if (!ended)
                return;
        if (m->missing)
                mainlog_core_missing(m->core, m->missing);
        m->missing = 0;
}
