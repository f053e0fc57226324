/* Where batches may end. */
#include "logs/spool/spool_cut.h"

#include "base/utf8.h"
#include "logs/intake/capture_tokens.h"
#include "logs/intake/strip_ansi.h"
#include "logs/spool/spool.h"

#include <string.h>

struct look {
        struct captokens tokens;
        bool line_open;
};

static void spool_cut_on_text(void *arg, bool inside, const char *data, size_t len)
{
        struct look *l = arg;

        if (!inside)
                l->line_open = data[len - 1] != '\n';
}

static void spool_cut_on_end(void *arg)
{
        (void)arg;
}

/* The end of the next stretch after which something may have ended: a line or a token. */
static size_t next_end(const char *data, size_t at, size_t len)
{
        while (at < len && data[at] != '\n' && data[at] != '>')
                at++;
        return at < len ? at + 1 : len;
}

static bool is_neutral(const struct look *l, bool lines)
{
        return !l->tokens.inside && !l->tokens.held && !(lines && l->line_open);
}

static size_t cut_between_tokens(struct spool_scan *how, const char *data, size_t len)
{
        struct look l = { .tokens.inside = how->inside };
        const struct captokens_handler h = { &l, spool_cut_on_text, spool_cut_on_end };
        size_t cut = 0, at = 0;

        while (at < len) {
                size_t end = next_end(data, at, len);
                captokens_feed(&l.tokens, data + at, end - at, &h);
                at = end;
                if (is_neutral(&l, how->lines))
                        cut = at;
        }
        how->ends_inside = l.tokens.inside;
        /* Bytes that may be a token's beginning wait; those before them need not. */
        if (!how->lines && !l.tokens.inside && l.tokens.held < len && len - l.tokens.held > cut)
                cut = len - l.tokens.held;
        return cut;
}

#define ESCAPE_MOST 64 /* what is longer is none */

/* Without what may be the beginning of an escape at the end: strip_ansi sees one batch at a time.
 */
static size_t before_escape(const char *data, size_t len)
{
        size_t window = len < ESCAPE_MOST ? len : ESCAPE_MOST;
        const char *esc = memrchr(data + len - window, '\033', window);
        char copy[ESCAPE_MOST + 1];

        if (!esc)
                return len;
        size_t n = (size_t)(data + len - esc);
        memcpy(copy, esc, n);
        copy[n] = '|'; /* goes if the escape goes on */
        return n == 1 || strip_ansi(copy, n + 1) == 0 ? len - n : len;
}

size_t spool_cut(struct spool_scan *how, const char *data, size_t len)
{
        const char *end;

        how->ends_inside = false;
        bool tokens = how->captures && (how->inside || memchr(data, '<', len));

        if (tokens)
                len = cut_between_tokens(how, data, len);
        if (!how->lines)
                return how->strips ? before_escape(data, len) : len;
        if (tokens)
                return len;
        end = memrchr(data, '\n', len);
        return end ? (size_t)(end - data) + 1 : 0;
}

size_t spool_cut_anyway(const struct spool_scan *how, const char *data, size_t len)
{
        struct look l = { .tokens.inside = how->inside };
        const struct captokens_handler h = { &l, spool_cut_on_text, spool_cut_on_end };

        if (how->captures)
                captokens_feed(&l.tokens, data, len, &h);
        if (len > l.tokens.held)
                len -= l.tokens.held;
        size_t begun =
            how->lines ? utf8_begun(data, len) : 0; /* the rest comes with the next one */
        return len > begun ? len - begun : len;
}
