/* What is done with any option by its row: parse, compare, show, free, find, and suggest the
 * nearest key. What depends on the type is in the kinds of opt_*.c. No row is named here. */
#include "model/config/options.h"

#include <stdlib.h>
#include <string.h>

#include "model/config/opt_kind.h"
#include "model/config/pytext.h"

static const struct opt_kind *const kinds[OPT_TYPE_COUNT] = {
        [OPT_STRING] = &opt_kind_string,
        [OPT_TEMPLATE] = &opt_kind_template,
        [OPT_NAME_TEMPLATE] = &opt_kind_name_template,
        [OPT_INT] = &opt_kind_int,
        [OPT_BOOL] = &opt_kind_bool,
        [OPT_TRISTATE] = &opt_kind_tristate,
        [OPT_BYTES] = &opt_kind_bytes,
        [OPT_OCTAL] = &opt_kind_octal,
        [OPT_SIGNAL] = &opt_kind_signal,
        [OPT_EXITCODES] = &opt_kind_exitcodes,
        [OPT_AUTORESTART] = &opt_kind_autorestart,
        [OPT_LOGLEVEL] = &opt_kind_loglevel,
        [OPT_DIR] = &opt_kind_dir,
        [OPT_DIRPATH] = &opt_kind_dirpath,
        [OPT_MAINLOG] = &opt_kind_mainlog,
        [OPT_PATH] = &opt_kind_path,
        [OPT_LOGFILE] = &opt_kind_logfile,
        [OPT_USER] = &opt_kind_user,
        [OPT_CHOWN] = &opt_kind_chown,
        [OPT_INET] = &opt_kind_inet,
        [OPT_LIST] = &opt_kind_list,
        [OPT_EVENTS] = &opt_kind_events,
        [OPT_URL] = &opt_kind_url,
        [OPT_SERVERURL] = &opt_kind_serverurl,
        [OPT_DURATION] = &opt_kind_duration,
        [OPT_FRACTION] = &opt_kind_fraction,
        [OPT_RATE] = &opt_kind_rate,
        [OPT_ON_FATAL] = &opt_kind_on_fatal,
        [OPT_CHECK] = &opt_kind_check,
        [OPT_CHECK_ACTION] = &opt_kind_check_action,
        [OPT_READY] = &opt_kind_ready,
        [OPT_OVERFLOW] = &opt_kind_overflow,
        [OPT_LOG_EVERY] = &opt_kind_log_every,
        [OPT_LOG_COMPRESS] = &opt_kind_log_compress,
        [OPT_LOG_FORMAT] = &opt_kind_log_format,
        [OPT_SYSLOG_FACILITY] = &opt_kind_syslog_facility,
        [OPT_SYSLOG_LEVEL] = &opt_kind_syslog_level,
        [OPT_SYSLOG_FORMAT] = &opt_kind_syslog_format,
        [OPT_SYSLOG_TAG] = &opt_kind_syslog_tag,
        [OPT_SIGHUP] = &opt_kind_sighup,
};

const struct opt_kind *opt_kind_of(enum opt_type type)
{
        return kinds[type];
}

const struct section_kind *section_find(const char *section, const char **name_out)
{
        size_t len = strcspn(section, ":");
        bool named = section[len] == ':';

        *name_out = named ? section + len + 1 : NULL;
        for (const struct section_kind *k = section_kinds; k->prefix; k++) {
                if (strlen(k->prefix) != len || strncmp(k->prefix, section, len) != 0)
                        continue;
                return k->named < 0 || (k->named == 1) == named ? k : NULL;
        }
        return NULL;
}

bool opt_applies(const struct section_kind *k, const struct opt *o)
{
        return !k->kind || !o->kinds || (o->kinds & k->kind);
}

const struct opt *opt_find(const struct section_kind *k, const char *key)
{
        for (const struct opt *o = k->opts; o->key; o++)
                if (opt_applies(k, o) && strcmp(o->key, key) == 0)
                        return o;
        return NULL;
}

static bool parse_value(const struct opt *o, const char *text, const struct host *w,
                        union opt_value *v, struct err *e)
{
        struct err why = { 0 };

        memset(v, 0, sizeof *v);
        if (kinds[o->type]->parse(o, text, w, v, &why))
                return true;
        if (o->wrong && why.code == ERR_CONFIG)
                err_set(&why, ERR_CONFIG, "%s%s", o->wrong, text);
        if (e)
                *e = why;
        return false;
}

bool opt_parse(const struct opt *o, void *base, const char *text, const struct host *w,
               struct err *e)
{
        const struct opt_kind *k = kinds[o->type];
        char *at = (char *)base + o->at;
        union opt_value v;

        if (!parse_value(o, text, w, &v, e))
                return false;
        k->drop(at);
        memcpy(at, &v, k->size);
        return true;
}

bool opt_check(const struct opt *o, const char *text, const struct host *w, struct err *e)
{
        union opt_value v;

        if (!parse_value(o, text, w, &v, e))
                return false;
        kinds[o->type]->drop(&v);
        return true;
}

