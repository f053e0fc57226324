/* How answers look: lines of status, tables, columns, ages and colours (compat 21.4). Writes into
 * buffers only and asks nothing. */
#include "ctl/render/render.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sanitize.h"
#include "base/stamp.h"
#include "ctl/transport/json_get.h"

#define NAME_MIN   30
#define GAP        3
#define STATE_LEN  10
#define DETAIL_MAX 80

/* ---- colours */

static const struct {
        const char *word, *escape;
} colours[] = {
        { "RUNNING", "\033[32m" },   { "STARTING", "\033[36m" }, { "BACKOFF", "\033[33m" },
        { "STOPPING", "\033[36m" },  { "EXITED", "\033[33m" },   { "FATAL", "\033[31m" },
        { "UNKNOWN", "\033[31m" },   { "STOPPED", "\033[2m" },   { "healthy", "\033[32m" },
        { "unhealthy", "\033[31m" }, { "starting", "\033[36m" }, { "none", "\033[2m" },
        { "start", "\033[32m" },     { "stop", "\033[31m" },     { "restart", "\033[33m" },
        { "live", "\033[36m" },      { "started", "\033[32m" },  { "stopped", "\033[31m" },
        { "restarted", "\033[33m" }, { "changed", "\033[36m" },
};

const char *state_colour(const char *word)
{
        for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
                if (strcmp(colours[i].word, word) == 0)
                        return colours[i].escape;
        return "";
}

bool colour_wanted(bool is_tty, const char *no_color, const char *term)
{
        return is_tty && !(no_color && *no_color) && term && *term && strcmp(term, "dumb") != 0;
}

/* The word, coloured, and then blanks up to the width. */
static void put_word(struct buf *out, const char *word, int width, bool colour)
{
        const char *escape = colour ? state_colour(word) : "";
        int pad = width - (int)utf8_characters(word);

        buf_printf(out, "%s%s%s%*s", escape, word, *escape ? COLOUR_OFF : "", pad > 0 ? pad : 0,
                   "");
}

/* ---- status */

int status_width(const struct status_row *rows, size_t count)
{
        size_t widest = NAME_MIN;

        for (size_t i = 0; i < count; i++)
                if (utf8_characters(rows[i].name) > widest)
                        widest = utf8_characters(rows[i].name);
        return (int)widest + GAP;
}

void status_line(struct buf *out, const struct status_row *row, int width, bool colour)
{
        buf_printf(out, "%-*s", utf8_padding(row->name, width), row->name);
        put_word(out, row->state, STATE_LEN, colour);
        buf_printf(out, "%s\n", row->description);
}

static void put_next(struct buf *out, const json_t *process, int64_t now_ms)
{
        int64_t at = stamp_parse(json_text(process, "next_start_at"));
        const char *why = json_text(process, "next_start_why");

        if (at < 0 && !*why)
                return;
        buf_puts(out, at < 0 ? "waits" : "next start in ");
        if (at >= 0)
                age_put(out, at > now_ms ? (at - now_ms + 999) / 1000 : 0);
        if (*why)
                buf_printf(out, ": %s", why);
}

void status_detail(struct buf *out, const json_t *process, int width, int64_t now_ms)
{
        const char *health = json_text(process, "health");
        AUTO_BUF text = BUF_INIT;

        put_next(&text, process, now_ms);
        if (strcmp(health, "unhealthy") == 0 || strcmp(health, "starting") == 0) {
                const json_t *check = json_object_get(process, "healthcheck");
                const char *said = json_text(check, "output");
                buf_printf(&text, "%shealth: %s", text.len ? "; " : "", health);
                if (*said && !json_is_true(json_object_get(check, "last_ok"))) {
                        buf_puts(&text, ", ");
                        first_line_put(&text, said, DETAIL_MAX);
                }
        }
        const char *log_error = json_text(process, "log_error");
        if (*log_error)
                buf_printf(&text, "%slog of %s", text.len ? "; " : "", log_error);
        if (text.len)
                buf_printf(out, "%*s%s\n", width + STATE_LEN, "", buf_str(&text));
}

/* ---- words in columns */

struct grid {
        const char *const *words;
        size_t count, rows, columns;
};

static size_t column_width(const struct grid *g, size_t column)
{
        size_t widest = 0;

        for (size_t i = column * g->rows; i < (column + 1) * g->rows && i < g->count; i++)
                if (utf8_characters(g->words[i]) > widest)
                        widest = utf8_characters(g->words[i]);
        return widest;
}

static bool grid_fits(const struct grid *g, size_t width)
{
        size_t total = 0;

        for (size_t c = 0; c < g->columns; c++)
                total += column_width(g, c) + (c ? 2 : 0);
        return total <= width;
}

void columns_put(struct buf *out, const char *const *words, size_t count, int width)
{
        struct grid g = { .words = words, .count = count };

        if (!count)
                return;
        for (g.rows = 1; g.rows < count; g.rows++) {
                g.columns = (count + g.rows - 1) / g.rows;
                if (grid_fits(&g, (size_t)width))
                        break;
        }
        g.columns = (count + g.rows - 1) / g.rows;
        for (size_t row = 0; row < g.rows; row++) {
                for (size_t c = 0; c < g.columns && c * g.rows + row < count; c++) {
                        const char *word = words[c * g.rows + row];
                        buf_printf(out, "%s%-*s", c ? "  " : "",
                                   utf8_padding(word, (int)column_width(&g, c)), word);
                }
                buf_putc(out, '\n');
        }
}

/* ---- times */

void age_put(struct buf *out, int64_t s)
{
        if (s < 60)
                buf_printf(out, "%llds", (long long)s);
        else if (s < 3600)
                buf_printf(out, "%lldm %llds", (long long)s / 60, (long long)s % 60);
        else if (s < 86400)
                buf_printf(out, "%lldh %lldm", (long long)s / 3600, (long long)s / 60 % 60);
        else
                buf_printf(out, "%lldd %lldh", (long long)s / 86400, (long long)s / 3600 % 24);
}

int64_t stamp_parse(const char *text)
{
        size_t len = strlen(text), used;
        int64_t ms;

        return stamp_read(text, len, &ms, &used) && used == len ? ms : -1;
}

/* ---- tables */

bool table_add(struct table *t, const char *cell)
{
        return strlist_add(&t->cells, cell);
}

static size_t cell_width(const struct table *t, size_t column)
{
        size_t widest = 0;

        for (size_t i = column; i < t->cells.count; i += t->columns)
                if (utf8_characters(t->cells.items[i]) > widest)
                        widest = utf8_characters(t->cells.items[i]);
        return widest;
}

void table_put(struct buf *out, const struct table *t, int colour_column)
{
        for (size_t i = 0; i < t->cells.count; i++) {
                size_t column = i % t->columns;
                bool last = column + 1 == t->columns;
                put_word(out, t->cells.items[i], last ? 0 : (int)cell_width(t, column) + 2,
                         (int)column == colour_column);
                while (last && out->len && out->data[out->len - 1] == ' ')
                        out->data[--out->len] = '\0';
                if (last)
                        buf_putc(out, '\n');
        }
}
