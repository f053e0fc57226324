/* Makes a process, its program and its group from a record when the configuration does not name it
 * any more: enough to stop it as it was to be stopped. */
#include "engine/persist/last_process.h"

#include <stdlib.h>
#include <string.h>

static char *last_process_escaped(const char *text)
{
        struct buf out = BUF_INIT;

        for (; *text; text++) {
                buf_putc(&out, *text);
                if (*text == '%')
                        buf_putc(&out, '%');
        }
        return buf_take(&out);
}

static char *escaped_or_null(const char *text)
{
        return *text ? last_process_escaped(text) : NULL;
}

/* Enough of a program to stop it by. */
static struct program *last_program(const struct record *r)
{
        struct program *g = program_new();

        if (!g)
                return NULL;
        g->kind = (enum program_kind)r->program_kind;
        g->name = strdup(r->text[TEXT_PROGRAM]);
        g->section = strdup(GONE);
        g->command = strdup("");
        g->process_name = last_process_escaped(r->text[TEXT_NAME]);
        g->out.logfile = escaped_or_null(r->text[TEXT_OUT]);
        g->err.logfile = escaped_or_null(r->text[TEXT_ERR]);
        g->redirect_stderr = r->mark.pipes[2] == 0;
        g->numprocs_start = r->number;
        g->numprocs_max = -1;
        record_program(r, g);
        g->umask = -1;
        if (g->name && g->section && g->command && g->process_name)
                return g;
        program_unref(g);
        return NULL;
}

static struct group *last_group(struct supervisor *s, const struct record *r, struct err *e)
{
        const char *name = r->text[TEXT_GROUP];
        struct group *g = registry_group(&s->registry, name);

        if (g)
                return g;
        struct group_conf *conf = calloc(1, sizeof *conf);
        if (!conf || !(conf->name = strdup(name))) {
                free(conf);
                err_nomem(e);
                return NULL;
        }
        conf->refs = 1;
        conf->priority = 999;
        conf->kind = (enum program_kind)r->program_kind;
        g = registry_add(&s->registry, conf, s->host, e);
        group_conf_unref(conf);
        if (g)
                g->leaving = true;
        return g;
}

struct process *last_process(struct supervisor *s, const struct record *r, struct err *e)
{
        struct group *g = last_group(s, r, e);
        struct program *program = g ? last_program(r) : NULL;
        struct fleet *f = program ? group_add_fleet(g, program) : NULL;

        program_unref(program);
        if (g && !f)
                err_nomem(e);
        struct process *p = f ? registry_add_process(&s->registry, f, r->number, s->host, e) : NULL;
        return p && supervisor_adopt_process(s, p, e) ? p : NULL;
}
