/* May a process start now, and if not, why? Asked for starts that may have to wait; one that has to
 * is in PS_WAITING, and is asked about again when what it waits for has changed.
 *
 * So far there is one condition: no process that a reload stops for good has its place still, which
 * is its name, command, socket, log file or the address of its health check. What comes to it here
 * is a reason to wait; no state is decided here. */
#include "engine/order/conditions.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/vec.h"
#include "model/config/recipe.h"

#define SLOTS      256
#define CLAIMS_MAX 6

/* What a process has for itself alone, as far as its configuration tells: one number for its name,
 * one for its command, what answers its health check, its socket, its log files. */
struct claims {
        uint64_t items[CLAIMS_MAX];
        int count;
};

struct leaver {
        struct leaver *next;
        uint64_t claim;
        struct process *p; /* borrowed; NULL: freed meanwhile */
};

/* An index of those in PS_WAITING. */
struct waiting {
        struct process *p;        /* borrowed; NULL: freed meanwhile, or started */
        const struct process *on; /* borrowed; NULL: freed meanwhile, so it is asked about again */
};

struct conditions {
        struct leaver *slots[SLOTS]; /* owned, by claim */
        struct waiting *waiting;     /* owned */
        int count;
};

static struct conditions *conditions_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_conditions);
}

/* ---- claims */

static void conditions_claim(struct claims *c, char kind, const char *text)
{
        if (text && *text)
                c->items[c->count++] = hash_text((unsigned char)kind, text);
}

/* Devices and words (AUTO, syslog) are for everybody. */
static void claim_log(struct claims *c, const char *path)
{
        if (path && path[0] == '/' && strncmp(path, "/dev/", 5) != 0)
                conditions_claim(c, 'l', path);
}

/* What cannot be expanded claims nothing: no start that is wanted waits for it. */
static struct claims claims_of(const struct supervisor *s, const struct process *p)
{
        const struct program *g = p->program;
        struct claims c = { 0 };
        struct recipe r;
        struct err e = { 0 };

        conditions_claim(&c, 'n', p->name);
        conditions_claim(&c, 's', g->socket);
        if (recipe_make(g, p->group->name, p->number, s->host, &r, &e)) {
                conditions_claim(&c, 'c', r.command);
                claim_log(&c, r.out_logfile);
                claim_log(&c, r.err_logfile);
                recipe_release(&r);
        }
        if (g->healthcheck.kind == CHECK_NONE || g->healthcheck.kind == CHECK_EXEC)
                return c;
        char *target = recipe_expand(g, p->group->name, p->number, s->host, "healthcheck",
                                     g->healthcheck.target, &e);
        conditions_claim(&c, 'h', target);
        free(target);
        return c;
}

/* A process that is wanted again, or could not be signalled, is no longer waited for. */
static bool conditions_is_leaving(const struct process *p)
{
        return p && (p->state == PS_RETIRING || p->state == PS_GONE);
}

/* A process on its way out that has what these claim; NULL: none. */
static const struct process *holder_of(const struct conditions *h, const struct claims *c)
{
        for (int i = 0; i < c->count; i++)
                for (const struct leaver *l = h->slots[c->items[i] % SLOTS]; l; l = l->next)
                        if (l->claim == c->items[i] && conditions_is_leaving(l->p))
                                return l->p;
        return NULL;
}

/* ---- the two sides */

static bool add_leaver(struct conditions *h, struct process *p, const struct claims *c)
{
        for (int i = 0; i < c->count; i++) {
                struct leaver *l = malloc(sizeof *l), **slot = &h->slots[c->items[i] % SLOTS];
                if (!l)
                        return false;
                *l = (struct leaver){ *slot, c->items[i], p };
                *slot = l;
        }
        return true;
}

static bool conditions_begin(struct supervisor *s)
{
        if (!conditions_own(s))
                component_set(s, COMPONENT_conditions, calloc(1, sizeof *conditions_own(s)));
        return conditions_own(s);
}

void conditions_until_gone(struct supervisor *s, struct process *p)
{
        if (p->state != PS_RETIRING)
                return;
        struct claims c = claims_of(s, p);
        if (!conditions_begin(s) || !add_leaver(conditions_own(s), p, &c))
                log_line(s->log, LVL_WARN, "out of memory: the end of '%s' is not waited for",
                         p->name);
}

