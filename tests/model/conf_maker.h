/* Configurations made by hand: programs from `key=value` texts through the option tables, and the
 * groups and lists that a configuration is. Aborts when something is wrong with them. */
#ifndef TESTS_MODEL_CONF_MAKER_H
#define TESTS_MODEL_CONF_MAKER_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fakes/world.h"
#include "model/config/config.h"
#include "model/config/options.h"
#include "model/config/program.h"

/* "web" or "eventlistener:web"; keys: NULL-terminated list of "key=value". One reference, which
 * the group takes. */
static inline struct program *make_program(const char *section, const char *const *keys,
                                           const struct host *w)
{
        char full[100];
        const char *name;
        struct program *p = program_new();
        struct err e = { 0 };

        snprintf(full, sizeof full, "%s%s", strchr(section, ':') ? "" : "program:", section);
        const struct section_kind *kind = section_find(full, &name);
        assert(p && kind && opts_defaults(kind, p, w, &e));
        p->kind = kind->kind;
        p->name = strdup(name);
        p->section = strdup(full);
        p->here = strdup("/etc");
        p->file = strdup("/etc/supervisord.conf");
        for (; keys && *keys; keys++) {
                char *key = strdup(*keys), *eq = strchr(key, '=');
                assert(eq);
                *eq = '\0';
                bool ok = opt_parse(opt_find(kind, key), p, eq + 1, w, &e);
                if (!ok)
                        fprintf(stderr, "%s\n", e.text);
                assert(ok);
                free(key);
        }
        if (p->killasgroup < 0)
                p->killasgroup = p->stopasgroup;
        return p;
}

#define PROGRAM(w, section, ...) \
        make_program((section), (const char *const[]){ __VA_ARGS__, NULL }, (w))

/* Takes the programs over. */
static inline struct group_conf *make_group(const char *name, int priority,
                                            struct program *const *programs)
{
        struct group_conf *g = calloc(1, sizeof *g);
        int count = 0;

        while (programs[count])
                count++;
        assert(g);
        g->refs = 1;
        g->name = strdup(name);
        g->priority = priority;
        g->kind = KIND_PROGRAM;
        g->programs = calloc((size_t)count + 1, sizeof(struct program *));
        assert(g->name && g->programs);
        memcpy(g->programs, programs, (size_t)count * sizeof(struct program *));
        g->program_count = count;
        return g;
}

#define GROUP(name, priority, ...) \
        make_group((name), (priority), (struct program *const[]){ __VA_ARGS__, NULL })

/* The group that a lone program forms. */
static inline struct group_conf *make_lone(struct program *p)
{
        return GROUP(p->name, p->priority, p);
}

/* A configuration of groups only, for functions that look at nothing else. */
struct made_config {
        struct config config;
        struct group_conf *groups[16];
};

static inline void made_config_release(struct made_config *m)
{
        for (int i = 0; i < m->config.group_count; i++)
                group_conf_unref(m->groups[i]);
        m->config.group_count = 0;
}

/* Takes the groups over. */
static inline void made_config_set(struct made_config *m, struct group_conf *const *groups)
{
        made_config_release(m);
        *m = (struct made_config){ 0 };
        for (int i = 0; groups[i]; i++) {
                m->groups[i] = groups[i];
                m->config.group_count++;
        }
        m->config.groups = m->groups;
}

#define CONFIG(m, ...) made_config_set((m), (struct group_conf *const[]){ __VA_ARGS__, NULL })

#endif
