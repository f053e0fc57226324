/* Arguments, environment and groups of a start, worked out from the settings each time. */
#include "engine/run/exec_env.h"

#include <stdlib.h>
#include <string.h>

#include "base/unconst.h"
#include "engine/core/configuration.h"
#include "engine/core/supervisor.h"
#include "engine/run/containment.h"
#include "model/config/process_given.h"

/* What it has for itself: that of the last start. */
struct exec_env_part {
        struct exec_env last;
        struct strlist own; /* what the environment has besides the daemon's */
};

static struct exec_env_part *exec_env_own(const struct supervisor *s)
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
static bool exec_env_put_own(const struct supervisor *s, const struct process *p,
                             const struct program *g, const struct strlist *own,
                             struct strlist *out)
{
        const char *url = g->serverurl ? g->serverurl : configuration_of(s)->server_url;

        return put_user(g, out) && strlist_setenv(out, "SUPERVISOR_ENABLED", "1") &&
               strlist_setenv(out, "SUPERVISOR_PROCESS_NAME", p->name) &&
               strlist_setenv(out, "SUPERVISOR_GROUP_NAME", p->group->name) &&
               (!url || strlist_setenv(out, "SUPERVISOR_SERVER_URL", url)) && put_env(out, own);
}

bool exec_env_env(struct supervisor *s, const struct process *p, const struct strlist *own,
                  struct strlist *out)
{
        AUTO_STRLIST ours = STRLIST_INIT;

        for (const char *const *e = s->host->environ; e && *e; e++)
                if (!is_daemons_own(*e) && !strlist_add(out, *e))
                        return false;
        return exec_env_put_own(s, p, p->program, own, &ours) && put_env(out, &ours);
}

static bool same_key(const char *a, const char *b)
{
        size_t len = strcspn(a, "=");

        return strncmp(a, b, len + 1) == 0;
}

/* Behind those that are inherited, or in their place. */
static void env_put(char **env, size_t *count, char *item)
{
        size_t at = 0;

        while (at < *count && !same_key(item, env[at]))
                at++;
        env[at] = item;
        if (at == *count)
                env[++*count] = NULL;
}

/* What is inherited lives as long as the daemon and is not copied. */
static bool exec_env_make_env(const struct supervisor *s, const struct process *p,
                              const struct program *g, struct exec_env_part *part)
{
        size_t room = 1, count = 0;
        const char *const *inherited = s->host->environ;

        if (!exec_env_put_own(s, p, g, &part->last.recipe.env, &part->own))
                return false;
        while (inherited && inherited[room - 1])
                room++;
        char **env = part->last.env = calloc(room + part->own.count, sizeof *env);
        if (!env)
                return false;
        for (; inherited && *inherited; inherited++)
                if (!is_daemons_own(*inherited))
                        env[count++] = unconst(*inherited);
        for (size_t i = 0; i < part->own.count; i++)
                env_put(env, &count, part->own.items[i]);
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

/* ---- all of it */

static void exec_env_release(struct supervisor *s)
{
        struct exec_env_part *part = exec_env_own(s);

        recipe_release(&part->last.recipe);
        strlist_release(&part->last.argv);
        free(part->last.env);
        strlist_release(&part->last.places);
        free(part->last.groups);
        strlist_release(&part->own);
        *part = (struct exec_env_part){ 0 };
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

struct exec_env *exec_env_of(struct supervisor *s, const struct process *p, const struct program *g,
                             enum fault *f, struct err *e)
{
        struct exec_env_part *part = exec_env_own(s);
        struct exec_env *o = &part->last;

        *f = FAULT_FAILED;
        exec_env_release(s);
        if (!recipe_make(g, p->group->name, p->number, s->host, &o->recipe, e) ||
            !exec_env_split(o, f, e))
                return NULL;
        if (!exec_env_make_env(s, p, g, part) ||
            !given_fingerprint(g, &o->recipe, &o->argv, &o->given)) {
                err_nomem(e);
                return NULL;
        }
        o->path = find_path(s, &o->recipe);
        *f = FAULT_NONE;
        return o;
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

const struct component component_exec_env = { .name = "exec_env",
                                              .size = sizeof(struct exec_env_part),
                                              .release = exec_env_release };
