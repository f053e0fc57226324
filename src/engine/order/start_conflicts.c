/* Starts of a reload that wait for another process to go: by name, command, socket, log file or
 * address of a health check. Starts without a conflict do not wait. */
#include "engine/order/start_conflicts.h"

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

struct start_conflicts {
        struct leaver *slots[SLOTS]; /* owned, by claim */
        struct waiting *waiting;     /* owned */
        int count;
};

static struct start_conflicts *start_conflicts_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_start_conflicts);
}

/* ---- claims */

static void start_conflicts_claim(struct claims *c, char kind, const char *text)
{
        if (text && *text)
                c->items[c->count++] = hash_text((unsigned char)kind, text);
}

/* Devices and words (AUTO, syslog) are for everybody. */
static void claim_log(struct claims *c, const char *path)
{
        if (path && path[0] == '/' && strncmp(path, "/dev/", 5) != 0)
                start_conflicts_claim(c, 'l', path);
}

/* What cannot be expanded claims nothing: no start that is wanted waits for it. */
static struct claims claims_of(const struct supervisor *s, const struct process *p)
{
        const struct program *g = p->program;
        struct claims c = { 0 };
        struct recipe r;
        struct err e = { 0 };

        start_conflicts_claim(&c, 'n', p->name);
        start_conflicts_claim(&c, 's', g->socket);
        if (recipe_make(g, p->group->name, p->number, s->host, &r, &e)) {
                start_conflicts_claim(&c, 'c', r.command);
                claim_log(&c, r.out_logfile);
                claim_log(&c, r.err_logfile);
                recipe_release(&r);
        }
        if (g->healthcheck.kind == CHECK_NONE || g->healthcheck.kind == CHECK_EXEC)
                return c;
        char *target = recipe_expand(g, p->group->name, p->number, s->host, "healthcheck",
                                     g->healthcheck.target, &e);
        start_conflicts_claim(&c, 'h', target);
        free(target);
        return c;
}

/* A process that is wanted again, or could not be signalled, is no longer waited for. */
static bool start_conflicts_is_leaving(const struct process *p)
{
        return p && (p->state == PS_RETIRING || p->state == PS_GONE);
}

/* A process on its way out that has what these claim; NULL: none. */
static const struct process *holder_of(const struct start_conflicts *h, const struct claims *c)
{
        for (int i = 0; i < c->count; i++)
                for (const struct leaver *l = h->slots[c->items[i] % SLOTS]; l; l = l->next)
                        if (l->claim == c->items[i] && start_conflicts_is_leaving(l->p))
                                return l->p;
        return NULL;
}

/* ---- the two sides */

static bool add_leaver(struct start_conflicts *h, struct process *p, const struct claims *c)
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

static bool add_waiting(struct start_conflicts *h, struct process *p, const struct claims *c)
{
        if (!vec_grow(h->waiting, h->count))
                return false;
        h->waiting[h->count++] = (struct waiting){ p, *c };
        return true;
}

void start_conflicts_until_gone(struct supervisor *s, struct process *p)
{
        if (p->state != PS_RETIRING)
                return;
        if (!start_conflicts_own(s))
                component_set(s, COMPONENT_start_conflicts,
                              calloc(1, sizeof *start_conflicts_own(s)));
        struct claims c = claims_of(s, p);
        if (!start_conflicts_own(s) || !add_leaver(start_conflicts_own(s), p, &c))
                log_line(s->log, LVL_WARN, "out of memory: the end of '%s' is not waited for",
                         p->name);
}

void start_conflicts_start(struct supervisor *s, struct process *p)
{
        struct claims c = start_conflicts_own(s) ? claims_of(s, p) : (struct claims){ 0 };
        const struct process *who =
            start_conflicts_own(s) ? holder_of(start_conflicts_own(s), &c) : NULL;

        if (who && add_waiting(start_conflicts_own(s), p, &c))
                log_line(s->log, LVL_INFO, "waiting: %s is started when %s has stopped", p->name,
                         who->name);
        else
                supervisor_order(s, p, PE_START);
}

static void start_conflicts_on_process_gone(struct supervisor *s, struct process *p)
{
        struct start_conflicts *h = start_conflicts_own(s);

        for (int i = 0; h && i < SLOTS; i++)
                for (struct leaver *l = h->slots[i]; l; l = l->next)
                        if (l->p == p)
                                l->p = NULL;
        for (int i = 0; h && i < h->count; i++)
                if (h->waiting[i].p == p)
                        h->waiting[i].p = NULL;
}

/* Is anything left that a later start could have to wait for? */
static bool start_conflicts_is_over(const struct start_conflicts *h)
{
        for (int i = 0; i < h->count; i++)
                if (h->waiting[i].p)
                        return false;
        for (int i = 0; i < SLOTS; i++)
                for (const struct leaver *l = h->slots[i]; l; l = l->next)
                        if (start_conflicts_is_leaving(l->p))
                                return false;
        return true;
}

static void start_conflicts_release(struct supervisor *s)
{
        struct start_conflicts *h = start_conflicts_own(s);

        for (int i = 0; h && i < SLOTS; i++)
                while (h->slots[i]) {
                        struct leaver *l = h->slots[i];
                        h->slots[i] = l->next;
                        free(l);
                }
        if (h)
                free(h->waiting);
        free(h);
        component_set(s, COMPONENT_start_conflicts, NULL);
}

/* Starts those whose place is free by now. */
static void start_conflicts_on_settle(struct supervisor *s)
{
        /* an order may hold further starts, and move the list */
        for (int i = 0; start_conflicts_own(s) && i < start_conflicts_own(s)->count; i++) {
                struct waiting *w = &start_conflicts_own(s)->waiting[i];
                struct process *p = w->p;
                if (!p || holder_of(start_conflicts_own(s), &w->claims))
                        continue;
                w->p = NULL;
                if (p->state == PS_STOPPED && s->daemon_state == DAEMON_RUNNING)
                        supervisor_order(s, p, PE_START);
        }
        if (start_conflicts_own(s) && start_conflicts_is_over(start_conflicts_own(s)))
                start_conflicts_release(s);
}

bool start_conflicts_why(const struct supervisor *s, const struct process *p, struct buf *out)
{
        for (int i = 0; start_conflicts_own(s) && i < start_conflicts_own(s)->count; i++) {
                const struct waiting *w = &start_conflicts_own(s)->waiting[i];
                const struct process *who =
                    w->p == p ? holder_of(start_conflicts_own(s), &w->claims) : NULL;
                if (!who || p->state != PS_STOPPED)
                        continue;
                buf_puts(out, "waits until ");
                process_namespec(who, out);
                buf_puts(out, " has stopped");
                return true;
        }
        return false;
}

const struct component component_start_conflicts = { .name = "start_conflicts",
                                                     .release = start_conflicts_release,
                                                     .on_settle = start_conflicts_on_settle,
                                                     .on_process_gone =
                                                         start_conflicts_on_process_gone };
