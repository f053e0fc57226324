/* What FATAL means (on_fatal=): nothing, the end of the daemon with exit code 3, or a command; and
 * the daemon's end with its main process (container_main). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/order/shutdown.h"
#include "engine/run/containment.h"
#include "engine/run/exec_env.h"
#include "engine/run/launcher.h"
#include "engine/run/launches.h"
#include "model/config/recipe.h"

#define EXIT_ON_FATAL 3 /* supervisord(8), EXIT STATUS */

struct hook {
        struct hook *next;
        struct supervisor *sup; /* borrowed */
        ev_timer limit;         /* of its start */
        struct spawned st;      /* its report is owned */
        char *text;             /* owned: the command, for the log */
        struct strlist argv, places;
        bool is_told; /* that it could not be run: its end says nothing more */
};

/* The component's own. */
struct fatal_hooks {
        struct hook *first; /* owned list */
};

static struct fatal_hooks *fatal_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_fatal);
}

static void drop_hook(struct supervisor *s, struct hook *h)
{
        ev_timer_stop(s->loop, &h->limit);
        s->sys->spawn_drop(s->sys, &h->st);
        free(h->text);
        strlist_release(&h->argv);
        strlist_release(&h->places);
        free(h);
}

static void fatal_release(struct supervisor *s)
{
        struct hook *next;

        for (struct hook *h = fatal_own(s)->first; h; h = next) {
                next = h->next;
                drop_hook(s, h);
        }
}

static bool fatal_owns(const struct supervisor *s, pid_t pid)
{
        for (struct hook *h = fatal_own(s)->first; h; h = h->next)
                if (h->st.pid == pid)
                        return true;
        return false;
}

static void fatal_say_refused(struct supervisor *s, const struct hook *h)
{
        struct err e = { 0 };

        errno = h->st.error;
        if (h->st.step == STEP_FIND)
                launcher_not_found(h->argv.items[0], &h->places, &h->st, &e);
        else
                err_set(&e, ERR_SYS, "%s", spawn_step_word(h->st.step));
        log_line(s->log, LVL_ERROR, "on_fatal command could not be run: %s: %s", e.text, h->text);
}

static void say_ended(struct supervisor *s, struct hook *h, int status)
{
        struct ending e = ending_of(status, NULL, clock_wall_ms());
        AUTO_BUF how = BUF_INIT;

        ending_text(&e, &how);
        if (s->sys->spawn_look(s->sys, &h->st) == SPAWN_FAILED)
                fatal_say_refused(s, h);
        else
                log_line(s->log, status == 0 ? LVL_INFO : LVL_WARN,
                         "on_fatal command ended (%s): %s", buf_str(&how), h->text);
}

static bool fatal_on_reaped(struct supervisor *s, pid_t pid, int status)
{
        struct hook **at = &fatal_own(s)->first;

        while (*at && (*at)->st.pid != pid)
                at = &(*at)->next;
        if (!*at)
                return false;
        struct hook *h = *at;
        *at = h->next;
        if (!h->is_told)
                say_ended(s, h, status);
        drop_hook(s, h);
        return true;
}

/* Its program is on a file system that does not answer. What is executed by then has no bound: it
 * is the operator's. */
static void fatal_on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct hook *h = w->data;
        struct supervisor *s = h->sup;

        (void)loop, (void)revents;
        switch (s->sys->spawn_look(s->sys, &h->st)) {
        case SPAWN_EXECUTED:
                s->sys->spawn_drop(s->sys, &h->st);
                return;
        case SPAWN_FAILED:
                fatal_say_refused(s, h);
                break;
        case SPAWN_UNDER_WAY:
                s->sys->kill(s->sys, h->st.pid, SIGKILL);
                log_line(s->log, LVL_ERROR,
                         "on_fatal command could not be run: couldn't exec %s within %d s: it was "
                         "stopped by a signal, or a file system does not answer; killed pid %d: %s",
                         h->argv.items[0], LAUNCH_LIMIT_S, (int)h->st.pid, h->text);
                break;
        }
        h->is_told = true;
}

static struct hook *hook_new(struct supervisor *s)
{
        struct hook *h = calloc(1, sizeof *h);

        if (!h)
                return NULL;
        h->st.report = -1;
        h->sup = s;
        ev_timer_init(&h->limit, fatal_on_limit, LAUNCH_LIMIT_S, 0.);
        h->limit.data = h;
        return h;
}

