/* How things look: plain text stays Supervisor's to the byte, colour and fitting are for terminals.
 */
#ifndef CTL_RENDER_RENDER_H
#define CTL_RENDER_RENDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/strlist.h"

/* ---- status (compat 21.4) */

struct status_row { /* borrowed */
        const char *name, *state, *description;
        const json_t *more; /* the PROCESS object, for status_detail; NULL: not known */
};

/* The width of the first column for these names. */
int status_width(const struct status_row *rows, size_t count);
void status_line(struct buf *out, const struct status_row *row, int width, bool colour);

/* The PROCESS object of /v1 (doc/api.md): what comes next and why, indented to the third
 * column; nothing when there is nothing to add. */
void status_detail(struct buf *out, const json_t *process, int width, int64_t now_ms);

/* ---- words */

const char *state_colour(const char *word); /* an escape sequence, "" for a word without one */
#define COLOUR_OFF "\033[0m"

/* As Python's cmd module lays out its help: down the columns, two blanks between. */
void columns_put(struct buf *out, const char *const *words, size_t count, int width);

/* A duration for people: "4s", "3m 20s", "2h 5m", "3d 4h". */
void age_put(struct buf *out, int64_t seconds);

/* "2026-11-20T05:22:01.123Z" -> milliseconds since the epoch; -1: not such a text. */
int64_t stamp_parse(const char *text);

/* ---- tables: cells as many as columns x rows, each padded to the widest of its column */

struct table {
        struct strlist cells;
        size_t columns;
};

bool table_add(struct table *t, const char *cell);
/* The column whose words are coloured; -1: none. */
void table_put(struct buf *out, const struct table *t, int colour_column);

/* Colour for this output? NO_COLOR, TERM and whether it is a terminal decide. */
bool colour_wanted(bool is_tty, const char *no_color, const char *term);

#endif
