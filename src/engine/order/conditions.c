/* Starts of a reload that wait for another process to go: by name, command, socket, log file or
 * address of a health check. Starts without a conflict do not wait. */
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

struct waiting {
        struct process *p; /* borrowed; NULL: freed meanwhile, or started */
        struct claims claims;
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

static bool add_waiting(struct conditions *h, struct process *p, const struct claims *c)
{
        if (!vec_grow(h->waiting, h->count))
                return false;
        h->waiting[h->count++] = (struct waiting){ p, *c };
        return true;
}

void conditions_until_gone(struct supervisor *s, struct process *p)
{
        if (p->state != PS_RETIRING)
                return;
        if (!conditions_own(s))
                component_set(s, COMPONENT_conditions, calloc(1, sizeof *conditions_own(s)));
        struct claims c = claims_of(s, p);
        if (!conditions_own(s) || !add_leaver(conditions_own(s), p, &c))
                log_line(s->log, LVL_WARN, "out of memory: the end of '%s' is not waited for",
                         p->name);
}

void conditions_start(struct supervisor *s, struct process *p)
{
        struct claims c = conditions_own(s) ? claims_of(s, p) : (struct claims){ 0 };
        const struct process *who = conditions_own(s) ? holder_of(conditions_own(s), &c) : NULL;

        if (who && add_waiting(conditions_own(s), p, &c))
                log_line(s->log, LVL_INFO, "waiting: %s is started when %s has stopped", p->name,
                         who->name);
        else
                supervisor_order(s, p, PE_START);
}

static void conditions_on_process_gone(struct supervisor *s, struct process *p)
{
        struct conditions *h = conditions_own(s);

        for (int i = 0; h && i < SLOTS; i++)
                for (struct leaver *l = h->slots[i]; l; l = l->next)
                        if (l->p == p)
                                l->p = NULL;
        for (int i = 0; h && i < h->count; i++)
                if (h->waiting[i].p == p)
                        h->waiting[i].p = NULL;
}

/* Is anything left that a later start could have to wait for? */
static bool conditions_is_over(const struct conditions *h)
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

/* Starts those whose place is free by now. */
static void conditions_on_settle(struct supervisor *s)
{
        /* an order may hold further starts, and move the list */
        for (int i = 0; conditions_own(s) && i < conditions_own(s)->count; i++) {
                struct waiting *w = &conditions_own(s)->waiting[i];
                struct process *p = w->p;
                if (!p || holder_of(conditions_own(s), &w->claims))
                        continue;
                w->p = NULL;
                if (p->state == PS_STOPPED && s->daemon_state == DAEMON_RUNNING)
                        supervisor_order(s, p, PE_START);
        }
        if (conditions_own(s) && conditions_is_over(conditions_own(s)))
                conditions_release(s);
}

bool conditions_why(const struct supervisor *s, const struct process *p, struct buf *out)
{
        for (int i = 0; conditions_own(s) && i < conditions_own(s)->count; i++) {
                const struct waiting *w = &conditions_own(s)->waiting[i];
                const struct process *who =
                    w->p == p ? holder_of(conditions_own(s), &w->claims) : NULL;
                if (!who || p->state != PS_STOPPED)
                        continue;
                buf_puts(out, "waits until ");
                process_namespec(who, out);
                buf_puts(out, " has stopped");
                return true;
        }
        return false;
}

const struct component component_conditions = { .name = "conditions",
                                                .release = conditions_release,
                                                .on_settle = conditions_on_settle,
                                                .on_process_gone = conditions_on_process_gone };