static bool spawn_hook(struct supervisor *s, struct process *p, struct hook *h, struct err *e)
{
        AUTO_STRLIST env = STRLIST_INIT;
        AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
        struct recipe r = { 0 };

        if (null < 0)
                return err_set(e, ERR_SYS, "open /dev/null");
        bool ok =
            recipe_make(p->program, p->group->name, p->number, s->host, &r, e) &&
            command_split(h->text, &h->argv, e) &&
            ((exec_env_env(s, p, &r.env, &env) && strlist_setenv(&env, RUN_KEY, RUN_ON_FATAL)) ||
             err_nomem(e)) &&
            launcher_places(&h->argv, strlist_getenv(&env, "PATH"), &h->places, e) == FAULT_NONE;
        struct launch launch = { .places = h->places.items,
                                 .argv = h->argv.items,
                                 .envp = env.items,
                                 .umask = -1,
                                 .fds = { null, null, null },
                                 .limit_nofile = startup_of(s)->limits.nofile.rlim_max != 0,
                                 .nofile = startup_of(s)->limits.nofile,
                                 .mask = &startup_of(s)->worker_mask };
        if (ok && !s->sys->spawn(s->sys, &launch, &h->st)) {
                errno = h->st.error;
                ok = err_set(e, ERR_SYS, "%s", spawn_step_word(h->st.step));
        }
        recipe_release(&r);
        return ok;
}

/* As the daemon's user and in its directory: what it is to do (page an operator, reboot) is the
 * operator's, not the worker's. */
static void fatal_run_command(struct supervisor *s, struct process *p)
{
        struct err e = { 0 };
        struct hook *h = hook_new(s);

        if (!h)
                err_nomem(&e);
        else
                h->text = recipe_expand(p->program, p->group->name, p->number, s->host, "on_fatal",
                                        p->program->on_fatal.command, &e);
        if (!h || !h->text || !spawn_hook(s, p, h, &e)) {
                log_line(s->log, LVL_ERROR, "on_fatal of '%s' could not be run: %s", p->name,
                         e.text);
                if (h)
                        drop_hook(s, h);
                return;
        }
        log_line(s->log, LVL_WARN, "on_fatal of '%s': running pid %d: %s", p->name, (int)h->st.pid,
                 h->text);
        ev_now_update(s->loop);
        ev_timer_start(s->loop, &h->limit);
        h->next = fatal_own(s)->first;
        fatal_own(s)->first = h;
}

static void fatal_happened(struct supervisor *s, struct process *p)
{
        switch (p->program->on_fatal.kind) {
        case FATAL_IGNORE:
                return;
        case FATAL_SHUTDOWN:
                log_line(s->log, LVL_CRITICAL,
                         "'%s' is FATAL and has on_fatal=shutdown: ending with exit code %d",
                         p->name, EXIT_ON_FATAL);
                s->exit_code = EXIT_ON_FATAL;
                shutdown_request(s, "on_fatal=shutdown");
                return;
        case FATAL_EXEC:
                fatal_run_command(s, p);
                return;
        }
}

/* As a shell would say it: 128 and the signal. */
static int exit_code_of(const struct ending *e)
{
        if (!e->happened || !e->known)
                return EXIT_ON_FATAL;
        return e->sig ? 128 + e->sig : e->code;
}

/* It has ended, and is not started again: does the daemon end with it? */
static void fatal_main_ended(struct supervisor *s, const struct process *p)
{
        bool over = p->state == PS_EXITED || p->state == PS_FATAL;

        if (!p->program->container_main || !over || s->daemon_state != DAEMON_RUNNING)
                return;
        s->exit_code = exit_code_of(&p->ending);
        log_line(s->log, LVL_WARN,
                 "'%s' has ended and has container_main: ending with exit code %d", p->name,
                 s->exit_code);
        shutdown_request(s, "container_main");
}

static void fatal_on_step_done(struct supervisor *s, struct process *p, const struct step *step)
{
        if ((step->work & DO_ON_FATAL) && s->daemon_state == DAEMON_RUNNING)
                fatal_happened(s, p);
        if (step_is_transition(p, step))
                fatal_main_ended(s, p);
}

const struct component component_fatal = { .name = "fatal",
                                           .size = sizeof(struct fatal_hooks),
                                           .release = fatal_release,
                                           .on_step_done = fatal_on_step_done,
                                           .on_reaped = fatal_on_reaped,
                                           .owns = fatal_owns };
