/* A program's life by reference count, and small questions that its settings answer. Nothing is
 * changed in it once its configuration has passed the checks. */
#include "model/config/program.h"

#include <stdlib.h>
#include <string.h>

#include "model/config/options.h"

struct program *program_new(void)
{
        struct program *p = calloc(1, sizeof *p);

        if (p)
                p->refs = 1;
        return p;
}

struct program *program_ref(struct program *p)
{
        p->refs++;
        return p;
}

/* Rows of all kinds: a field that its kind never set holds nothing. */
static void free_options(struct program *p)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                if (k->kind)
                        opts_free(k, p);
}

void program_unref(struct program *p)
{
        if (!p || --p->refs > 0)
                return;
        free_options(p);
        free(p->name);
        free(p->section);
        free(p->file);
        free(p->here);
        free(p->global_env);
        free(p);
}

bool code_set_has(const struct code_set *s, int code)
{
        return code >= 0 && code < 256 && (s->bits[code / 64] >> (code % 64) & 1);
}

void code_set_add(struct code_set *s, int code)
{
        if (code < 0 || code > 255 || code_set_has(s, code))
                return;
        s->bits[code / 64] |= (uint64_t)1 << (code % 64);
        s->named[s->count++] = (uint8_t)code;
}

enum result_handler program_handler(const struct program *p)
{
        const char *handler = p->result_handler;

        if (!handler || !*handler || strcmp(handler, "supervisor.dispatchers:default_handler") == 0)
                return HANDLER_BUILT_IN;
        return strcmp(handler, "supervisor_stdout:event_handler") == 0 ? HANDLER_STDOUT
                                                                       : HANDLER_UNKNOWN;
}

bool program_discards(const struct program *p, bool is_stderr)
{
        const struct channel_conf *c = is_stderr && !p->redirect_stderr ? &p->err : &p->out;
        bool protocol = p->kind == KIND_LISTENER && c == &p->out;

        return !protocol && !c->logfile && !c->syslog && !c->events_enabled &&
               c->capture_maxbytes <= 0;
}

bool program_numbers_workers(const struct program *p)
{
        static const char name[] = "%(process_num)";
        const char *s = p->process_name;

        while (s && (s = strchr(s, '%'))) {
                if (strncmp(s, name, sizeof name - 1) == 0)
                        return true;
                s += s[1] == '%' ? 2 : 1;
        }
        return false;
}

int program_replicas(const struct program *p, int wanted)
{
        if (wanted < p->numprocs_min)
                wanted = p->numprocs_min;
        if (p->numprocs_max > 0 && wanted > p->numprocs_max)
                wanted = p->numprocs_max;
        if (wanted > 1 && !program_numbers_workers(p))
                wanted = 1;
        return wanted > 0 ? wanted : 0;
}
