/* [program:x], [eventlistener:x] and [fcgi-program:x]: one section becomes one struct program. */
#include <stdlib.h>
#include <string.h>

#include "model/config/conf_load.h"
#include "model/config/pytext.h"

char *load_section_name(struct load *l, const struct conf_section *s, const char *name)
{
        size_t len = strlen(name);
        AUTO_BUF quoted = BUF_INIT;

        pytext_trim(&name, &len);
        if (!len) {
                load_warn(l, s, NULL, "write [KIND:NAME]", "[%s] has no name and is left out",
                          s->name);
                return NULL;
        }
        char *copy = strndup(name, len);
        if (!copy) {
                load_nomem(l);
                return NULL;
        }
        const char *bad = " :/";
        while (*bad && !strchr(copy, *bad))
                bad++;
        if (!*bad)
                return copy;
        pytext_repr(&quoted, copy, len, false);
        load_error(l, s, NULL, NULL, "Invalid name: %s because of character: '%c'",
                   buf_str(&quoted), *bad);
        free(copy);
        return NULL;
}

/* ---- in what order keys are read: some say what others may name */

static bool is_count(const struct filling *f, const struct opt *o)
{
        (void)f;
        return strcmp(o->key, "numprocs") == 0 || strcmp(o->key, "numprocs_start") == 0;
}

static bool conf_programs_is_environment(const struct filling *f, const struct opt *o)
{
        (void)f;
        return strcmp(o->key, "environment") == 0;
}

static bool is_other(const struct filling *f, const struct opt *o)
{
        return !is_count(f, o) && !conf_programs_is_environment(f, o);
}

/* A value that every process has in common cannot differ from process to process. */
static void warn_numbered(struct load *l, const struct filling *f)
{
        for (const struct conf_key *k = NULL; (k = conf_doc_next(&l->doc, f->section, k));) {
                const struct opt *o = opt_find(f->kind, k->key);
                bool fixed =
                    o && (o->type == OPT_BYTES || o->type == OPT_INT || o->type == OPT_BOOL);
                if (fixed && (o->flags & OPT_PROC_EXPAND) && strstr(k->value, "%(process_num"))
                        load_warn(l, f->section, k, "the value of the first process holds for all",
                                  "%s cannot differ from process to process", k->key);
        }
}

static bool names_variables(const struct load *l, const struct conf_section *s)
{
        for (const struct conf_key *k = NULL; (k = conf_doc_next(&l->doc, s, k));)
                if (strstr(k->value, "%(ENV_"))
                        return true;
        return false;
}

/* Variables of the program's own environment, for keys that are not templates but may name them.
 * A fault is said later, when all processes are expanded. */
static void own_environment(struct load *l, const struct program *p, struct filling *f,
                            struct strlist *own)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_BUF why = BUF_INIT;
        struct err e = { 0 };

        if (!p->environment || !names_variables(l, f->section))
                return;
        bool ok = expand(p->environment, &f->per_process, "environment", &text, &why) &&
                  keyvals_parse(buf_str(&text), own, NULL, &e);
        if (ok)
                f->per_process.own_env = own;
        l->diags->failed |= text.failed || why.failed || e.code == ERR_NOMEM;
}

static bool fill_identity(struct load *l, const struct conf_section *s, struct program *p)
{
        const char *global = l->c->settings.environment;

        p->section = strdup(s->name);
        p->file = strdup(s->file);
        p->here = strdup(s->here);
        p->global_env = strdup(global ? global : "");
        p->line = s->line;
        return p->section && p->file && p->here && p->global_env;
}

static void fill_program(struct load *l, struct filling *f, struct program *p, const char *group)
{
        AUTO_STRLIST own = STRLIST_INIT;

        f->names.program = p->name;
        f->names.group = group;
        load_keys(l, f, is_count);
        f->per_process = f->names;
        f->per_process.have |= NAME_NUMBER;
        f->per_process.numprocs = p->numprocs;
        f->per_process.process_num = p->numprocs_start;
        load_keys(l, f, conf_programs_is_environment);
        own_environment(l, p, f, &own);
        load_keys(l, f, is_other);
        f->per_process.own_env = NULL;
        warn_numbered(l, f);
        load_oddities(l, f->kind, f->section);
}

static bool build_program(struct load *l, const struct section_kind *kind, struct conf_section *s,
                          const char *group, struct program *p)
{
        size_t errors = l->diags->errors;
        struct filling f = { .kind = kind, .section = s, .base = p, .suffix = true };

        f.names = load_names(l, NAME_HERE | NAME_HOST | NAME_PROGRAM | NAME_GROUP, s);
        p->kind = (enum program_kind)kind->kind;
        p->socket_uid = (uid_t)-1;
        p->socket_gid = (gid_t)-1;
        if (!fill_identity(l, s, p)) {
                load_nomem(l);
                return false;
        }
        if (!load_defaults(l, &f))
                return false;
        fill_program(l, &f, p, group);
        if (kind->kind == KIND_LISTENER)
                load_check_listener(l, &f, p);
        if (kind->kind == KIND_FCGI)
                load_check_fcgi(l, &f, p);
        load_check_program(l, &f, p, group);
        return l->diags->errors == errors && !l->diags->failed;
}

static struct program *new_program(struct load *l, struct conf_section *s, const char *group)
{
        const char *rest = NULL;
        const struct section_kind *kind = section_find(s->name, &rest);
        char *name = load_section_name(l, s, rest);
        struct program *p = name ? program_new() : NULL;

        if (!p) {
                l->diags->failed |= name != NULL;
                free(name);
                return NULL;
        }
        p->name = name;
        if (build_program(l, kind, s, group ? group : name, p))
                return p;
        program_unref(p);
        return NULL;
}

/* Does any of its values depend on the group? Then each group gets a program of its own. */
static bool names_group(const struct load *l, const struct conf_section *s)
{
        for (const struct conf_key *k = NULL; (k = conf_doc_next(&l->doc, s, k));)
                if (strstr(k->value, "%(group_name)"))
                        return true;
        return false;
}

struct program *load_program(struct load *l, struct conf_section *s, const char *group)
{
        bool quiet = l->quiet;

        if (!s->tried) {
                s->tried = s->used = true;
                s->program = new_program(l, s, group);
                return s->program ? program_ref(s->program) : NULL;
        }
        if (!s->program) /* said before */
                return NULL;
        if (!names_group(l, s))
                return program_ref(s->program);
        l->quiet = true;
        struct program *p = new_program(l, s, group);
        l->quiet = quiet;
        return p;
}
