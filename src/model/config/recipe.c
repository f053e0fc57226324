/* Expands a program's templates for one process: name, command, directory, environment, paths of
 * logs. Asks struct host for the machine's name and environment, and does nothing else outside. A
 * fault names the key and Supervisor's text. */
#include "model/config/recipe.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/config/expand.h"
#include "model/config/opt_paths.h"

/* One process's expansion on its way. */
struct job {
        const struct program *p;
        const struct host *w;
        struct names names;
        struct recipe_fault *fault;
};

void recipe_fault_release(struct recipe_fault *f)
{
        buf_release(&f->text);
        buf_release(&f->dropped);
        strlist_release(&f->own_env);
        strlist_release(&f->global_env);
}

static void job_init(struct job *j, const struct program *p, const char *group, int number,
                     const struct host *w, struct recipe_fault *fault)
{
        *j = (struct job){ .p = p, .w = w, .fault = fault };
        j->names = (struct names){
                .have = NAME_HERE | NAME_HOST | NAME_PROGRAM | NAME_GROUP | NAME_NUMBER,
                .here = p->here ? p->here : "",
                .host = w->hostname,
                .program = p->name,
                .group = group,
                .process_num = number,
                .numprocs = p->numprocs,
                .environ = w->environ,
        };
}

static bool out_of_memory(struct job *j)
{
        buf_reset(&j->fault->text);
        return false;
}

/* The generic step names a key with its section; what is expanded per process only, without. */
static char *expand_key(struct job *j, const char *key, bool with_section, const char *text)
{
        struct buf out = BUF_INIT;
        AUTO_BUF what = BUF_INIT;

        if (with_section)
                buf_printf(&what, "%s.", j->p->section);
        buf_puts(&what, key);
        j->fault->key = key;
        bool ok = expand(text, &j->names, buf_str(&what), &out, &j->fault->text);
        if (ok && !what.failed)
                return buf_take(&out);
        if (out.failed || what.failed || j->fault->text.failed)
                out_of_memory(j);
        buf_release(&out);
        return NULL;
}

/* ---- the environment */

/* [supervisord] environment as it was when the program was read. */
static bool read_global(struct job *j)
{
        struct err e = { 0 };
        const char *text = j->p->global_env;

        if (!text || !*text)
                return true;
        j->fault->key = "environment";
        if (!keyvals_parse(text, &j->fault->global_env, NULL, &e)) {
                if (e.code != ERR_NOMEM)
                        buf_puts(&j->fault->text, e.text);
                return false;
        }
        j->names.global_env = &j->fault->global_env;
        return true;
}

/* Puts the program's own variables into *own; other values may name them. */
static bool read_env(struct job *j, struct strlist *own)
{
        struct err e = { 0 };

        if (!j->p->environment)
                return true;
        char *text = expand_key(j, "environment", false, j->p->environment);
        if (!text)
                return false;
        bool ok = keyvals_parse(text, own, &j->fault->dropped, &e);
        if (!ok && e.code == ERR_NOMEM)
                out_of_memory(j);
        else if (!ok && strlen(e.text) + 1 < sizeof e.text)
                buf_puts(&j->fault->text, e.text);
        else if (!ok) /* cut: say it whole */
                buf_printf(&j->fault->text, "Unexpected end of key/value pairs in value '%s'",
                           text);
        free(text);
        j->names.own_env = own;
        return ok;
}

static bool merge_env(struct job *j, const struct strlist *own, struct strlist *out)
{
        const struct strlist *parts[] = { j->names.global_env, own };

        for (size_t n = 0; n < 2; n++)
                for (size_t i = 0; parts[n] && i < parts[n]->count; i++)
                        if (!strlist_add(out, parts[n]->items[i]))
                                return out_of_memory(j);
        return keyvals_unify(out) || out_of_memory(j);
}

/* ---- the name */

/* Only the text before its expansion is checked, as by Supervisor: what a variable brings stays. */
static char *make_name(struct job *j)
{
        const char *text = j->p->process_name ? j->p->process_name : "%(program_name)s";

        return expand_key(j, "process_name", false, text);
}

/* ---- log files */

static const char *const log_words[][2] = {
        { "none", NULL }, { "off", NULL }, { "", NULL }, { "auto", "AUTO" }, { "syslog", "syslog" },
};
#define LOG_WORDS (sizeof log_words / sizeof *log_words)

/* *out NULL: no log, or out of memory (false). */
static bool resolve_log(struct job *j, const char *text, char **out)
{
        for (size_t i = 0; i < LOG_WORDS; i++) {
                if (strcasecmp(text, log_words[i][0]) != 0)
                        continue;
                if (!log_words[i][1])
                        return true;
                *out = strdup(log_words[i][1]);
                return *out || out_of_memory(j);
        }
        struct err e = { 0 };
        *out = path_expand_home(text, j->w, &e);
        if (!*out && e.code == ERR_NOMEM)
                return out_of_memory(j);
        if (!*out)
                buf_puts(&j->fault->text, e.text);
        return *out != NULL;
}

