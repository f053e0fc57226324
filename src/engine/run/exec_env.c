/* Arguments, environment and groups of a start, worked out once for each setting and cached until
 * a configuration is applied. */
#include "engine/run/exec_env.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/unconst.h"
#include "engine/core/configuration.h"
#include "engine/core/supervisor.h"
#include "engine/run/containment.h"
#include "model/config/process_given.h"

#define KEPT       64 /* programs (or numbers of one): as many as may be restarting all the time */
#define ANY_NUMBER (-1)
#define NO_PLACE   SIZE_MAX
#define NAME_KEY   "SUPERVISOR_PROCESS_NAME"

struct kept {
        struct exec_env outfit;  /* first: cast back */
        struct program *program; /* reference */
        char *group;             /* owned */
        int number;              /* ANY_NUMBER: its recipe does not depend on it */
        struct strlist own;      /* what the environment has besides the daemon's */
        size_t name_at;          /* in the environment: the process's name; NO_PLACE: set by hand */
};

/* In a table without chains: two that meet in one place take turns. */
struct exec_envs {
        struct kept *kept[KEPT]; /* owned; by program, group and number */
        struct buf name; /* the variable with the name, of the process that was asked for last */
};

static struct exec_envs *exec_env_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_exec_env);
}

/* ---- the environment (compat 13) */

/* Meant for the daemon itself: a worker that took them for its own would notify our service manager
 * in our name. */
static bool is_daemons_own(const char *item)
{
        static const char *const names[] = { "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=",
                                             "LISTEN_FDS=",    "LISTEN_PID=",    "LISTEN_FDNAMES=",
                                             "FDSTORE=",       (RUN_KEY "=") };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strncmp(item, names[i], strlen(names[i])) == 0)
                        return true;
        return false;
}

static bool put_env(struct strlist *out, const struct strlist *items)
{
        for (size_t i = 0; i < items->count; i++) {
                char *eq = strchr(items->items[i], '=');
                if (!eq)
                        continue;
                *eq = '\0';
                bool ok = strlist_setenv(out, items->items[i], eq + 1);
                *eq = '=';
                if (!ok)
                        return false;
        }
        return true;
}

/* What a login would set (compat 23, row 25). */
static bool put_user(const struct program *g, struct strlist *out)
{
        const struct account *who = &g->user.who;

        if (!g->user.set || !g->user_environment)
                return true;
        return strlist_setenv(out, "HOME", who->home) && strlist_setenv(out, "USER", who->name) &&
               strlist_setenv(out, "LOGNAME", who->name) &&
               strlist_setenv(out, "SHELL", *who->shell ? who->shell : "/bin/sh");
}

/* All but what is inherited. */
static bool exec_env_put_own(const struct supervisor *s, const struct program *g, const char *group,
                             const char *name, const struct strlist *own, struct strlist *out)
{
        const char *url = g->serverurl ? g->serverurl : configuration_of(s)->server_url;

        return put_user(g, out) && strlist_setenv(out, "SUPERVISOR_ENABLED", "1") &&
               strlist_setenv(out, NAME_KEY, name) &&
               strlist_setenv(out, "SUPERVISOR_GROUP_NAME", group) &&
               (!url || strlist_setenv(out, "SUPERVISOR_SERVER_URL", url)) && put_env(out, own);
}

bool exec_env_env(struct supervisor *s, const struct process *p, const struct strlist *own,
                  struct strlist *out)
{
        AUTO_STRLIST ours = STRLIST_INIT;

        for (const char *const *e = s->host->environ; e && *e; e++)
                if (!is_daemons_own(*e) && !strlist_add(out, *e))
                        return false;
        return exec_env_put_own(s, p->program, p->group->name, p->name, own, &ours) &&
               put_env(out, &ours);
}

static bool same_key(const char *a, const char *b)
{
        size_t len = strcspn(a, "=");

        return strncmp(a, b, len + 1) == 0;
}

/* Behind those that are inherited, or in their place. Returns where it stands. */
static size_t env_put(char **env, size_t *count, char *item)
{
        size_t at = 0;

        while (at < *count && !same_key(item, env[at]))
                at++;
        env[at] = item;
        if (at == *count)
                env[++*count] = NULL;
        return at;
}

/* What is inherited lives as long as the daemon and is not copied. */
static bool exec_env_make_env(const struct supervisor *s, struct kept *k)
{
        size_t room = 1, count = 0;
        const char *const *inherited = s->host->environ;

        if (!exec_env_put_own(s, k->program, k->group, "", &k->outfit.recipe.env, &k->own))
                return false;
        while (inherited && inherited[room - 1])
                room++;
        char **env = k->outfit.env = calloc(room + k->own.count, sizeof *env);
        if (!env)
                return false;
        for (; inherited && *inherited; inherited++)
                if (!is_daemons_own(*inherited))
                        env[count++] = unconst(*inherited);
        k->name_at = NO_PLACE;
        for (size_t i = 0; i < k->own.count; i++) {
                size_t at = env_put(env, &count, k->own.items[i]);
                if (strcmp(k->own.items[i], NAME_KEY "=") == 0)
                        k->name_at = at;
        }
        if (strlist_getenv(&k->outfit.recipe.env, NAME_KEY)) /* even to nothing */
                k->name_at = NO_PLACE;
        return true;
}

