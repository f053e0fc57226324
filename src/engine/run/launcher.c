/* Carries out DO_SPAWN, DO_TERM and DO_KILL: finds the program, makes pipes, hands all of it to
 * struct sys and undoes everything when a step fails. Never waits for the child: what becomes of
 * it is launches.c's. */
#include "engine/run/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"
#include "base/signame.h"
#include "engine/core/configuration.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/events/listeners.h"
#include "engine/persist/adopted.h"
#include "engine/persist/fdstore.h"
#include "engine/persist/state.h"
#include "engine/run/exec_env.h"
#include "engine/run/launches.h"
#include "engine/run/pipes.h"
#include "engine/run/stdin_pipe.h"
#include "engine/run/streams.h"
#include "engine/sockets/fcgi.h"

#define DEFAULT_PATH "/bin:/usr/bin:/usr/local/bin"

/* One start under way: everything that has to be undone when it fails. */
struct attempt {
        struct supervisor *sup;
        struct process *process;
        struct worker *worker;
        struct exec_env *outfit; /* borrowed */
        int child[3];   /* the worker's ends; that of supervisor.null is not ours to close */
        int ours[3];    /* stdin's writing end, stdout's and stderr's reading ends; -1: none */
        int old_stdin;  /* of the last run: closed when the new one has begun */
        bool again;     /* settings are those of the last start, so its pipes can be used again */
        bool reuses[3]; /* this pipe is that of the last start */
        uint64_t stdin_inode; /* 0: it has none of ours */
        int logs_later;       /* so many of its logs are still being opened */
};

static void attempt_init(struct attempt *a, struct supervisor *s, struct process *p)
{
        *a = (struct attempt){ .sup = s,
                               .process = p,
                               .child = { -1, -1, -1 },
                               .ours = { -1, -1, -1 },
                               .old_stdin = -1 };
}

/* What the component has for itself. */
struct launcher {
        int null;         /* /dev/null, owned; -1: not open yet */
        bool said_copied; /* that starts are dear */
};

static struct launcher *launcher_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_launcher);
}

static int *launcher_null(const struct supervisor *s)
{
        return &launcher_own(s)->null;
}

static void attempt_release(struct attempt *a)
{
        if (a->child[2] == a->child[1])
                a->child[2] = -1;
        for (int i = 0; i < 3; i++) {
                if (a->child[i] != *launcher_null(a->sup))
                        fd_close(&a->child[i]);
                fd_close(&a->ours[i]);
        }
        fd_close(&a->old_stdin);
}

/* ---- what to execute (compat 12.1, 13) */

static enum fault not_executable(struct err *e, const char *fmt, const char *path)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        err_set(e, ERR_CONFIG, fmt, path);
#pragma GCC diagnostic pop
        return FAULT_NOT_EXECUTABLE;
}

static bool add_places(const char *name, const char *path_env, struct strlist *out)
{
        const char *at = path_env ? path_env : DEFAULT_PATH;

        for (;; at++) {
                AUTO_BUF place = BUF_INIT;
                size_t len = strcspn(at, ":");
                buf_put(&place, at, len);
                if (len)
                        buf_putc(&place, '/');
                buf_puts(&place, name);
                if (place.failed || !strlist_add(out, buf_str(&place)))
                        return false;
                at += len;
                if (!*at)
                        return true;
        }
}

static enum fault no_such_command(const char *name, struct err *e)
{
        err_set(e, ERR_NOENT, "can't find command '%s'", name);
        return FAULT_NO_FILE;
}

enum fault launcher_places(const struct strlist *argv, const char *path_env, struct strlist *out,
                           struct err *e)
{
        if (argv->count == 0) {
                err_set(e, ERR_CONFIG, "command is empty");
                return FAULT_NOT_EXECUTABLE;
        }
        const char *name = argv->items[0];
        if (!name[0])
                return no_such_command(name, e);
        if (strchr(name, '/') ? strlist_add(out, name) : add_places(name, path_env, out))
                return FAULT_NONE;
        strlist_release(out);
        err_nomem(e);
        return FAULT_FAILED;
}

