/* The directory, its lock, and the tables in it. */
#include "engine/persist/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"
#include "base/unconst.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/persist/state_record.h"
#include "sys/host/daemonize.h"
#include "sys/store/handover.h"

bool state_make_dir(const char *dir, struct err *e)
{
        struct stat st;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return err_set(e, ERR_SYS, "make %s", dir);
        AUTO_FD fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int error = errno;
        if (fd < 0 && lstat(dir, &st) == 0 && S_ISLNK(st.st_mode))
                return err_set(e, ERR_CONFIG, "%s is a link and has to be a directory itself", dir);
        errno = error;
        if (fd < 0 || fstat(fd, &st) < 0)
                return err_set(e, ERR_SYS, "open %s", dir);
        if (st.st_uid != geteuid())
                return err_set(e, ERR_CONFIG, "%s belongs to another user", dir);
        if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
                return err_set(e, ERR_SYS, "chmod %s", dir);
        return true;
}

#define LEDGERS "ledgers" /* logs/ writes and reads it */

static char *path_in(const struct state *st, const char *name)
{
        AUTO_BUF path = BUF_INIT;

        buf_printf(&path, "%s/%s", st->dir, name);
        return buf_take(&path);
}

static bool take_lock(struct state *st, int handover, struct err *e)
{
        pid_t holder = 0;

        st->lock_path = path_in(st, "lock");
        if (!st->lock_path)
                return err_nomem(e);
        st->lock = pidfile_inherit(st->lock_path, handover);
        if (st->lock >= 0)
                return true;
        if (pidfile_open(st->lock_path, &st->lock, &holder, e))
                return true;
        /* What is known there is better than everything a second time. */
        if (e->sys == EROFS && pidfile_open_readonly(st->lock_path, &st->lock, &holder, e))
                return true;
        if (e->code != ERR_BUSY)
                return false;
        return err_set(e, ERR_BUSY,
                       "Another program is already listening: supervisord with pid %d holds %s.  "
                       "Shut this program down first before starting supervisord.",
                       (int)holder, st->dir);
}

static bool open_table(struct state *st, struct buf *said, struct err *e)
{
        char *path = path_in(st, "records");
        bool ok =
            path ? slot_table_open(&st->table, path, sizeof(struct record_step), &st->who, said, e)
                 : err_nomem(e);

        free(path);
        return ok;
}

static bool open_vault(struct state *st, const char *name, struct record_store *v, struct buf *said,
                       struct err *e)
{
        char *path = path_in(st, name);
        bool ok = path ? record_store_open(v, path, &st->who, said, e) : err_nomem(e);

        free(path);
        return ok;
}

static bool state_take_over(struct state *st, struct buf *said, struct err *e)
{
        if (!state_owner_here(&st->who, e))
                return false;
        st->who.version = STATE_VERSION;
        st->who.readable_by = STATE_READABLE_BY;
        return open_vault(st, "events", &st->events, said, e) && open_table(st, said, e) &&
               open_vault(st, "texts", &st->texts, said, e);
}

static bool open_tables(struct supervisor *s, struct err *e)
{
        struct state *st = state_of(s);
        AUTO_BUF said = BUF_INIT;

        bool ok = state_take_over(st, &said, e);
        if (said.len)
                log_line(s->log, LVL_WARN, "%s", buf_str(&said));
        if (!ok)
                return false;
        if (st->table.file.copy)
                log_line(s->log, LVL_WARN,
                         "%s is read-only: what it knows is gone on with, but nothing of what "
                         "happens from now on will survive the death of supervisord, and nothing "
                         "is started until it can be written",
                         st->dir);
        if (st->table.damaged)
                log_line(s->log, LVL_WARN,
                         "%s: %u records are damaged; their processes are not known",
                         st->table.file.path, st->table.damaged);
        if (st->table.older)
                log_line(s->log, LVL_WARN,
                         "%s: %u records are damaged in one of their two copies: the good one is "
                         "believed",
                         st->table.file.path, st->table.older);
        return (state_read_all(s) && state_events_read(st)) || err_nomem(e);
}

static void state_drop(struct supervisor *s)
{
        struct state *st = state_of(s);

        if (st->margin)
                s->sys->end = NULL;
        state_watch_free(st->watch);
        free(st->full);
        mapped_margin_drop(st->margin);
        state_forget_saved_records(s);
        slot_table_close(&st->table);
        record_store_close(&st->texts);
        record_store_close(&st->events);
        free(st->left);
        fd_close(&st->lock);
        free(st->lock_path);
        free(st->dir);
        free(st);
        state_part(s)->open = NULL;
}

bool state_check(const char *dir, struct err *e)
{
        struct state st = { .dir = unconst(dir) };
        struct err ignored;

        if (!dir || !state_owner_here(&st.who, &ignored))
                return true;
        st.who.version = STATE_VERSION;
        char *path = path_in(&st, "records");
        bool fine = !path || slot_table_is_readable(path, sizeof(struct record_step), &st.who);
        if (!fine)
                err_set(
                    e, ERR_CONFIG,
                    "%s is of a version that this program cannot read: it would know nothing of "
                    "the processes that are running",
                    path);
        free(path);
        return fine;
}

/* A call failed, not what is persisted there: to begin without it would be to start everything a
 * second time. Of what an earlier boot has left there nothing lives. */
