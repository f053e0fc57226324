/* Loading configurations from paper: what every test of config_load begins with. */
#ifndef TESTS_MODEL_LOADED_H
#define TESTS_MODEL_LOADED_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fakes/world.h"
#include "model/config/config.h"

#define MAIN "/etc/sd.conf"
#define SUP  "[supervisord]\n"

static struct fake_world host;
static struct diags diags;
static struct config *conf;

static void init(void)
{
        fake_world_init(&host);
}

static void fini(void)
{
        config_free(conf);
        diags_release(&diags);
        fake_world_release(&host);
}

static inline struct config *load_as(const char *text, enum config_want want)
{
        fini();
        init();
        fake_world_file(&host, MAIN, text);
        diags = (struct diags){ 0 };
        conf = config_load(MAIN, want, NULL, 0, &host.ops, &diags);
        return conf;
}

static inline struct config *again_as(enum config_want want)
{
        config_free(conf);
        diags_release(&diags);
        conf = config_load(MAIN, want, NULL, 0, &host.ops, &diags);
        return conf;
}

static inline struct config *again(void)
{
        return again_as(WANT_DAEMON);
}

static inline const char *first_error(void)
{
        const struct diag *d = diags_first_error(&diags);

        return d ? d->message : "(no error)";
}

/* Loads "[supervisord]" and the text. */
static inline struct config *load(const char *text)
{
        struct buf b = BUF_INIT;

        buf_puts(&b, SUP);
        buf_puts(&b, text);
        load_as(buf_str(&b), WANT_DAEMON);
        buf_release(&b);
        return conf;
}

static inline struct config *good(const char *text)
{
        cr_assert(load(text), "%s", first_error());
        return conf;
}

static inline const char *bad(const char *text)
{
        cr_assert_null(load(text), "%s", text);
        return first_error();
}

static inline const struct diag *said(enum severity severity, const char *part)
{
        for (size_t i = 0; i < diags.count; i++)
                if (diags.items[i].severity == severity && strstr(diags.items[i].message, part))
                        return &diags.items[i];
        return NULL;
}

static inline int count_of(enum severity severity)
{
        int n = 0;

        for (size_t i = 0; i < diags.count; i++)
                n += diags.items[i].severity == severity;
        return n;
}

static inline const struct program *program(const char *group, int n)
{
        const struct group_conf *g = config_group(conf, group);

        cr_assert(g && g->program_count > n, "no program %d in %s", n, group);
        return g->programs[n];
}

#endif