enum fault launcher_not_found(const char *name, const struct strlist *places,
                              const struct spawned *r, struct err *e)
{
        if (r->error == ENOENT || (size_t)r->place >= places->count)
                return no_such_command(name, e);
        return not_executable(e,
                              r->error == EISDIR ? "command at '%s' is a directory"
                                                 : "command at '%s' is not executable",
                              places->items[r->place]);
}

/* What the child does at STEP_FIND, as far as nothing has to be waited for. */
static enum fault launcher_find(const char *name, const struct strlist *places, struct sys *sys,
                                struct err *e)
{
        struct spawned r = { .error = ENOENT };
        struct stat st;

        for (; (size_t)r.place < places->count; r.place++) {
                if (sys->stat_cached(sys, places->items[r.place], &st) == 0) {
                        if (!S_ISDIR(st.st_mode) && (st.st_mode & 0111))
                                return FAULT_NONE;
                        r.error = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
                        break;
                }
                if (errno == EAGAIN)
                        return FAULT_LATER;
        }
        return launcher_not_found(name, places, &r, e);
}

/* ---- preparing */

static enum fault find_places(struct exec_env *o, struct err *e)
{
        return o->places.count ? FAULT_NONE : launcher_places(&o->argv, o->path, &o->places, e);
}

/* Whose places are known. NULL: *f and *e say why not. */
static struct exec_env *exec_env_placed(struct supervisor *s, const struct process *p,
                                        struct program *g, enum fault *f, struct err *e)
{
        struct exec_env *o = exec_env_of(s, p, g, f, e);

        if (o)
                *f = find_places(o, e);
        return *f == FAULT_NONE ? o : NULL;
}

struct program *launcher_program(const struct process *p)
{
        return p->next_program ? p->next_program : p->program;
}

enum fault launcher_check(struct supervisor *s, struct process *p, struct err *e)
{
        enum fault f;
        const struct exec_env *o = exec_env_placed(s, p, launcher_program(p), &f, e);

        return o ? launcher_find(o->argv.items[0], &o->places, s->sys, e) : f;
}

static bool launcher_short_error(int error)
{
        return error == EMFILE || error == ENFILE;
}

bool launcher_was_short(const struct err *e)
{
        return launcher_short_error(e->sys);
}

/* Supervisor's words as they are (compat 12.1), whichever step found no room: errno's own say
 * nothing more. */
static bool say_short(const struct process *p, int why, struct err *e)
{
        if (!launcher_short_error(why))
                return false;
        err_set(e, ERR_CONFIG, "too many open files to spawn '%s'", p->name);
        e->sys = why;
        return true;
}

static bool no_pipes(struct attempt *a, struct err *e)
{
        int why = errno;

        if (say_short(a->process, why, e))
                return false;
        return err_set(e, ERR_CONFIG, "unknown error making dispatchers for '%s': %s",
                       a->process->name, strerrorname_np(why));
}

/* A worker's own descriptors belong to its user, so that it may open /dev/stdout anew. Refused only
 * where we are not root, and then they are its user's already. */
static void launcher_hand_over(struct attempt *a, int fd)
{
        const struct user_ref *user = &a->process->program->user;

        if (user->set && a->sup->host->euid == 0)
                a->sup->sys->fchown(a->sup->sys, fd, user->who.uid, user->who.gid);
}

/* By its inode the next instance knows the pipe again. */
static void note_pipes(struct attempt *a)
{
        struct footprint *m = &a->worker->mark;
        struct sys *sys = a->sup->sys;

        m->adopted = m->adopted_logs = false;
        a->worker->astray = false;
        m->pipes[0] = footprint_pipe(a->stdin_inode);
        for (int i = 1; i < 3; i++) {
                struct stat st;
                if (a->reuses[i])
                        continue;
                m->pipes[i] = 0;
                if (a->ours[i] >= 0 && sys->fstat(sys, a->ours[i], &st) == 0)
                        m->pipes[i] = footprint_pipe(st.st_ino);
        }
}

static bool make_pipe(struct attempt *a, int *read_end, int *write_end)
{
        int fds[2];

        if (a->sup->sys->pipe(a->sup->sys, fds) < 0)
                return false;
        *read_end = fds[0];
        *write_end = fds[1];
        return true;
}

/* The worker's own end is open both ways: when we are gone there is still a reader and a writer, so
 * it gets neither SIGPIPE nor end of file, waits on a full pipe, and the next instance finds all
 * that it wrote. Our end, too: then the pipe is there for the next worker (stream_pipe). Where the
 * end of file says that a capture which was begun will not be ended, it has to have one. */
