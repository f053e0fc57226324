/* What a new configuration means for the daemon itself: its settings and its servers. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/config/opt_kind.h"
#include "model/fleet/plan.h"

const char *setting_action_word(enum setting_action a)
{
        static const char *const words[] = {
                [SETTING_LIVE] = "live",
                [SETTING_LATER] = "later",
                [SETTING_OPEN] = "open",
                [SETTING_CLOSE] = "close",
        };

        return words[a];
}

/* The value as text; NULL where there is none, and with *ok false when memory ran out. */
static char *text_of(const struct opt *o, const void *base, bool *ok)
{
        struct buf text = BUF_INIT;

        opt_format(o, base, &text);
        if (!text.len && !text.failed)
                return NULL;
        char *taken = buf_take(&text);
        *ok = *ok && taken;
        return taken;
}

/* from and to are taken over. */
static bool plan_settings_add(struct plan *p, const char *section, const char *key, char *from,
                              char *to, enum setting_action action)
{
        if (!vec_grow(p->settings, p->setting_count)) {
                free(from);
                free(to);
                return false;
        }
        struct setting_item *item = &p->settings[p->setting_count++];
        *item = (struct setting_item){ strdup(section), key, from, to, action };
        return item->section != NULL;
}

/* ---- [supervisord] */

static const struct opt *opts_of(const char *section)
{
        const char *name;

        return section_find(section, &name)->opts;
}

static const struct opt *daemon_opts(void)
{
        return opts_of("supervisord");
}

bool settings_note(const struct settings *s, struct strlist *out)
{
        for (const struct opt *o = daemon_opts(); o->key; o++) {
                AUTO_BUF line = BUF_INIT;
                if (o->change != CHANGE_RESTART)
                        continue;
                buf_printf(&line, "%s=", o->key);
                opt_format(o, s, &line);
                if (line.failed || !strlist_add(out, line.data)) {
                        strlist_release(out);
                        return false;
                }
        }
        return true;
}

/* What the daemon was started with; NULL: not noted. */
static const char *plan_settings_noted(const struct strlist *started, const char *key)
{
        size_t len = strlen(key);

        for (size_t i = 0; i < started->count; i++)
                if (strncmp(started->items[i], key, len) == 0 && started->items[i][len] == '=')
                        return started->items[i] + len + 1;
        return NULL;
}

static char *copy_or_null(const char *text, bool *ok)
{
        char *copy = *text ? strdup(text) : NULL;

        *ok = *ok && (copy || !*text);
        return copy;
}

static bool plan_setting(struct plan *p, const struct opt *o, const struct settings *now,
                         const struct strlist *started, const struct settings *next)
{
        const char *was = o->change == CHANGE_RESTART ? plan_settings_noted(started, o->key) : NULL;
        bool ok = true;

        if (!was && opt_same(o, now, next))
                return true;
        char *to = text_of(o, next, &ok);
        char *from = was ? copy_or_null(was, &ok) : text_of(o, now, &ok);
        if (!ok || (was && strcmp(was, to ? to : "") == 0)) {
                free(from);
                free(to);
                return ok;
        }
        return plan_settings_add(p, "supervisord", o->key, from, to,
                                 o->change == CHANGE_RESTART ? SETTING_LATER : SETTING_LIVE);
}

/* ---- servers */

static const struct server_conf *find_server(const struct config *c, const char *section)
{
        for (int i = 0; i < c->server_count; i++)
                if (strcmp(c->servers[i].section, section) == 0)
                        return &c->servers[i];
        return NULL;
}

/* Its address is what stands first in its table. */
static bool plan_whole_server(struct plan *p, const struct server_conf *s, bool opens)
{
        bool ok = true;
        char *address = text_of(opts_of(s->section), s, &ok);

        if (!ok)
                return false;
        return plan_settings_add(p, s->section, NULL, opens ? NULL : address,
                                 opens ? address : NULL, opens ? SETTING_OPEN : SETTING_CLOSE);
}

static bool plan_server(struct plan *p, const struct server_conf *now,
                        const struct server_conf *next)
{
        bool ok = true;

        for (const struct opt *o = opts_of(next->section); ok && o->key; o++) {
                if (opt_same(o, now, next))
                        continue;
                char *from = text_of(o, now, &ok), *to = text_of(o, next, &ok);
                ok = plan_settings_add(p, next->section, o->key, from, to, SETTING_LIVE) && ok;
        }
        return ok;
}

bool plan_settings(struct plan *p, const struct config *now, const struct strlist *started,
                   const struct config *next, struct err *e)
{
        bool ok = true;

        for (const struct opt *o = daemon_opts(); ok && o->key; o++)
                ok = plan_setting(p, o, &now->settings, started, &next->settings);
        for (int i = 0; ok && i < now->server_count; i++)
                if (!find_server(next, now->servers[i].section))
                        ok = plan_whole_server(p, &now->servers[i], false);
        for (int i = 0; ok && i < next->server_count; i++) {
                const struct server_conf *was = find_server(now, next->servers[i].section);
                ok = was ? plan_server(p, was, &next->servers[i])
                         : plan_whole_server(p, &next->servers[i], true);
        }
        return ok || err_nomem(e);
}