static bool make_log(struct job *j, const char *key, const char *template, char **out)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_BUF what = BUF_INIT;

        if (!template)
                return true;
        j->fault->key = key;
        buf_printf(&what, "%s.%s", j->p->section, key);
        bool ok = !what.failed &&
                  expand_twice(template, &j->names, buf_str(&what), &text, &j->fault->text);
        if (!ok && (what.failed || text.failed || j->fault->text.failed))
                return out_of_memory(j);
        return ok && resolve_log(j, buf_str(&text), out);
}

/* ---- names for syslog */

/* The only values that may name the process. */
static bool make_tag(struct job *j, const char *key, const char *template, const char *name,
                     char **out)
{
        if (!template)
                return true;
        j->names.have |= NAME_PROCESS;
        j->names.process = name;
        *out = expand_key(j, key, true, template);
        return *out != NULL;
}

/* ---- all of it */

static bool recipe_make_env(struct job *j, struct recipe *out)
{
        struct recipe_fault *f = j->fault;

        j->names.own_env = &f->own_env;
        j->names.global_env = f->global_env.count ? &f->global_env : NULL;
        if (f->keep_env && f->has_env)
                return true;
        strlist_release(&f->own_env);
        strlist_release(&f->global_env);
        j->names.own_env = j->names.global_env = NULL;
        f->has_env =
            read_global(j) && read_env(j, &f->own_env) && merge_env(j, &f->own_env, &out->env);
        return f->has_env;
}

static bool make_all(struct job *j, struct recipe *out)
{
        const struct program *p = j->p;

        if (!recipe_make_env(j, out))
                return false;
        if (!(out->name = make_name(j)))
                return false;
        if (!(out->command = expand_key(j, "command", true, p->command ? p->command : "")))
                return false;
        if (p->directory && !(out->directory = expand_key(j, "directory", true, p->directory)))
                return false;
        return make_log(j, "stdout_logfile", p->out.logfile, &out->out_logfile) &&
               make_log(j, "stderr_logfile", p->err.logfile, &out->err_logfile) &&
               make_tag(j, "stdout_syslog_tag", p->out.syslog_tag, out->name, &out->out_tag) &&
               make_tag(j, "stderr_syslog_tag", p->err.syslog_tag, out->name, &out->err_tag);
}

bool recipe_try(const struct program *p, const char *group, int number, const struct host *w,
                struct recipe *out, struct recipe_fault *fault)
{
        struct job j;

        *out = (struct recipe){ 0 };
        job_init(&j, p, group, number, w, fault);
        bool ok = make_all(&j, out);
        if (!ok)
                recipe_release(out);
        return ok;
}

/* Every fault has a text, except when memory ran out. */
static bool recipe_report(struct recipe_fault *f, struct err *e)
{
        if (!f->text.len)
                err_nomem(e);
        else
                err_set(e, ERR_CONFIG, "%s", buf_str(&f->text));
        return false;
}

bool recipe_make(const struct program *p, const char *group, int number, const struct host *w,
                 struct recipe *out, struct err *e)
{
        struct recipe_fault fault = { 0 };
        bool ok = recipe_try(p, group, number, w, out, &fault) || recipe_report(&fault, e);

        recipe_fault_release(&fault);
        return ok;
}

void recipe_release(struct recipe *r)
{
        free(r->name);
        free(r->command);
        free(r->directory);
        free(r->out_logfile);
        free(r->err_logfile);
        free(r->out_tag);
        free(r->err_tag);
        strlist_release(&r->env);
        *r = (struct recipe){ 0 };
}

char *recipe_name(const struct program *p, const char *group, int number, const struct host *w,
                  struct err *e)
{
        struct recipe_fault fault = { 0 };
        AUTO_STRLIST own = STRLIST_INIT;
        struct job j;

        job_init(&j, p, group, number, w, &fault);
        /* Only a name that names variables needs them read. */
        bool ok = !p->process_name || !strstr(p->process_name, "ENV_");
        ok = ok || (read_global(&j) && read_env(&j, &own));
        char *name = ok ? make_name(&j) : NULL;
        if (!name)
                recipe_report(&fault, e);
        recipe_fault_release(&fault);
        return name;
}

char *recipe_expand(const struct program *p, const char *group, int number, const struct host *w,
                    const char *key, const char *text, struct err *e)
{
        struct recipe_fault fault = { 0 };
        AUTO_STRLIST own = STRLIST_INIT;
        struct job j;

        job_init(&j, p, group, number, w, &fault);
        /* Reading the environment is the dear part: only for a text that names variables. */
        bool ok = !strstr(text, "ENV_") || (read_global(&j) && read_env(&j, &own));
        char *expanded = ok ? expand_key(&j, key, true, text) : NULL;
        if (!expanded)
                recipe_report(&fault, e);
        recipe_fault_release(&fault);
        return expanded;
}
