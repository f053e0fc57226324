/* Lists from the tables of model/: options, flags of the daemon, event types. */
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "mangen.h"
#include "model/config/cmdline.h"
#include "model/config/options.h"
#include "model/unit/event.h"

/* ---- options */

static const struct section_kind *section(const char *prefix)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                if (strcmp(k->prefix, prefix) == 0)
                        return k;
        return NULL;
}

static void put_bound(struct buf *out, const struct opt *o, int64_t value)
{
        if (o->type == OPT_DURATION)
                duration_format(value, out);
        else
                buf_printf(out, "%lld", (long long)value);
}

static void put_range(struct buf *out, const struct opt *o)
{
        if (!o->min && !o->max)
                return;
        buf_puts(out, o->max ? "from " : "at least ");
        put_bound(out, o, o->min);
        if (o->max) {
                buf_puts(out, " to ");
                put_bound(out, o, o->max);
        }
}

static void put_default(struct buf *out, const struct opt *o)
{
        if (!o->dflt)
                return;
        buf_puts(out, "Default:\n.Ql ");
        mdoc_arg(out, o->dflt);
        buf_puts(out, " .\n");
}

static void put_change(struct buf *out, const struct opt *o)
{
        static const char *const words[] = {
                [CHANGE_LIVE] = "Changed without a restart.\n",
                [CHANGE_RESTART] = "A change restarts the process.\n",
        };

        if (o->change == CHANGE_RESTART && !o->kinds)
                buf_puts(out, "A change waits for the next start of the daemon.\n");
        else if (o->change != CHANGE_NONE)
                buf_puts(out, words[o->change]);
}

static void put_facts(struct buf *out, const struct opt *o)
{
        AUTO_BUF line = BUF_INIT;

        buf_puts(&line, opt_type_words(o->type));
        if (o->min || o->max) {
                buf_puts(&line, ", ");
                put_range(&line, o);
        }
        if (o->flags & OPT_MAY_BE_NONE)
                buf_puts(&line, ", or none");
        buf_puts(out, ".br\nValue: ");
        mdoc_text(out, buf_str(&line));
        out->len--; /* the full stop belongs on the same line */
        buf_puts(out, ".\n");
        put_default(out, o);
        if (o->flags & OPT_PROC_EXPAND)
                buf_puts(out, "May contain\n.Li %(process_num)d .\n");
        if (o->flags & OPT_NO_EXPAND)
                buf_puts(
                    out,
                    "Of the expansions only\n.Li %(ENV_NAME)s ;\na percent sign is doubled.\n");
        put_change(out, o);
}

static void put_option(struct buf *out, const struct opt *o)
{
        buf_puts(out, ".It Cm ");
        mdoc_arg(out, o->key);
        if (o->flags & OPT_REQUIRED)
                buf_puts(out, " Pq required");
        if (o->flags & OPT_OURS)
                buf_puts(out, " Pq not in Supervisor");
        buf_putc(out, '\n');
        mdoc_text(out, o->help);
        put_facts(out, o);
}

/* "options fcgi-program beyond program": the rows that the other section does not have. */
static bool put_options(struct buf *out, char **words, int count)
{
        const struct section_kind *k = count ? section(words[0]) : NULL;
        const struct section_kind *but = count == 3 ? section(words[2]) : NULL;

        if (!k || (count != 1 && (count != 3 || strcmp(words[1], "beyond") != 0 || !but)))
                return false;
        buf_puts(out, ".Bl -tag -width Ds\n");
        for (const struct opt *o = k->opts; o->key; o++)
                if (opt_applies(k, o) && !(but && opt_find(but, o->key) == o))
                        put_option(out, o);
        buf_puts(out, ".El\n");
        return true;
}

/* ---- the daemon's flags */

static void put_flag(struct buf *out, const struct flag *f)
{
        buf_puts(out, ".It");
        if (f->letter) {
                char letter[2] = { f->letter, '\0' };
                buf_puts(out, " Fl ");
                mdoc_arg(out, letter);
        }
        if (f->name) {
                buf_puts(out, f->letter ? " , Fl \\&-" : " Fl \\&-");
                buf_puts(out, f->name);
        }
        if (f->value)
                buf_printf(out, " Ar %s", f->value);
        buf_putc(out, '\n');
        AUTO_BUF text = BUF_INIT;
        buf_printf(&text, "%c%s.",
                   f->help[0] >= 'a' && f->help[0] <= 'z' ? f->help[0] - 32 : f->help[0],
                   f->help + 1);
        mdoc_text(out, buf_str(&text));
        if (f->key)
                buf_printf(out, "Stands above\n.Cm %s\nin the file.\n", f->key);
}

static bool put_flags(struct buf *out, char **words, int count)
{
        (void)words;
        if (count)
                return false;
        buf_puts(out, ".Bl -tag -width Ds\n");
        for (const struct flag *f = daemon_flags; f->letter || f->name; f++)
                put_flag(out, f);
        buf_puts(out, ".El\n");
        return true;
}

/* ---- event types: the tree, a level of indent per ancestor */

static int depth_of(enum event_type t)
{
        int depth = 0;

        for (int a = 0; a < EV_TYPE_COUNT; a++)
                depth += a != (int)t && event_name(a) && event_is_a(t, a);
        return depth;
}

static bool put_events(struct buf *out, char **words, int count)
{
        (void)words;
        if (count)
                return false;
        buf_puts(out, ".Bd -literal -offset indent\n");
        for (int t = 0; t < EV_TYPE_COUNT; t++)
                if (event_name(t))
                        buf_printf(out, "%*s%s\n", 2 * depth_of(t), "", event_name(t));
        buf_puts(out, ".Ed\n");
        return true;
}

const struct list model_lists[] = {
        { "options", put_options },
        { "flags", put_flags },
        { "events", put_events },
        { NULL, NULL },
};
