/* Health checks by a command: started as a worker is, its first output held, killed with all that
 * it started when its time is over. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/run/containment.h"
#include "engine/run/descendants.h"
#include "engine/run/exec_env.h"
#include "engine/run/launcher.h"
#include "engine/watch/probe_kinds.h"
#include "model/config/recipe.h"

#define SLOTS 64

/* How much is read at once, and at most after the end: a left-over grandchild may write on. */
#define CHUNK     4096
#define DRAIN_MAX (64 * 1024)

/* The process of an exec probe. It stays known until it is reaped, also when no check waits for its
 * result any more. */
struct probe_child {
        struct probe_child *next;
        struct probe *owner; /* borrowed; NULL: the result is not wanted any more */
        pid_t pid;
        struct spawned st; /* its report is owned */
        struct strlist places;
};

struct probe_table {
        struct probe_child *slots[SLOTS];
};

static struct probe_table *probe_exec_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_probe_exec);
}

static void child_free(struct probe_child *c)
{
        if (c)
                strlist_release(&c->places);
        free(c);
}

static struct probe_child **probe_exec_place_of(struct probe_table *t, pid_t pid)
{
        struct probe_child **at = &t->slots[(unsigned)pid % SLOTS];

        while (*at && (*at)->pid != pid)
                at = &(*at)->next;
        return at;
}

/* All workers are freed before; what is still to be reaped is forgotten. */
static void probe_exec_release(struct supervisor *s)
{
        struct probe_table *t = probe_exec_own(s);

        for (int i = 0; i < SLOTS; i++) {
                while (t->slots[i]) {
                        struct probe_child *c = t->slots[i];
                        t->slots[i] = c->next;
                        if (c->owner)
                                c->owner->child = NULL;
                        s->sys->spawn_drop(s->sys, &c->st);
                        child_free(c);
                }
        }
}

/* ---- once per start */

static bool find_groups(struct probe *pr, struct err *e)
{
        const struct user_ref *user = &pr->program->user;
        const struct host *w = pr->sup->host;

        if (!user->set || user->who.uid == w->euid)
                return true;
        if (w->groups_of(w, user->who.name, user->who.gid, &pr->groups, &pr->group_count))
                return true;
        return err_set(e, ERR_NOMEM, "cannot look up the groups of user %s", user->who.name);
}

static bool exec_prepare(struct probe *pr, const char *target, struct err *e)
{
        return command_split(target, &pr->argv, e) && find_groups(pr, e);
}

static void exec_release(struct probe *pr)
{
        if (pr->child)
                pr->child->owner = NULL;
        pr->child = NULL;
        strlist_release(&pr->argv);
        free(pr->groups);
        pr->groups = NULL;
        pr->group_count = 0;
}

/* ---- asking */

/* At most `limit` bytes of what the pipe holds. False: end of file, or it is broken. */
static bool probe_exec_read_some(struct probe *pr, size_t limit)
{
        struct sys *sys = pr->sup->sys;
        char chunk[CHUNK];

        for (size_t seen = 0; seen < limit;) {
                ssize_t n = sys->read(sys, pr->fd, chunk, sizeof chunk);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 && errno == EAGAIN;
                probe_keep(pr, chunk, (size_t)n);
                seen += (size_t)n;
        }
        return true;
}

static void on_output(EV_P_ ev_io *w, int revents)
{
        struct probe *pr = w->data;

        (void)loop, (void)revents;
        if (!probe_exec_read_some(pr, 1))
                probe_close(pr);
}

/* Everything one start needs; released in one place. */
struct exec_start {
        struct recipe recipe;
        struct strlist env;
        int null, ends[2];
        struct probe_child *child;
};

static void exec_start_release(struct exec_start *x)
{
        recipe_release(&x->recipe);
        strlist_release(&x->env);
        fd_close(&x->null);
        fd_close(&x->ends[0]);
        fd_close(&x->ends[1]);
        child_free(x->child);
}

static bool probe_exec_gather(struct probe *pr, struct exec_start *x, struct err *e)
{
        struct supervisor *s = pr->sup;
        const struct process *p = pr->process;

        if (!recipe_make(pr->program, p->group->name, p->number, s->host, &x->recipe, e))
                return false;
        if (!exec_env_env(s, p, &x->recipe.env, &x->env) ||
            !strlist_setenv(&x->env, RUN_KEY, RUN_BY_CHECK))
                return err_nomem(e);
        x->child = calloc(1, sizeof *x->child);
        if (!x->child)
                return err_nomem(e);
        if (launcher_places(&pr->argv, strlist_getenv(&x->env, "PATH"), &x->child->places, e) !=
            FAULT_NONE)
                return false;
        x->null = s->sys->open(s->sys, "/dev/null", O_RDONLY, 0);
        if (x->null < 0)
                return err_set(e, ERR_SYS, "open /dev/null");
        if (s->sys->pipe(s->sys, x->ends) < 0)
                return err_set(e, ERR_SYS, "make a pipe");
        return fd_nonblock(x->ends[0], true) || err_set(e, ERR_SYS, "make the pipe non-blocking");
}