static bool knows_what_runs(const struct state *st, const struct err *why)
{
        bool is_foreign = why->sys == ELOOP || why->sys == ENOTDIR; /* a link, or no directory */
        bool passing = why->code == ERR_NOMEM || (why->code == ERR_SYS && !is_foreign);
        char *path = passing && st && st->dir ? path_in(st, "records") : NULL;
        bool is_there = path && (access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR));
        struct state_owner here;
        struct err ignored;
        bool is_past = is_there && state_owner_here(&here, &ignored) &&
                       slot_table_is_past(path, sizeof(struct record_step), &here);

        free(path);
        return is_there && !is_past;
}

bool state_open(struct supervisor *s, const char *dir, struct err *e)
{
        struct state *st = dir ? calloc(1, sizeof *st) : NULL;
        struct err why = { 0 };

        if (!dir) {
                log_line(s->log, LVL_INFO,
                         "no statedir: processes will not survive the death of supervisord");
                return true;
        }
        if (st) {
                *st = (struct state){ .lock = -1, .dir = strdup(dir) };
                state_part(s)->open = st;
        }
        if (!st || !st->dir)
                err_nomem(&why);
        else if (state_make_dir(dir, &why) &&
                 take_lock(st, handover_fd(startup_of(s)->handover, "state"), &why) &&
                 open_tables(s, &why))
                return true;
        bool refused = why.code == ERR_BUSY;
        if (!refused && knows_what_runs(st, &why)) {
                err_wrap(&why, "what runs already is not known: ");
                refused = true;
        }
        if (st)
                state_drop(s);
        if (refused) {
                *e = why;
                return false;
        }
        log_line(s->log, LVL_WARN,
                 "%s; without statedir processes will not survive the death of supervisord",
                 why.text);
        state_part(s)->trouble = strdup(why.text);
        return true;
}

void state_keep_logs(struct supervisor *s)
{
        struct err e = { 0 };
        AUTO_BUF said = BUF_INIT;
        char *path = state_of(s) ? path_in(state_of(s), LEDGERS) : NULL;

        if (!state_of(s))
                return;
        if ((path || err_nomem(&e)) &&
            logs_persist_ledgers(s->logs, path, &state_of(s)->who, &said, &e))
                e.code = ERR_NONE;
        if (said.len)
                log_line(s->log, LVL_WARN, "%s", buf_str(&said));
        if (e.code)
                log_line(s->log, LVL_WARN, "%s; logs begin to count at 0 after a crash", e.text);
        free(path);
}

void state_sign(struct supervisor *s)
{
        struct err e = { 0 };

        if (state_is_persisted(s) && !pidfile_write(state_of(s)->lock, getpid(), &e))
                log_line(s->log, LVL_WARN, "%s: %s", state_of(s)->lock_path, e.text);
}

static void remove_in(const struct state *st, const char *name)
{
        char *path = path_in(st, name);

        if (path)
                unlink(path);
        free(path);
}

void state_close(struct supervisor *s, bool keep_it)
{
        struct state *st = state_of(s);

        if (!st)
                return;
        if (!keep_it || st->table.used == 0) {
                slot_table_remove(&st->table);
                record_store_remove(&st->texts);
                record_store_remove(&st->events);
                remove_in(st, LEDGERS);
                pidfile_remove(st->lock_path, &st->lock);
                rmdir(st->dir); /* what was set aside keeps it */
        }
        state_drop(s);
}

bool state_is_persisted(const struct supervisor *s)
{
        return state_of(s) && !state_of(s)->table.file.copy;
}

bool state_is_there(const struct supervisor *s)
{
        return state_is_persisted(s) && mapped_is_there(&state_of(s)->table.file) &&
               mapped_is_there(&state_of(s)->texts.file) &&
               mapped_is_there(&state_of(s)->events.file) &&
               pidfile_is_there(state_of(s)->lock_path, state_of(s)->lock);
}

const char *state_trouble(const struct supervisor *s)
{
        const struct state *st = state_of(s);

        if (!st)
                return state_part(s)->trouble;
        if (state_watch_trouble(st->watch))
                return state_watch_trouble(st->watch);
        return st->table.file.copy ? "it has become read-only" : st->full;
}

const char *state_dir(const struct supervisor *s)
{
        return state_of(s) ? state_of(s)->dir : NULL;
}

bool state_hand_over(const struct supervisor *s, struct strlist *items)
{
        return !state_of(s) || handover_put_fd(items, "state", state_of(s)->lock);
}

/* ---- the component */

static void state_on_adopted(struct supervisor *s)
{
        state_forget_saved_records(s);
        state_persist_ends(s);
        state_watch_begin(s);
}

static void state_on_reap_done(struct supervisor *s)
{
        state_end_noted(s);
}

static void state_on_exited(struct supervisor *s, struct process *p)
{
        fault_point("reap.taken");
        state_note_end(s, p->worker);
        state_end_noted(s);
        fault_point("reap.noted");
}

static void state_on_group_gone(struct supervisor *s, struct group *g)
{
        for (int i = 0; i < g->fleet_count; i++) {
                g->fleets[i].scaled = false;
                state_note_fleet(s, &g->fleets[i]);
        }
}

static void state_release(struct supervisor *s)
{
        state_close(s, false);
        free(state_part(s)->trouble);
}

const struct component component_state = { .name = "state",
                                           .size = sizeof(struct state_part),
                                           .release = state_release,
                                           .on_adopted = state_on_adopted,
                                           .on_reap_done = state_on_reap_done,
                                           .on_exited = state_on_exited,
                                           .on_group_gone = state_on_group_gone,
                                           .on_process_gone = state_forget };
