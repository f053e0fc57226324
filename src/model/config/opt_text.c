/* The types that are text and lists of text; texts of errors as in compat section 4. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/path.h"
#include "model/config/opt_kind.h"
#include "model/config/opt_paths.h"
#include "model/config/pytext.h"
#include "model/unit/event.h"

static bool string_parse(const struct opt *o, const char *text, const struct host *w,
                         union opt_value *v, struct err *e)
{
        (void)o, (void)w;
        return opt_keep(strdup(text), v, e);
}

const struct opt_kind opt_kind_string = {
        .size = sizeof(char *),
        .parse = string_parse,
        .same = opt_same_text,
        .drop = opt_drop_text,
        .format = opt_format_text,
        .words = "text",
};

const struct opt_kind opt_kind_template = {
        .size = sizeof(char *),
        .parse = string_parse,
        .same = opt_same_text,
        .drop = opt_drop_text,
        .format = opt_format_text,
        .words = "text with expansions",
};

/* ---- names */

static const char *opt_text_trimmed(const char *s, size_t *len)
{
        pytext_trim(&s, len);
        return s;
}

/* Checked as written, as by Supervisor: what an expansion brings is not looked at. */
static bool name_parse(const struct opt *o, const char *text, const struct host *w,
                       union opt_value *v, struct err *e)
{
        size_t len = strlen(text);
        const char *name = opt_text_trimmed(text, &len);

        (void)o, (void)w;
        for (const char *bad = " :/"; *bad; bad++) {
                char after[] = " because of character: '?'";
                if (!memchr(name, *bad, len))
                        continue;
                after[sizeof after - 3] = *bad;
                return opt_wrong(e, "Invalid name: ", text, after);
        }
        return opt_keep(strndup(name, len), v, e);
}

const struct opt_kind opt_kind_name_template = {
        .size = sizeof(char *),
        .parse = name_parse,
        .same = opt_same_text,
        .drop = opt_drop_text,
        .format = opt_format_text,
        .words = "a name with expansions, without blanks, ':' and '/'",
};

/* ---- lists */

static bool list_parse(const struct opt *o, const char *text, const struct host *w,
                       union opt_value *v, struct err *e)
{
        (void)o, (void)w;
        while (*text) {
                size_t len = strcspn(text, ","), trimmed = len;
                const char *item = opt_text_trimmed(text, &trimmed);
                if (!strlist_add_n(&v->list, item, trimmed)) {
                        strlist_release(&v->list);
                        return err_nomem(e);
                }
                if (!text[len])
                        break;
                text += len + 1;
                if (!*text && !strlist_add(&v->list, "")) { /* "a," has an empty second item */
                        strlist_release(&v->list);
                        return err_nomem(e);
                }
        }
        return true;
}

static bool list_same(const void *a, const void *b)
{
        const struct strlist *s = a, *t = b;

        if (s->count != t->count)
                return false;
        for (size_t i = 0; i < s->count; i++)
                if (strcmp(s->items[i], t->items[i]) != 0)
                        return false;
        return true;
}

static void list_drop(void *v)
{
        strlist_release(v);
}

static void list_format(const struct opt *o, const void *v, struct buf *out)
{
        const struct strlist *s = v;

        (void)o;
        for (size_t i = 0; i < s->count; i++)
                buf_printf(out, "%s%s", i ? "," : "", s->items[i]);
}

const struct opt_kind opt_kind_list = {
        .size = sizeof(struct strlist),
        .parse = list_parse,
        .same = list_same,
        .drop = list_drop,
        .format = list_format,
        .words = "names, separated by commas",
};

static bool opt_text_canonical(char **item, struct err *e)
{
        enum event_type t = event_parse(*item);
        const char *name = t < EV_TYPE_COUNT ? event_name(t) : NULL;

        if (!name) {
                for (char *c = *item; *c; c++) /* as Supervisor shows it */
                        *c = (char)toupper((unsigned char)*c);
                return err_set(e, ERR_CONFIG, "Unknown event type %s", *item);
        }
        char *copy = strdup(name);
        if (!copy)
                return err_nomem(e);
        free(*item);
        *item = copy;
        return true;
}

static bool events_parse(const struct opt *o, const char *text, const struct host *w,
                         union opt_value *v, struct err *e)
{
        if (!list_parse(o, text, w, v, e))
                return false;
        for (size_t i = 0; i < v->list.count; i++)
                if (!opt_text_canonical(&v->list.items[i], e)) {
                        strlist_release(&v->list);
                        return false;
                }
        return true;
}

const struct opt_kind opt_kind_events = {
        .size = sizeof(struct strlist),
        .parse = events_parse,
        .same = list_same,
        .drop = list_drop,
        .format = list_format,
        .words = "event types, separated by commas",
};

/* ---- URLs */

/* A scheme, and a host or a path behind it. */
static bool is_url(const char *text)
{
        const char *s = text;

        if (!isalpha((unsigned char)*s))
                return false;
        while (isalnum((unsigned char)*s) || (*s && strchr("+-.", *s)))
                s++;
        if (*s++ != ':')
                return false;
        if (strncmp(s, "//", 2) == 0)
                s += 2;
        return *s && !strchr("?#", *s);
}

static bool opt_text_url_parse(const struct opt *o, const char *text, const struct host *w,
                               union opt_value *v, struct err *e)
{
        (void)o;
        if (!is_url(text))
                return opt_wrong(e, "value ", text, " is not a URL");
        if (strncmp(text, "unix://", 7) != 0)
                return opt_keep(strdup(text), v, e);
        AUTO_BUF url = BUF_INIT;
        char *path = path_normal(text + 7, w, e);
        if (!path)
                return false;
        buf_printf(&url, "unix://%s", path);
        free(path);
        return opt_keep(buf_take(&url), v, e);
}

const struct opt_kind opt_kind_url = {
        .size = sizeof(char *),
        .parse = opt_text_url_parse,
        .same = opt_same_text,
        .drop = opt_drop_text,
        .format = opt_format_text,
        .words = "a URL: http://HOST:PORT or unix://PATH",
};

static bool serverurl_parse(const struct opt *o, const char *text, const struct host *w,
                            union opt_value *v, struct err *e)
{
        size_t len = strlen(text);
        const char *word = opt_text_trimmed(text, &len);

        (void)o, (void)w;
        if (len == 4 && strncasecmp(word, "AUTO", 4) == 0)
                return true; /* NULL */
        return opt_keep(strdup(text), v, e);
}

static void serverurl_format(const struct opt *o, const void *v, struct buf *out)
{
        if (*(char *const *)v)
                opt_format_text(o, v, out);
        else
                buf_puts(out, "AUTO");
}

const struct opt_kind opt_kind_serverurl = {
        .size = sizeof(char *),
        .parse = serverurl_parse,
        .same = opt_same_text,
        .drop = opt_drop_text,
        .format = serverurl_format,
        .words = "a URL, or AUTO",
};