static bool make_output(struct attempt *a, int number)
{
        const struct program *g = a->process->program;
        int64_t captures = number == 1 ? g->out.capture_maxbytes : g->err.capture_maxbytes;

        if (!make_pipe(a, &a->ours[number], &a->child[number]))
                return false;
        pipe_both_ways(a->sup->sys, &a->child[number], 0);
        if (captures <= 0)
                pipe_both_ways(a->sup->sys, &a->ours[number], O_NONBLOCK);
        return true;
}

/* The pipe of its last run, opened anew: flags that the last worker has set on its end are not the
 * next one's. */
static bool launcher_reuse_pipe(struct attempt *a, int number, const struct stream *s)
{
        int fd = a->again && a->worker->mark.pipes[number] ? stream_pipe(s) : -1;

        if (fd >= 0)
                a->child[number] = pipe_open_again(a->sup->sys, fd, 0);
        a->reuses[number] = fd >= 0 && a->child[number] >= 0;
        return a->reuses[number];
}

static bool leaves_reserve(const struct attempt *a)
{
        for (int i = 0; i < 3; i++)
                if (!pipes_leave_reserve(a->sup, a->ours[i], true) ||
                    (a->child[i] != *launcher_null(a->sup) &&
                     !pipes_leave_reserve(a->sup, a->child[i], true)))
                        return false;
        return true;
}

/* Output that goes nowhere is thrown away by the kernel: no pipe, nothing to read, and the worker
 * never waits. One descriptor for all. */
static int null_device(struct supervisor *s)
{
        int *null = launcher_null(s);

        if (*null < 0)
                *null = s->sys->open(s->sys, "/dev/null", O_RDWR, 0);
        return *null;
}

/* stdout or stderr, by number. */
static bool make_outlet(struct attempt *a, int number)
{
        const struct stream *s = number == 1 ? a->worker->out : a->worker->err;

        if (s)
                return launcher_reuse_pipe(a, number, s) || make_output(a, number);
        a->child[number] = null_device(a->sup);
        return a->child[number] >= 0;
}

static bool make_pipes(struct attempt *a, struct err *e)
{
        int socket = fcgi_socket(process_fleet(a->process));

        if (socket >= 0) {
                a->child[0] = fcntl(socket, F_DUPFD_CLOEXEC, 0);
                if (a->child[0] < 0)
                        return no_pipes(a, e);
        } else if (!pipe_stdin(a->sup, &a->child[0], &a->ours[0], &a->stdin_inode)) {
                return no_pipes(a, e);
        }
        if (!make_outlet(a, 1))
                return no_pipes(a, e);
        if (a->process->program->redirect_stderr)
                a->child[2] = a->child[1];
        else if (!make_outlet(a, 2))
                return no_pipes(a, e);
        if (!leaves_reserve(a))
                return no_pipes(a, e);
        for (int i = 0; i < 3; i++)
                if (a->ours[i] >= 0)
                        launcher_hand_over(a, a->child[i]);
        note_pipes(a);
        return true;
}

/* ---- starting */

static bool is_user_step(const struct spawned *r)
{
        return r->step == STEP_UID || r->step == STEP_GID || r->step == STEP_GROUPS;
}

/* Why it could not become its user, in Supervisor's words (compat 8). */
static const char *user_reason(const struct supervisor *s, const struct spawned *r)
{
        if (s->host->euid != 0)
                return "Can't drop privilege as nonroot user";
        if (r->step == STEP_GROUPS)
                return "Could not set groups of effective user";
        return r->step == STEP_GID ? "Could not set group id of effective user"
                                   : strerror(r->error);
}

/* What was to be started, for the words about it. Where even that is not to be had, its name. */
struct refused {
        struct supervisor *sup;
        const struct process *process;
        const char *directory, *command; /* borrowed */
        const struct strlist *places;    /* borrowed; NULL as well */
};

static struct refused refused_of(struct supervisor *s, const struct process *p)
{
        struct err e = { 0 };
        enum fault f;
        struct exec_env *o = exec_env_of(s, p, p->program, &f, &e);
        bool knows = o && find_places(o, &e) == FAULT_NONE;

