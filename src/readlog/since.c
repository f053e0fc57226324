/* Finds the place of a point in time in a log, by the stamps of its lines or else by the times of
 * its files. Plain files are halved, compressed ones are read through. */
#include "readlog/since.h"

#include <string.h>

#include "base/stamp.h"

#define PROBE     65536
#define NEAR      (4 * PROBE) /* so near that the rest is read line by line */
#define LINE_HEAD 64          /* bytes that hold a stamp and what stands before it */

bool line_stamp(const char *line, size_t len, int64_t *ms_out)
{
        static const char json[] = "{\"time\":\"";
        size_t skip = sizeof json - 1, used;

        if (len > skip && memcmp(line, json, skip) == 0)
                return stamp_read(line + skip, len - skip, ms_out, &used);
        return stamp_read(line, len, ms_out, &used);
}

/* ---- line by line */

struct search {
        int64_t since_ms;
        int64_t at;    /* of the next byte */
        int64_t line;  /* where the present line begins */
        int64_t found; /* -1: not yet */
        bool stamps;   /* there are some */
        char head[LINE_HEAD];
        size_t head_len;
};

/* The head of a line is whole. */
static void since_judge(struct search *s)
{
        int64_t ms;

        if (s->found >= 0 || !line_stamp(s->head, s->head_len, &ms))
                return;
        s->stamps = true;
        if (ms >= s->since_ms)
                s->found = s->line;
}

static bool search_piece(void *arg, const char *data, size_t len)
{
        struct search *s = arg;

        while (len > 0 && s->found < 0) {
                const char *nl = memchr(data, '\n', len);
                size_t n = nl ? (size_t)(nl - data) : len;
                size_t room = LINE_HEAD - s->head_len, more = n < room ? n : room;
                memcpy(s->head + s->head_len, data, more);
                s->head_len += more;
                n += nl != NULL;
                s->at += (int64_t)n;
                data += n;
                len -= n;
                if (!nl)
                        break;
                since_judge(s);
                s->head_len = 0;
                s->line = s->at;
        }
        if (!s->stamps && s->line > 0 && s->at > PROBE)
                return false; /* so many lines without one: there will be none */
        return s->found < 0;
}

/* ---- halving: only plain files can be read anywhere */

/* The first stamp behind `at`, and where its line begins. False: none near. */
static bool since_probe(const struct log_set_file *f, int64_t at, int64_t *line_out,
                        int64_t *ms_out)
{
        AUTO_BUF text = BUF_INIT;

        if (!log_set_file_read(f, at, PROBE, &text))
                return false;
        const char *begin = buf_str(&text), *end = begin + text.len, *p = begin;
        while ((p = memchr(p, '\n', (size_t)(end - p))) && ++p < end) {
                size_t rest = (size_t)(end - p);
                if (!line_stamp(p, rest < LINE_HEAD ? rest : LINE_HEAD, ms_out))
                        continue;
                *line_out = at + (p - begin);
                return true;
        }
        return false;
}

/* The beginning of a line before which everything is older. */
static int64_t since_halve(const struct log_set_file *f, int64_t since_ms)
{
        int64_t low = 0, high = f->size, line, ms;

        while (high - low > NEAR) {
                int64_t middle = low + (high - low) / 2;
                if (!since_probe(f, middle, &line, &ms))
                        break;
                if (ms < since_ms)
                        low = line;
                else
                        high = middle;
        }
        return low;
}

static bool search_file(const struct log_set_file *f, int64_t since_ms, struct search *s)
{
        int64_t from = f->is_gzip ? 0 : since_halve(f, since_ms);

        *s = (struct search){ .since_ms = since_ms, .at = from, .line = from, .found = -1 };
        s->stamps = from > 0;
        if (!log_set_file_walk(f, from, search_piece, s))
                return false;
        since_judge(s); /* a last line without its end */
        return true;
}

/* Begun since then. Of backups that cannot be told: they may be copies. */
static bool is_younger(const struct log_set_file *f, int64_t since_ms)
{
        return f->number == 0 && f->born_ms >= since_ms;
}

bool since_find(const struct log_set *p, int64_t since_ms, int64_t *at_out, bool *is_vague_out)
{
        int64_t begin = -p->before;
        struct search s;

        *is_vague_out = false;
        for (int i = p->count - 1; i >= 0; begin += p->files[i--].size) {
                const struct log_set_file *f = &p->files[i];
                if (f->mtime_ms < since_ms || f->size == 0)
                        continue;
                if (!search_file(f, since_ms, &s))
                        return false;
                *is_vague_out = !s.stamps && !is_younger(f, since_ms);
                *at_out = begin + (s.stamps ? s.found : 0);
                if (!s.stamps || s.found >= 0)
                        return true;
        }
        *at_out = begin;
        return true;
}
