/* From a key's text to a value: names, expansion, the option tables' parsers, and what to say about
 * it. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/config/conf_load.h"
#include "model/config/pytext.h"

/* ---- saying something */

void load_nomem(struct load *l)
{
        l->diags->failed = true;
}

static void conf_values_say(struct load *l, enum severity severity, const struct conf_section *s,
                            const struct conf_key *k, const char *hint, const struct buf *text)
{
        struct where at = conf_at(s, k);

        if (text->failed)
                load_nomem(l);
        else
                diags_add(l->diags, severity, &at, hint, "%s", buf_str(text));
}

void load_error(struct load *l, const struct conf_section *s, const struct conf_key *k,
                const char *hint, const char *fmt, ...)
{
        AUTO_BUF text = BUF_INIT;
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        conf_values_say(l, DIAG_ERROR, s, k, hint, &text);
}

void load_error_in(struct load *l, const struct conf_section *s, const struct conf_key *k,
                   const char *hint, const char *fmt, ...)
{
        AUTO_BUF text = BUF_INIT;
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        buf_puts(&text, " in section ");
        pytext_repr(&text, s->name, strlen(s->name), false);
        buf_puts(&text, " (file: ");
        pytext_repr(&text, s->file, strlen(s->file), false);
        buf_puts(&text, ")");
        conf_values_say(l, DIAG_ERROR, s, k, hint, &text);
}

void load_warn(struct load *l, const struct conf_section *s, const struct conf_key *k,
               const char *hint, const char *fmt, ...)
{
        AUTO_BUF text = BUF_INIT;
        va_list ap;

        if (l->quiet)
                return;
        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        conf_values_say(l, DIAG_WARNING, s, k, hint, &text);
}

void load_quote(struct load *l, const struct conf_section *s, const struct conf_key *k,
                const char *fmt, ...)
{
        struct where at = conf_at(s, k);
        AUTO_BUF text = BUF_INIT;
        va_list ap;

        if (l->quiet)
                return;
        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        at.quoted = true;
        if (text.failed)
                load_nomem(l);
        else
                diags_add(l->diags, DIAG_WARNING, &at, NULL, "%s", buf_str(&text));
}

/* ---- names */

struct names load_names(const struct load *l, unsigned have, const struct conf_section *s)
{
        const struct strlist *heres = &l->doc.heres;

        /* In an included file "here" has become text already; what is left means the main file's.
         */
        return (struct names){
                .have = have,
                .here = heres->count ? heres->items[0]
                        : s          ? s->here
                                     : "",
                .host = l->w->hostname,
                .global_env = &l->c->settings.env,
                .environ = l->w->environ,
        };
}

/* Keys whose value may name less than the rest of its section, and whose errors come without the
 * section behind them: Supervisor reads them before the processes. */
static const struct early_key {
        const char *key;
        unsigned kinds, have;
} early_keys[] = {
        { "priority", KIND_PROGRAM | KIND_LISTENER | KIND_FCGI, NAME_HERE },
        { "events", KIND_LISTENER, NAME_HERE },
        { "buffer_size", KIND_LISTENER, NAME_HERE },
        { "result_handler", KIND_LISTENER, NAME_HERE },
        { "socket", KIND_FCGI, NAME_HERE | NAME_PROGRAM },
        { "socket_owner", KIND_FCGI, NAME_HERE },
        { "socket_mode", KIND_FCGI, NAME_HERE },
        { "socket_backlog", KIND_FCGI, NAME_HERE },
};

static const struct early_key *early_key(const struct filling *f, const struct opt *o)
{
        for (size_t i = 0; i < sizeof early_keys / sizeof *early_keys; i++)
                if ((early_keys[i].kinds & f->kind->kind) && strcmp(early_keys[i].key, o->key) == 0)
                        return &early_keys[i];
        return NULL;
}

static struct names names_for(const struct filling *f, const struct opt *o)
{
        const struct early_key *early = early_key(f, o);
        struct names n = o->flags & OPT_PROC_EXPAND ? f->per_process : f->names;

        if (o->flags & OPT_NO_EXPAND) /* only the environment */
                n.have = 0;
        if (early)
                n.have = early->have;
        return n;
}

/* Values that are expanded later, for each process. */
static bool is_template(const struct filling *f, const struct opt *o)
{
        switch (o->type) {
        case OPT_TEMPLATE:
        case OPT_NAME_TEMPLATE:
        case OPT_LOGFILE:
        case OPT_ON_FATAL:
        case OPT_CHECK:
        case OPT_SYSLOG_TAG:
                return f->kind->kind != 0;
        default:
                return false;
        }
}

/* ---- one value */

