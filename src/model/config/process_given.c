/* What a process would be given: its results made, compared, and put into one number. */
#include "model/config/process_given.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/config/opt_kind.h"

/* ---- results */

static bool given_extra(const struct program *p, const char *group, int number,
                        const struct host *w, struct given *out, struct err *e)
{
        if (p->healthcheck.text &&
            !(out->healthcheck =
                  recipe_expand(p, group, number, w, "healthcheck", p->healthcheck.text, e)))
                return false;
        return !p->on_fatal.command ||
               (out->on_fatal =
                    recipe_expand(p, group, number, w, "on_fatal", p->on_fatal.command, e));
}

bool given_make(const struct program *p, const char *group, int number, const struct host *w,
                struct given *out, struct err *e)
{
        struct err why = { 0 };

        *out = (struct given){ 0 };
        bool ok = recipe_make(p, group, number, w, &out->recipe, e);
        if (ok && !command_split(out->recipe.command, &out->argv, &why)) {
                strlist_release(&out->argv);
                ok = why.code != ERR_NOMEM || err_nomem(e);
        }
        ok = ok && given_extra(p, group, number, w, out, e);
        strlist_sort(&out->recipe.env);
        if (!ok)
                given_release(out);
        return ok;
}

void given_release(struct given *g)
{
        recipe_release(&g->recipe);
        strlist_release(&g->argv);
        free(g->healthcheck);
        free(g->on_fatal);
        *g = (struct given){ 0 };
}

/* ---- comparing them */

static const struct result {
        const char *key;
        size_t at; /* of a char * in struct given */
} results[] = {
        { "process_name", offsetof(struct given, recipe.name) },
        { "directory", offsetof(struct given, recipe.directory) },
        { "stdout_logfile", offsetof(struct given, recipe.out_logfile) },
        { "stderr_logfile", offsetof(struct given, recipe.err_logfile) },
        { "stdout_syslog_tag", offsetof(struct given, recipe.out_tag) },
        { "stderr_syslog_tag", offsetof(struct given, recipe.err_tag) },
        { "healthcheck", offsetof(struct given, healthcheck) },
        { "on_fatal", offsetof(struct given, on_fatal) },
        { "command", 0 },
        { "environment", 0 },
};
#define RESULTS (sizeof results / sizeof *results)

static const struct result *result_find(const struct opt *o)
{
        for (size_t i = 0; i < RESULTS; i++)
                if ((o->flags & OPT_PROC_EXPAND) && strcmp(results[i].key, o->key) == 0)
                        return &results[i];
        return NULL;
}

bool given_holds(const struct opt *o)
{
        return result_find(o) != NULL;
}

static bool lists_same(const struct strlist *a, const struct strlist *b)
{
        if (a->count != b->count)
                return false;
        for (size_t i = 0; i < a->count; i++)
                if (strcmp(a->items[i], b->items[i]) != 0)
                        return false;
        return true;
}

/* A command without words is what it says. */
static bool commands_same(const struct given *a, const struct given *b)
{
        if (!a->argv.count && !b->argv.count)
                return strcmp(a->recipe.command, b->recipe.command) == 0;
        return lists_same(&a->argv, &b->argv);
}

bool given_same(const struct opt *o, const struct given *a, const struct given *b)
{
        const struct result *r = result_find(o);

        if (strcmp(r->key, "command") == 0)
                return commands_same(a, b);
        if (strcmp(r->key, "environment") == 0)
                return lists_same(&a->recipe.env, &b->recipe.env);
        return opt_same_text((const char *)a + r->at, (const char *)b + r->at);
}

/* ---- without making them */

#define TEMPLATES 10

static void templates_of(const struct program *p, const char *out[TEMPLATES])
{
        const char *const list[TEMPLATES] = {
                p->process_name,     p->command,          p->directory,      p->environment,
                p->out.logfile,      p->err.logfile,      p->out.syslog_tag, p->err.syslog_tag,
                p->healthcheck.text, p->on_fatal.command,
        };

        memcpy(out, list, sizeof list);
}

/* Also behind a doubled sign: some values are expanded twice. */
static bool process_given_mentions(const char *template, const char *name)
{
        return template && strstr(template, name) != NULL;
}

bool given_surely_same(const struct program *a, int number_a, const struct program *b, int number_b)
{
        const char *x[TEMPLATES], *y[TEMPLATES];

        if (a == b && number_a == number_b)
                return true;
        if (!opt_same_text(&a->here, &b->here) || !opt_same_text(&a->global_env, &b->global_env))
                return false;
        templates_of(a, x);
        templates_of(b, y);
        for (int i = 0; i < TEMPLATES; i++)
                if (!opt_same_text(&x[i], &y[i]) ||
                    (a->numprocs != b->numprocs && process_given_mentions(x[i], "(numprocs)")) ||
                    (number_a != number_b && process_given_mentions(x[i], "(process_num)")))
                        return false;
        return true;
}

bool given_varies(const struct program *p)
{
        const char *list[TEMPLATES];

        templates_of(p, list);
        for (int i = 1; i < TEMPLATES; i++) /* the first is the name */
                if (process_given_mentions(list[i], "(process_num)"))
                        return true;
        return process_given_mentions(p->global_env, "(process_num)");
}

/* ---- one number */

static uint64_t hash_list(uint64_t h, const struct strlist *list)
{
        for (size_t i = 0; i < list->count; i++)
                h = hash_text(h, list->items[i]);
        return hash_text(h, "");
}

/* What only a new start makes true and is no result. */
static bool hash_rows(const struct program *p, uint64_t *h)
{
        AUTO_BUF text = BUF_INIT;

        for (const struct opt *o = program_opts; o->key; o++) {
                if (o->change != CHANGE_RESTART || !(o->kinds & p->kind) || given_holds(o))
                        continue;
                buf_reset(&text);
                opt_format(o, p, &text);
                *h = hash_text(hash_text(*h, o->key), buf_str(&text));
        }
        return !text.failed;
}

bool given_fingerprint(const struct program *p, const struct recipe *r, const struct strlist *argv,
                       uint64_t *out)
{
        uint64_t h = hash_word(0, p->kind);
        AUTO_STRLIST env = STRLIST_INIT;

        if (!strlist_copy(&env, &r->env) || !hash_rows(p, &h))
                return false;
        strlist_sort(&env);
        h = hash_text(h, p->name ? p->name : "");
        h = argv->count ? hash_list(h, argv) : hash_text(h, r->command);
        h = hash_list(hash_text(h, r->directory ? r->directory : ""), &env);
        *out = h ? h : 1;
        return true;
}