bool opt_same(const struct opt *o, const void *a, const void *b)
{
        return kinds[o->type]->same((const char *)a + o->at, (const char *)b + o->at);
}

void opt_free(const struct opt *o, void *base)
{
        kinds[o->type]->drop((char *)base + o->at);
}

void opt_format(const struct opt *o, const void *base, struct buf *out)
{
        AUTO_BUF secret = BUF_INIT;
        bool is_secret = o->flags & OPT_SECRET;

        kinds[o->type]->format(o, (const char *)base + o->at, is_secret ? &secret : out);
        if (secret.len || secret.failed)
                buf_puts(out, "...");
}

const char *opt_type_words(enum opt_type type)
{
        return kinds[type]->words;
}

bool opts_defaults(const struct section_kind *k, void *base, const struct host *w, struct err *e)
{
        for (const struct opt *o = k->opts; o->key; o++) {
                if (!opt_applies(k, o))
                        continue;
                opt_free(o, base);
                if (o->dflt && !opt_parse(o, base, o->dflt, w, e))
                        return err_wrap(e, "default of %s: ", o->key);
        }
        return true;
}

void opts_free(const struct section_kind *k, void *base)
{
        for (const struct opt *o = k->opts; o->key; o++)
                if (opt_applies(k, o))
                        opt_free(o, base);
}

/* ---- the nearest key */

#define LONGEST_KEY 40

static int options_least(int a, int b)
{
        return a < b ? a : b;
}

/* Insertions, removals, changes and swaps of neighbours between two words; LONGEST_KEY when one of
 * them is too long to be a key at all. */
static int options_distance(const char *a, const char *b)
{
        int rows[3][LONGEST_KEY + 1];
        int *before = rows[0], *last = rows[1], *now = rows[2];
        int la = (int)strnlen(a, LONGEST_KEY + 1), lb = (int)strnlen(b, LONGEST_KEY + 1);

        if (la > LONGEST_KEY || lb > LONGEST_KEY)
                return LONGEST_KEY;
        for (int j = 0; j <= lb; j++)
                last[j] = j;
        for (int i = 1; i <= la; i++) {
                now[0] = i;
                for (int j = 1; j <= lb; j++) {
                        now[j] = options_least(last[j], now[j - 1]) + 1;
                        now[j] = options_least(now[j], last[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                now[j] = options_least(now[j], before[j - 2] + 1);
                }
                int *free_row = before;
                before = last;
                last = now;
                now = free_row;
        }
        return last[lb];
}

const char *opt_nearest(const struct section_kind *k, const char *key)
{
        const char *best = NULL;
        int best_distance = 1 + (int)strlen(key) / 3; /* farther is no misspelling */

        for (const struct opt *o = k->opts; o->key; o++) {
                if (!opt_applies(k, o))
                        continue;
                int d = options_distance(key, o->key);
                if (d < best_distance || (!best && d == best_distance)) {
                        best = o->key;
                        best_distance = d;
                }
        }
        return best;
}

/* ---- shared by the types */

bool opt_wrong(struct err *e, const char *before, const char *text, const char *after)
{
        AUTO_BUF quoted = BUF_INIT;

        pytext_repr(&quoted, text, strlen(text), false);
        if (quoted.failed)
                return err_nomem(e);
        return err_set(e, ERR_CONFIG, "%s%s%s", before, buf_str(&quoted), after);
}

bool opt_expected(struct err *e, const char *what, const char *text)
{
        AUTO_BUF before = BUF_INIT;

        buf_printf(&before, "expected %s, got ", what);
        if (before.failed)
                return err_nomem(e);
        return opt_wrong(e, buf_str(&before), text, "");
}

bool opt_keep(char *owned, union opt_value *v, struct err *e)
{
        v->text = owned;
        return owned || err_nomem(e);
}

bool opt_same_int(const void *a, const void *b)
{
        return *(const int *)a == *(const int *)b;
}

bool opt_same_big(const void *a, const void *b)
{
        return *(const int64_t *)a == *(const int64_t *)b;
}

bool opt_same_text(const void *a, const void *b)
{
        const char *s = *(char *const *)a, *t = *(char *const *)b;

        return s == t || (s && t && strcmp(s, t) == 0);
}

void opt_drop_zero_int(void *v)
{
        *(int *)v = 0;
}

void opt_drop_big(void *v)
{
        *(int64_t *)v = 0;
}

void opt_drop_text(void *v)
{
        free(*(char **)v);
        *(char **)v = NULL;
}

void opt_format_text(const struct opt *o, const void *v, struct buf *out)
{
        (void)o;
        if (*(char *const *)v)
                buf_puts(out, *(char *const *)v);
}

void opt_format_word(const struct opt *o, const void *v, struct buf *out)
{
        for (const struct opt_word *w = kinds[o->type]->values; w->word; w++)
                if (w->value == *(const int *)v) {
                        buf_puts(out, w->word);
                        return;
                }
}