/* What its start has to wait for; NULL: it may start. */
static const struct process *conditions_ask(const struct supervisor *s, const struct process *p)
{
        if (!conditions_own(s))
                return NULL;
        struct claims c = claims_of(s, p);
        return holder_of(conditions_own(s), &c);
}

static bool add_waiting(struct conditions *h, struct process *p, const struct process *on)
{
        if (!vec_grow(h->waiting, h->count))
                return false;
        h->waiting[h->count++] = (struct waiting){ p, on };
        return true;
}

void conditions_start(struct supervisor *s, struct process *p)
{
        const struct process *on = conditions_ask(s, p);

        if (!on || !add_waiting(conditions_own(s), p, on)) {
                supervisor_order(s, p, PE_START);
                return;
        }
        log_line(s->log, LVL_INFO, "waiting: %s is started when %s has stopped", p->name, on->name);
        supervisor_order(s, p, PE_WAIT);
}

static void conditions_on_process_gone(struct supervisor *s, struct process *p)
{
        struct conditions *h = conditions_own(s);

        for (int i = 0; h && i < SLOTS; i++)
                for (struct leaver *l = h->slots[i]; l; l = l->next)
                        if (l->p == p)
                                l->p = NULL;
        for (int i = 0; h && i < h->count; i++) {
                if (h->waiting[i].p == p)
                        h->waiting[i].p = NULL;
                if (h->waiting[i].on == p)
                        h->waiting[i].on = NULL;
        }
}

/* Is anything left that a later start could have to wait for? */
static bool conditions_are_over(const struct conditions *h)
{
        for (int i = 0; i < h->count; i++)
                if (h->waiting[i].p)
                        return false;
        for (int i = 0; i < SLOTS; i++)
                for (const struct leaver *l = h->slots[i]; l; l = l->next)
                        if (conditions_is_leaving(l->p))
                                return false;
        return true;
}

static void conditions_release(struct supervisor *s)
{
        struct conditions *h = conditions_own(s);

        for (int i = 0; h && i < SLOTS; i++)
                while (h->slots[i]) {
                        struct leaver *l = h->slots[i];
                        h->slots[i] = l->next;
                        free(l);
                }
        if (h)
                free(h->waiting);
        free(h);
        component_set(s, COMPONENT_conditions, NULL);
}

/* Another order may have ended its wait; what it waited for may be gone, or wanted again. */
static void conditions_look(struct supervisor *s, struct waiting *w)
{
        struct process *p = w->p;

        if (!p || (p->state == PS_WAITING && conditions_is_leaving(w->on)))
                return;
        w->on = p->state == PS_WAITING ? conditions_ask(s, p) : NULL;
        if (w->on)
                return;
        w->p = NULL;
        if (p->state == PS_WAITING && s->daemon_state == DAEMON_RUNNING)
                supervisor_order(s, p, PE_START);
}

static void conditions_on_settle(struct supervisor *s)
{
        /* an order may make further starts wait, and move the list */
        for (int i = 0; conditions_own(s) && i < conditions_own(s)->count; i++)
                conditions_look(s, &conditions_own(s)->waiting[i]);
        if (conditions_own(s) && conditions_are_over(conditions_own(s)))
                conditions_release(s);
}

bool conditions_why(const struct supervisor *s, const struct process *p, struct buf *out)
{
        const struct process *on = p->state == PS_WAITING ? conditions_ask(s, p) : NULL;

        if (!on)
                return false;
        buf_puts(out, "waits until ");
        process_namespec(on, out);
        buf_puts(out, " has stopped");
        return true;
}

/* The wish of an earlier daemon holds, and so do the places of what was leaving then. Those that
 * may start by now do so in the next pause. */
static void conditions_resume(struct supervisor *s, struct process *p)
{
        conditions_until_gone(s, p);
        if (p->state == PS_WAITING &&
            (!conditions_begin(s) || !add_waiting(conditions_own(s), p, NULL)))
                log_line(s->log, LVL_WARN, "out of memory: '%s' is not started by itself", p->name);
}

static void conditions_on_adopted(struct supervisor *s)
{
        for (int g = 0; g < s->registry.group_count; g++)
                for (int i = 0; i < s->registry.groups[g]->count; i++)
                        conditions_resume(s, s->registry.groups[g]->procs[i]);
}

const struct component component_conditions = { .name = "conditions",
                                                .release = conditions_release,
                                                .on_settle = conditions_on_settle,
                                                .on_adopted = conditions_on_adopted,
                                                .on_process_gone = conditions_on_process_gone };