char *load_expand(struct load *l, const struct filling *f, const struct conf_key *k,
                  const struct names *names)
{
        struct buf out = BUF_INIT;
        AUTO_BUF why = BUF_INIT;
        AUTO_BUF what = BUF_INIT;

        buf_printf(&what, "%s.%s", f->section->name, k->key);
        bool ok = expand(k->value, names, buf_str(&what), &out, &why);
        if (ok && !what.failed)
                return buf_take(&out);
        if (out.failed || why.failed || what.failed)
                load_nomem(l);
        else if (f->suffix)
                load_error_in(l, f->section, k, NULL, "%s", buf_str(&why));
        else
                load_error(l, f->section, k, NULL, "%s", buf_str(&why));
        buf_release(&out);
        return NULL;
}

static void conf_values_upper(char *s)
{
        for (; *s; s++)
                *s = (char)toupper((unsigned char)*s);
}

static void refuse_value(struct load *l, const struct filling *f, const struct opt *o,
                         const struct conf_key *k, const struct err *e)
{
        AUTO_BUF hint = BUF_INIT;

        if (e->code == ERR_NOMEM) {
                load_nomem(l);
                return;
        }
        buf_printf(&hint, "expected %s", opt_type_words(o->type));
        if (o->type == OPT_EVENTS)
                load_error(l, f->section, k, NULL, "%s in [%s] events", e->text, f->section->name);
        else if (f->suffix && !early_key(f, o))
                load_error_in(l, f->section, k, buf_str(&hint), "%s", e->text);
        else
                load_error(l, f->section, k, buf_str(&hint), "%s", e->text);
}

static void load_key(struct load *l, struct filling *f, const struct opt *o,
                     const struct conf_key *k)
{
        struct names names = names_for(f, o);
        struct filling said = *f;
        struct err e = { 0 };

        said.suffix = f->suffix && !early_key(f, o);
        char *text = is_template(f, o) ? strdup(k->value) : load_expand(l, &said, k, &names);
        if (!text) {
                l->diags->failed |= is_template(f, o);
                return;
        }
        if (o->type == OPT_EVENTS)
                conf_values_upper(text);
        if (!opt_parse(o, f->base, text, l->w, &e))
                refuse_value(l, f, o, k, &e);
        free(text);
}

bool load_defaults(struct load *l, const struct filling *f)
{
        struct err e = { 0 };

        if (opts_defaults(f->kind, f->base, l->w, &e))
                return true;
        if (e.code == ERR_NOMEM)
                load_nomem(l);
        else
                load_error(l, f->section, NULL, NULL, "%s", e.text);
        return false;
}

void load_keys(struct load *l, struct filling *f,
               bool (*wanted)(const struct filling *f, const struct opt *o))
{
        for (const struct conf_key *k = NULL; (k = conf_doc_next(&l->doc, f->section, k));) {
                const struct opt *o = opt_find(f->kind, k->key);
                if (o && (!wanted || wanted(f, o)))
                        load_key(l, f, o, k);
        }
}

/* ---- oddities */

/* Would a shell still wait for a closing quote at the end? */
static bool leaves_quote_open(const char *s)
{
        char quote = 0;

        for (; *s; s++) {
                if (*s == '\\' && quote != '\'' && s[1])
                        s++;
                else if (quote && *s == quote)
                        quote = 0;
                else if (!quote && (*s == '"' || *s == '\''))
                        quote = *s;
        }
        return quote != 0;
}

/* Another kind of section that has this key, or NULL. */
static const struct section_kind *owner_of(const char *key)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                if (opt_find(k, key))
                        return k;
        return NULL;
}

static void warn_unknown(struct load *l, const struct section_kind *kind,
                         const struct conf_section *s, const struct conf_key *k)
{
        const struct section_kind *owner = owner_of(k->key);
        const char *near = opt_nearest(kind, k->key);
        AUTO_BUF hint = BUF_INIT;

        if (owner)
                buf_printf(&hint, "it belongs into [%s%s]", owner->prefix,
                           owner->named == 1 ? ":NAME" : "");
        else if (near)
                buf_printf(&hint, "did you mean %s?", near);
        else
                buf_puts(&hint, "it is ignored");
        load_warn(l, s, k, buf_str(&hint), "unknown key '%s' in [%s]", k->key, s->name);
}

void load_oddities(struct load *l, const struct section_kind *kind, const struct conf_section *s)
{
        for (const struct conf_key *k = s->keys; k; k = k->hh.next) {
                if (!opt_find(kind, k->key))
                        warn_unknown(l, kind, s, k);
                else if (k->cut && leaves_quote_open(k->value))
                        load_warn(l, s, k,
                                  "';' and '#' after a blank begin a comment even inside quotes",
                                  "a comment cuts %s in the middle of a quoted text", k->key);
        }
}