static const char *find_path(const struct supervisor *s, const struct recipe *r)
{
        const char *path = strlist_getenv(&r->env, "PATH");

        for (const char *const *i = s->host->environ; i && *i && !path; i++)
                if (strncmp(*i, "PATH=", 5) == 0)
                        path = *i + 5;
        return path;
}

/* ---- making one */

static void kept_free(struct kept *k)
{
        if (!k)
                return;
        recipe_release(&k->outfit.recipe);
        strlist_release(&k->outfit.argv);
        free(k->outfit.env);
        strlist_release(&k->outfit.places);
        free(k->outfit.groups);
        strlist_release(&k->own);
        program_unref(k->program);
        free(k->group);
        free(k);
}

static bool exec_env_split(struct exec_env *o, enum fault *f, struct err *e)
{
        struct err why = { 0 };
        const char *text = o->recipe.command;

        if (command_split(text, &o->argv, &why))
                return true;
        char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
        err_set(e, ERR_CONFIG, "can't parse command %c%.300s%c: %s", quote, text, quote, why.text);
        *f = FAULT_NOT_EXECUTABLE;
        return false;
}

static struct kept *exec_env_make(struct supervisor *s, const struct process *p, struct program *g,
                                  enum fault *f, struct err *e)
{
        struct kept *k = calloc(1, sizeof *k);

        *f = FAULT_FAILED;
        if (!k || !(k->group = strdup(p->group->name))) {
                free(k);
                err_nomem(e);
                return NULL;
        }
        k->program = program_ref(g);
        bool ok = recipe_make(g, k->group, p->number, s->host, &k->outfit.recipe, e) &&
                  exec_env_split(&k->outfit, f, e) &&
                  ((exec_env_make_env(s, k) &&
                    given_fingerprint(g, &k->outfit.recipe, &k->outfit.argv, &k->outfit.given)) ||
                   err_nomem(e));
        if (!ok) {
                kept_free(k);
                return NULL;
        }
        k->number = k->outfit.recipe.numbered ? p->number : ANY_NUMBER;
        k->outfit.path = find_path(s, &k->outfit.recipe);
        return k;
}

/* ---- keeping them */

static struct kept **exec_env_place(struct exec_envs *o, const struct program *g, const char *group,
                                    int number)
{
        uint64_t h = hash_text(hash_word((uintptr_t)g, (uint64_t)number), group);

        return &o->kept[h & (KEPT - 1)];
}

static struct kept *exec_env_look_up(struct exec_envs *o, const struct program *g,
                                     const char *group, int number)
{
        struct kept *k = *exec_env_place(o, g, group, number);

        return k && k->program == g && k->number == number && strcmp(k->group, group) == 0 ? k
                                                                                           : NULL;
}

static struct kept *exec_env_keep(struct exec_envs *o, struct kept *k)
{
        struct kept **at = exec_env_place(o, k->program, k->group, k->number);

        kept_free(*at);
        return *at = k;
}

static bool exec_env_put_name(struct exec_envs *o, struct kept *k, const char *name)
{
        if (k->name_at == NO_PLACE)
                return true;
        buf_reset(&o->name);
        buf_puts(&o->name, NAME_KEY "=");
        buf_puts(&o->name, name);
        if (o->name.failed)
                return false;
        k->outfit.env[k->name_at] = o->name.data;
        return true;
}

struct exec_env *exec_env_of(struct supervisor *s, const struct process *p, struct program *g,
                             enum fault *f, struct err *e)
{
        struct exec_envs *o = exec_env_own(s);
        struct kept *k = NULL;

        *f = FAULT_FAILED;
        k = exec_env_look_up(o, g, p->group->name, ANY_NUMBER);
        if (!k)
                k = exec_env_look_up(o, g, p->group->name, p->number);
        if (!k && (k = exec_env_make(s, p, g, f, e)))
                exec_env_keep(o, k);
        if (!k)
                return NULL;
        if (!exec_env_put_name(o, k, p->name)) {
                err_nomem(e);
                return NULL;
        }
        *f = FAULT_NONE;
        return &k->outfit;
}

bool exec_env_groups(struct supervisor *s, struct exec_env *o, const struct program *g,
                     struct err *e)
{
        const struct user_ref *user = &g->user;

        if (o->groups || !user->set || user->who.uid == s->host->euid)
                return true;
        if (s->host->groups_of(s->host, user->who.name, user->who.gid, &o->groups, &o->group_count))
                return true;
        return err_set(e, ERR_SYS, "cannot look up the groups of user %s", user->who.name);
}

static void exec_env_drop(struct supervisor *s)
{
        struct exec_envs *o = exec_env_own(s);

        for (int i = 0; i < KEPT; i++) {
                kept_free(o->kept[i]);
                o->kept[i] = NULL;
        }
        buf_release(&o->name);
}

const struct component component_exec_env = { .name = "exec_env",
                                              .size = sizeof(struct exec_envs),
                                              .release = exec_env_drop,
                                              .on_config = exec_env_drop };