        return (struct refused){ .sup = s,
                                 .process = p,
                                 .directory = o ? o->recipe.directory : "its directory",
                                 .command = knows ? o->argv.items[0] : p->name,
                                 .places = knows ? &o->places : NULL };
}

/* Killed at the bound: what it was about to do has not come to an end. */
static bool say_late(const struct refused *a, const struct spawned *r, struct err *e)
{
        static const char why[] = "it was stopped by a signal, or a file system does not answer";

        if (r->step == STEP_DIRECTORY)
                return err_set(e, ERR_CONFIG, "couldn't chdir to %s within %d s: %s", a->directory,
                               LAUNCH_LIMIT_S, why);
        return err_set(e, ERR_CONFIG, "couldn't exec %s within %d s: %s", a->command,
                       LAUNCH_LIMIT_S, why);
}

static bool launcher_say_failure(const struct refused *a, const struct spawned *r, struct err *e)
{
        const char *name = a->process->name;

        errno = r->error;
        if (r->error == ETIME)
                return say_late(a, r, e);
        if (say_short(a->process, r->error, e))
                return false;
        if (r->step == STEP_FIND && a->places) {
                launcher_not_found(a->command, a->places, r, e);
                return false;
        }
        if (r->step == STEP_CLONE && r->error == EAGAIN)
                return err_set(e, ERR_CONFIG, "Too many processes in process table to spawn '%s'",
                               name);
        if (r->step == STEP_CLONE)
                return err_set(e, ERR_CONFIG, "unknown error during fork for '%s': %s", name,
                               strerrorname_np(r->error));
        if (r->step == STEP_DIRECTORY)
                return err_set(e, ERR_SYS, "couldn't chdir to %s", a->directory);
        if (is_user_step(r))
                return err_set(e, ERR_CONFIG, "couldn't setuid to %d: %s",
                               (int)a->process->program->user.who.uid, user_reason(a->sup, r));
        if (r->step == STEP_EXEC)
                return err_set(e, ERR_SYS, "couldn't exec %s", a->command);
        return err_set(e, ERR_SYS, "couldn't %s for '%s'", spawn_step_word(r->step), name);
}

/* Supervisor's child writes why it could not be executed into its own stderr (compat 13); people
 * look for it there. For a program that is not there it has no child. */
static void tell_stderr(const struct refused *a, const struct spawned *r, int err)
{
        AUTO_BUF text = BUF_INIT;
        const char *name = strerrorname_np(r->error);

        if (r->step == STEP_CLONE || r->step == STEP_FIND || err < 0)
                return;
        if (r->step == STEP_DIRECTORY)
                buf_printf(&text, "supervisor: couldn't chdir to %s: %s\n", a->directory, name);
        else if (is_user_step(r))
                buf_printf(&text, "supervisor: couldn't setuid to %d: %s\n",
                           (int)a->process->program->user.who.uid, user_reason(a->sup, r));
        else if (r->step == STEP_EXEC)
                buf_printf(&text, "supervisor: couldn't exec %s: %s\n", a->command, name);
        else
                buf_printf(&text, "supervisor: couldn't %s: %s\n", spawn_step_word(r->step), name);
        buf_puts(&text, "supervisor: child process was not spawned\n");
        /* A fresh pipe takes this much; a short write would only shorten a hint. */
        if (!text.failed && fd_nonblock(err, true))
                (void)!a->sup->sys->write(a->sup->sys, err, text.data, text.len);
}

/* The pipe of its stderr once more; nothing of it is held while a start is under way. -1: none. */
static int open_stderr(struct supervisor *s, const struct process *p)
{
        const struct worker *w = p->worker;
        const struct stream *to = p->program->redirect_stderr ? w->out : w->err;
        int pipe = to ? stream_pipe(to) : -1;

        return pipe >= 0 ? pipe_open_again(s->sys, pipe, O_NONBLOCK) : -1;
}

void launcher_refused(struct supervisor *s, struct process *p, const struct spawned *r,
                      struct err *e)
{
        const struct refused a = refused_of(s, p);
        AUTO_FD err = open_stderr(s, p);

        tell_stderr(&a, r, err);
        launcher_say_failure(&a, r, e);
        e->sys = r->error;
        launcher_give_up(s, p);
}