static bool probe_exec_spawn(struct probe *pr, struct exec_start *x, struct err *e)
{
        struct supervisor *s = pr->sup;
        const struct program *g = pr->program;
        struct spawned result = { 0 };
        struct launch launch = {
                .places = x->child->places.items,
                .argv = pr->argv.items,
                .envp = x->env.items,
                .directory = x->recipe.directory,
                .umask = g->umask,
                .fds = { x->null, x->ends[1], x->ends[1] },
                .change_user = pr->groups != NULL,
                .uid = g->user.who.uid,
                .gid = g->user.who.gid,
                .groups = pr->groups,
                .group_count = pr->group_count,
                .limit_nofile = startup_of(s)->limits.nofile.rlim_max != 0,
                .nofile = startup_of(s)->limits.nofile,
                .mask = &startup_of(s)->worker_mask,
        };

        if (!s->sys->spawn(s->sys, &launch, &result)) {
                errno = result.error;
                return err_set(e, ERR_SYS, "couldn't %s", spawn_step_word(result.step));
        }
        x->child->pid = result.pid;
        x->child->st = result;
        return true;
}

static void exec_ask(struct probe *pr)
{
        struct exec_start x = { .null = -1, .ends = { -1, -1 } };
        struct err e = { 0 };

        if (pr->child) {
                probe_answer(pr, false, "the check before this one was killed and has not ended");
                return;
        }
        bool ok = probe_exec_gather(pr, &x, &e) && probe_exec_spawn(pr, &x, &e);
        if (ok) {
                pr->child = x.child;
                x.child = NULL;
                pr->child->owner = pr;
                struct probe_child **at =
                    probe_exec_place_of(probe_exec_own(pr->sup), pr->child->pid);
                pr->child->next = *at;
                *at = pr->child;
                pr->fd = fd_take(&x.ends[0]);
                probe_watch(pr, EV_READ, on_output);
        }
        exec_start_release(&x);
        if (!ok)
                probe_answer(pr, false, "%s", e.text);
}

/* Its whole group: it leads a session of its own, and is not reaped yet, so the number is still
 * its. */
static void exec_cut(struct probe *pr)
{
        probe_close(pr);
        if (pr->child)
                pr->sup->sys->kill(pr->sup->sys, -pr->child->pid, SIGKILL);
}

static void exec_refused(struct probe *pr, const struct probe_child *c)
{
        struct err e = { 0 };

        errno = c->st.error;
        if (c->st.step == STEP_FIND)
                launcher_not_found(pr->argv.items[0], &c->places, &c->st, &e);
        else
                err_set(&e, ERR_SYS, "couldn't %s", spawn_step_word(c->st.step));
        probe_answer(pr, false, "%s", e.text);
}

static void exec_ended(struct probe *pr, int status)
{
        AUTO_BUF how = BUF_INIT;

        if (pr->fd >= 0)
                probe_exec_read_some(pr, DRAIN_MAX);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                probe_answer(pr, true, NULL);
        } else if (pr->output.len) {
                probe_answer(pr, false, NULL);
        } else {
                struct ending end = ending_of(status, pr->program, clock_wall_ms());
                ending_text(&end, &how);
                probe_answer(pr, false, "%s", buf_str(&how));
        }
}

bool probe_reaped(struct supervisor *s, pid_t pid, int status)
{
        struct probe_child **at = probe_exec_place_of(probe_exec_own(s), pid);

        if (!*at)
                return false;
        struct probe_child *child = *at;
        struct probe *owner = child->owner;
        bool refused = s->sys->spawn_look(s->sys, &child->st) == SPAWN_FAILED;
        s->sys->spawn_drop(s->sys, &child->st);
        *at = child->next;
        /* A check is over with its process: what it left in its group would gather with each one.
         * The number is no other's while the group has members, and numbers are given out in turn.
         */
        s->sys->kill(s->sys, -pid, SIGKILL);
        if (owner)
                owner->child = NULL;
        if (owner && owner->asking && refused)
                exec_refused(owner, child);
        else if (owner && owner->asking)
                exec_ended(owner, status);
        child_free(child);
        return true;
}

bool probe_owns(const struct supervisor *s, pid_t pid)
{
        return *probe_exec_place_of(probe_exec_own(s), pid) != NULL;
}

const struct probe_kind probe_by_exec = {
        .prepare = exec_prepare,
        .ask = exec_ask,
        .cut = exec_cut,
        .release = exec_release,
};

static bool probe_exec_on_reaped(struct supervisor *s, pid_t pid, int status)
{
        if (!probe_reaped(s, pid, status))
                return false;
        descendants_check_ended(s);
        return true;
}

const struct component component_probe_exec = { .name = "probe_exec",
                                                .size = sizeof(struct probe_table),
                                                .release = probe_exec_release,
                                                .on_reaped = probe_exec_on_reaped,
                                                .owns = probe_owns };
