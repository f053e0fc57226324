/* Looks for the programs of orders in a child, where a file system may have to be waited for. */
#include "engine/order/searches.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <utlist.h>

#include "engine/order/operations.h"
#include "engine/order/waiters.h"
#include "engine/run/launcher.h"

struct search {
        struct search *prev, *next;
        struct supervisor *sup;  /* borrowed */
        struct process *process; /* borrowed; NULL: it is over, and the child is to be reaped */
        struct program *program; /* reference: what is looked for */
        struct caller by;
        bool has_caller;
        struct spawned st;
        ev_io said;
        ev_timer limit;
};

/* What the component has for itself: the head of its list. */
static struct search **searches_first(const struct supervisor *s)
{
        return component_own(s, COMPONENT_searches);
}

static void search_close(struct search *x)
{
        operations_go_on(x->sup, x->process);
        x->process = NULL;
        ev_io_stop(x->sup->loop, &x->said);
        ev_timer_stop(x->sup->loop, &x->limit);
        if (x->st.report >= 0)
                x->sup->sys->spawn_drop(x->sup->sys, &x->st);
        program_unref(x->program);
        x->program = NULL;
}

static void search_free(struct search *x)
{
        if (x->process)
                search_close(x);
        DL_DELETE(*searches_first(x->sup), x);
        free(x);
}

/* ---- what comes of it */

/* Of the order, once it goes on (FAULT_NONE) or is refused. */
static void search_end(struct search *x, enum fault f, const struct err *e)
{
        struct supervisor *s = x->sup;
        struct process *p = x->process;
        const struct caller by = x->by;
        bool has_caller = x->has_caller;

        search_close(x);
        if (f == FAULT_NONE)
                f = order_start_found(s, p, has_caller ? &by : NULL);
        waiters_ordered(s, p, f, e->text);
}

/* Before the child has answered. */
static void search_cut(struct search *x, enum fault f)
{
        static const struct err nothing;

        x->sup->sys->kill(x->sup->sys, x->st.pid, SIGKILL);
        search_end(x, f, &nothing);
}

static void search_answered(struct search *x, enum spawn_progress said)
{
        struct err e = { 0 };
        enum fault f = FAULT_NONE;

        if (said == SPAWN_FAILED)
                f = launcher_searched(x->sup, x->process, x->program, &x->st, &e);
        search_end(x, f, &e);
}

static void on_said(struct ev_loop *loop, ev_io *w, int revents)
{
        struct search *x = w->data;
        enum spawn_progress said = x->sup->sys->spawn_look(x->sup->sys, &x->st);

        (void)loop, (void)revents;
        if (said != SPAWN_UNDER_WAY)
                search_answered(x, said);
}

static void searches_on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct search *x = w->data;

        (void)loop, (void)revents;
        log_line(x->sup->log, LVL_WARN,
                 "the program of '%s' could not be looked for within %d s: a file system does not "
                 "answer; it is started all the same",
                 x->process->name, SEARCH_LIMIT_S);
        search_cut(x, FAULT_NONE);
}

/* ---- its life */

static struct search *search_new(struct supervisor *s, struct process *p, const struct caller *by)
{
        struct search *x = calloc(1, sizeof *x);

        if (!x)
                return NULL;
        x->sup = s;
        x->process = p;
        x->program = program_ref(launcher_program(p));
        x->has_caller = by != NULL;
        if (by)
                x->by = *by;
        x->st.report = -1;
        ev_init(&x->said, on_said);
        ev_timer_init(&x->limit, searches_on_limit, SEARCH_LIMIT_S, 0.);
        x->said.data = x->limit.data = x;
        DL_APPEND(*searches_first(s), x);
        return x;
}

bool search_begin(struct supervisor *s, struct process *p, const struct caller *by)
{
        struct search *x = search_new(s, p, by);

        if (!x)
                return false;
        if (!launcher_search(s, p, x->program, &x->st)) {
                search_free(x);
                return false;
        }
        if (x->st.report < 0) {
                search_close(x);
                return false;
        }
        ev_io_set(&x->said, x->st.report, EV_READ);
        ev_io_start(s->loop, &x->said);
        ev_now_update(s->loop);
        ev_timer_start(s->loop, &x->limit);
        return true;
}

static struct search *search_of(const struct supervisor *s, const struct process *p)
{
        struct search *x = *searches_first(s);

        while (x && x->process != p)
                x = x->next;
        return x;
}

bool searches_has(const struct supervisor *s, const struct process *p)
{
        return search_of(s, p) != NULL;
}

void searches_stopped(struct supervisor *s, const struct process *p)
{
        struct search *x = search_of(s, p);

        if (x)
                search_cut(x, FAULT_ABNORMAL_TERMINATION);
}

static void searches_on_process_gone(struct supervisor *s, struct process *p)
{
        struct search *x = search_of(s, p);

        if (!x)
                return;
        s->sys->kill(s->sys, x->st.pid, SIGKILL);
        search_close(x);
}

/* From the front again: what comes of one may concern the others. */
void searches_finish(struct supervisor *s)
{
        struct search *x = *searches_first(s);

        while (x) {
                bool is_open = x->process != NULL;
                if (is_open)
                        search_cut(x, FAULT_NONE);
                x = is_open ? *searches_first(s) : x->next;
        }
}

static void searches_release(struct supervisor *s)
{
        while (*searches_first(s)) {
                struct search *x = *searches_first(s);
                if (x->process)
                        s->sys->kill(s->sys, x->st.pid, SIGKILL);
                search_free(x);
        }
}

/* ---- the children */

static struct search *search_by(const struct supervisor *s, pid_t pid)
{
        struct search *x = *searches_first(s);

        while (x && x->st.pid != pid)
                x = x->next;
        return x;
}

static bool searches_own(const struct supervisor *s, pid_t pid)
{
        return search_by(s, pid) != NULL;
}

/* One that has ended without a word has not said that the program is missing. */
static bool searches_on_reaped(struct supervisor *s, pid_t pid, int status)
{
        struct search *x = search_by(s, pid);

        (void)status;
        if (!x)
                return false;
        x->st.pid = 0; /* the number may be another's from here on */
        if (x->process)
                search_answered(x, s->sys->spawn_look(s->sys, &x->st));
        search_free(x);
        return true;
}

const struct component component_searches = { .name = "searches",
                                              .size = sizeof(struct search *),
                                              .release = searches_release,
                                              .on_reaped = searches_on_reaped,
                                              .owns = searches_own,
                                              .on_process_gone = searches_on_process_gone };