void launcher_give_up(struct supervisor *s, struct process *p)
{
        fdstore_forget(s, p);
        listener_ended(s, p);
        if (p->worker)
                streams_abandon(p->worker);
}

static void launcher_say_copied(struct supervisor *s)
{
        if (launcher_own(s)->said_copied || !s->sys->why_copied || !s->sys->why_copied[0])
                return;
        launcher_own(s)->said_copied = true;
        log_line(s->log, LVL_INFO, "each start copies the daemon, which takes longer: %s",
                 s->sys->why_copied);
}

static bool launcher_run(struct attempt *a, pid_t *pid_out, struct err *e)
{
        struct supervisor *s = a->sup;
        const struct program *g = a->process->program;
        struct spawned result = { 0 };
        struct launching *begun = launch_new(s, a->process);
        struct launch launch = {
                .places = a->outfit->places.items,
                .argv = a->outfit->argv.items,
                .envp = a->outfit->env,
                .directory = a->outfit->recipe.directory,
                .umask = g->umask,
                .fds = { a->child[0], a->child[1], a->child[2] },
                .change_user = a->outfit->groups != NULL,
                .uid = g->user.who.uid,
                .gid = g->user.who.gid,
                .groups = a->outfit->groups,
                .group_count = a->outfit->group_count,
                .limit_nofile = startup_of(s)->limits.nofile.rlim_max != 0,
                .nofile = startup_of(s)->limits.nofile,
                .mask = &startup_of(s)->worker_mask,
                .waits = a->logs_later > 0 || launches_are_held(s),
        };

        if (!begun)
                return err_nomem(e);
        if (!state_birth(s, a->process, a->outfit->given, &launch, e)) {
                launch_discard(begun);
                return false;
        }
        if (!s->sys->spawn(s->sys, &launch, &result)) {
                const struct refused what = refused_of(s, a->process);
                launch_discard(begun);
                tell_stderr(&what, &result, a->child[2]);
                launcher_say_failure(&what, &result, e);
                e->sys = result.error;
                return false;
        }
        fault_point("spawn.returned");
        launcher_say_copied(s);
        state_born(s, a->process, result.pid);
        *pid_out = result.pid;
        if (result.report < 0)
                launch_discard(begun);
        else
                launch_begin(begun, &result, launch.waits, a->logs_later);
        return true;
}

bool launcher_no_log(struct supervisor *s, const struct process *p, struct err *e)
{
        int why = e->code == ERR_SYS ? e->sys : 0;
        const char *name = why ? strerrorname_np(why) : NULL;

        if (!name)
                return false;
        log_line(s->log, LVL_WARN, "no log for '%s': %s", p->name, e->text);
        err_set(e, ERR_CONFIG, "unknown error making dispatchers for '%s': %s", p->name, name);
        e->sys = why;
        return false;
}

static bool make_streams(struct attempt *a, struct err *e)
{
        a->again = a->worker->streams_for == configuration_of(a->sup)->generation;
        return streams_prepare(a->sup, a->worker, e) || launcher_no_log(a->sup, a->process, e);
}

/* The pipes are attached before the start, so that a log that cannot be opened fails it, as with
 * Supervisor: where that is not known yet, the child waits. */
static bool attach_one(struct attempt *a, int number, struct stream *to, struct err *e)
{
        bool later = false;

        if (a->ours[number] < 0)
                return true;
        if (!stream_attach(to, fd_take(&a->ours[number]), &later, e))
                return launcher_no_log(a->sup, a->process, e);
        a->logs_later += later;
        return true;
}

static bool launcher_attach(struct attempt *a, struct err *e)
{
        return attach_one(a, 1, a->worker->out, e) && attach_one(a, 2, a->worker->err, e);
}

static bool launcher_take_stdin(struct attempt *a)
{
        struct stdin_pipe **in = &a->worker->in;

        if (a->ours[0] >= 0)
                return stdin_pipe_open(in, a->worker, true, fd_take(&a->ours[0]), &a->old_stdin);
        stdin_pipe_free(*in);
        *in = NULL;
        return true;
}

/* Those that stay from its last run are stored again: at its end they were not needed any more. */
static void store_pipes(const struct attempt *a)
{
        const struct worker *w = a->worker;
        const int fds[3] = { a->ours[0], a->reuses[1] ? stream_pipe(w->out) : a->ours[1],
                             a->reuses[2] ? stream_pipe(w->err) : a->ours[2] };

        fdstore_pipes(a->sup, a->process, fds);
}

