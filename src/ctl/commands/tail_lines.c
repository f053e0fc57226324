/* The bytes of one log as lines: which are shown (--grep), the last so many, and the name in front
 * of each. Reads nothing itself. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "ctl/commands/tail.h"
#include "ctl/render/render.h"

#define LINE_MAX_BYTES ((size_t)1 << 20) /* what is longer is shown in pieces */

void tail_lines_release(struct tail_lines *l)
{
        buf_release(&l->part);
        for (size_t i = 0; i < l->ring_count; i++)
                buf_release(&l->ring[i]);
        free(l->ring);
        l->ring = NULL;
        l->ring_count = l->ring_cap = l->ring_at = 0;
}

/* ---- printing */

/* The same colour as in the daemon's own output, always the same for a name. */
static int colour_of(const char *name)
{
        static const int colours[] = { 36, 33, 32, 35, 34, 31 };

        return colours[hash_text(0, name) % (sizeof colours / sizeof *colours)];
}

/* "name | line"; for standard error "name ! line". */
static void put_prefix(const struct tail_lines *l)
{
        const struct tail_out *to = l->to;
        char mark = l->is_stderr ? '!' : '|';
        int width = utf8_padding(l->name, to->width);

        if (to->ask->plain)
                return;
        if (to->colour)
                fprintf(to->out, "\033[%dm%-*s %c" COLOUR_OFF " ", colour_of(l->name), width,
                        l->name, mark);
        else
                fprintf(to->out, "%-*s %c ", width, l->name, mark);
}

/* On a terminal a colour that a worker left on ends with its line. */
static void print_line(const struct tail_lines *l, const char *line, size_t len)
{
        const struct tail_out *to = l->to;

        put_prefix(l);
        fwrite(line, 1, len, to->out);
        if (to->colour && memchr(line, '\033', len))
                fputs(COLOUR_OFF, to->out);
        putc('\n', to->out);
}

/* ---- which */

static bool tail_lines_matches(const struct tail_ask *a, const char *line, size_t len)
{
        regmatch_t whole = { .rm_so = 0, .rm_eo = (regoff_t)len };

        /* a line may hold any byte: its end is told, not looked for */
        return !a->has_grep || regexec(&a->grep, line, 1, &whole, REG_STARTEND) == 0;
}

static bool ring_grow(struct tail_lines *l)
{
        size_t cap = l->ring_cap ? l->ring_cap * 2 : 16;
        struct buf *more = realloc(l->ring, cap * sizeof *more);

        if (!more)
                return false;
        memset(more + l->ring_cap, 0, (cap - l->ring_cap) * sizeof *more);
        l->ring = more;
        l->ring_cap = cap;
        return true;
}

static void tail_lines_store(struct tail_lines *l, const char *line, size_t len)
{
        size_t at = l->ring_at;

        if (l->ring_count < l->ring_size) {
                at = l->ring_count;
                if (at == l->ring_cap && !ring_grow(l))
                        return;
                l->ring_count++;
        } else {
                l->ring_at = (at + 1) % l->ring_size;
        }
        buf_reset(&l->ring[at]);
        buf_put(&l->ring[at], line, len);
}

static void tail_lines_take_line(struct tail_lines *l, const char *line, size_t len)
{
        if (!tail_lines_matches(l->to->ask, line, len))
                return;
        if (l->ring_size)
                tail_lines_store(l, line, len);
        else
                print_line(l, line, len);
}

void tail_lines_show(struct tail_lines *l)
{
        struct buf part = l->part;

        l->part = BUF_INIT;
        for (size_t i = 0; i < l->ring_count; i++) {
                const struct buf *line = &l->ring[(l->ring_at + i) % l->ring_count];
                print_line(l, buf_str(line), line->len);
        }
        tail_lines_release(l);
        l->part = part;
        l->ring_size = 0;
}

void tail_lines_end(struct tail_lines *l)
{
        if (l->part.len)
                tail_lines_take_line(l, l->part.data, l->part.len);
        buf_reset(&l->part);
}

void tail_lines_feed(struct tail_lines *l, const char *data, size_t len)
{
        while (len > 0) {
                const char *nl = memchr(data, '\n', len);
                size_t n = nl ? (size_t)(nl - data) : len;
                if (nl && !l->part.len) {
                        tail_lines_take_line(l, data, n);
                } else {
                        buf_put(&l->part, data, n);
                        if (nl || l->part.len >= LINE_MAX_BYTES || l->part.failed)
                                tail_lines_end(l);
                }
                n += nl != NULL;
                data += n;
                len -= n;
        }
}