static void swap_program(struct process *p)
{
        if (!p->next_program)
                return;
        program_unref(p->program);
        p->program = p->next_program;
        p->next_program = NULL;
        if (p->worker)
                p->worker->streams_for = 0;
}

bool launcher_spawn(struct supervisor *s, struct process *p, pid_t *pid_out, struct err *e)
{
        struct attempt a;
        enum fault f;
        bool ok = false;

        swap_program(p);
        attempt_init(&a, s, p);
        a.worker = worker_of(s, p);
        if (!a.worker) {
                err_nomem(e);
                goto out;
        }
        a.outfit = exec_env_placed(s, p, p->program, &f, e);
        if (!a.outfit || !exec_env_groups(s, a.outfit, p->program, e) || !make_streams(&a, e) ||
            !make_pipes(&a, e))
                goto out;
        store_pipes(&a);
        if (!launcher_take_stdin(&a)) {
                err_nomem(e);
                goto out;
        }
        if (!launcher_attach(&a, e))
                goto out;
        fault_point("spawn.pipes");
        ok = launcher_run(&a, pid_out, e);
        if (ok)
                streams_started(a.worker, *pid_out);
        if (ok)
                fdstore_pid(s, p, *pid_out);
out:
        if (!ok)
                fdstore_forget(s, p);
        if (!ok && a.worker)
                streams_abandon(a.worker);
        attempt_release(&a);
        return ok;
}

/* ---- looking for the program only */

/* With our ids and in our directory, as at a start. */
bool launcher_search(struct supervisor *s, const struct process *p, struct program *g,
                     struct spawned *out)
{
        struct err e = { 0 };
        enum fault f;
        const struct exec_env *o = exec_env_placed(s, p, g, &f, &e);
        int null = null_device(s);

        if (!o || null < 0)
                return false;
        struct launch launch = { .places = o->places.items,
                                 .only_finds = true,
                                 .argv = o->argv.items,
                                 .envp = o->env,
                                 .umask = -1,
                                 .fds = { null, null, null } };
        return s->sys->spawn(s->sys, &launch, out);
}

enum fault launcher_searched(struct supervisor *s, const struct process *p, struct program *g,
                             const struct spawned *r, struct err *e)
{
        enum fault f;
        const struct exec_env *o = exec_env_placed(s, p, g, &f, e);

        if (!o)
                return f;
        return r->step == STEP_FIND ? launcher_not_found(o->argv.items[0], &o->places, r, e)
                                    : FAULT_NONE;
}

/* ---- signals (compat 14) */

bool launcher_signal(struct supervisor *s, struct process *p, bool kill_it, struct err *e)
{
        const struct program *g = p->program;
        int sig = kill_it ? SIGKILL : g->stopsignal;
        bool group = kill_it ? g->killasgroup || g->stopasgroup : g->stopasgroup;
        char name[16];

        if (p->pid <= 0 || (p->worker && p->worker->reaped))
                return true; /* it has ended; the rest follows */
        if (kill_it)
                log_line(s->log, LVL_WARN, "killing '%s' (%d) with SIGKILL", p->name, (int)p->pid);
        log_line(s->log, LVL_DEBUG, "killing %s (pid %d) %swith signal %s", p->name, (int)p->pid,
                 group ? "process group " : "", signame_of(sig, name, sizeof name));
        fault_point("stop.noted");
        bool sent = adopted_kill(s, p, group, sig) == 0 || errno == ESRCH;
        fault_point(kill_it ? "stop.killed" : "stop.signalled");
        if (sent)
                return true;
        return err_set(e, ERR_SYS, "unknown problem killing %s (%d)", p->name, (int)p->pid);
}

/* ---- the component */

static bool launcher_init(struct supervisor *s, struct err *e)
{
        (void)e;
        *launcher_null(s) = -1;
        return true;
}

static void launcher_release(struct supervisor *s)
{
        fd_close(launcher_null(s));
}

const struct component component_launcher = { .name = "launcher",
                                              .size = sizeof(struct launcher),
                                              .init = launcher_init,
                                              .release = launcher_release };
