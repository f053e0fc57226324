/* Finds the tokens of capture mode in a stream that comes in pieces (compat 15.1). Holds back
 * nothing but what may be the beginning of a token. */
#include "logs/intake/capture_tokens.h"

#include <string.h>

static const struct token {
        const char *text;
        size_t len;
} tokens[] = {
        /* by `inside`: what to look for */
        { "<!--XSUPERVISOR:BEGIN-->", 24 },
        { "<!--XSUPERVISOR:END-->", 22 },
};

static void token_found(struct captokens *c, const struct captokens_handler *h)
{
        c->held = 0;
        c->inside = !c->inside;
        if (!c->inside)
                h->on_end(h->arg);
}

/* Go on comparing a token that began in an earlier piece. Returns how many bytes of data belong to
 * it. '<' is in a token only as its first character, so what did not become a token is text as a
 * whole: no other token can begin within it. */
static size_t go_on_with_held(struct captokens *c, const char *data, size_t len,
                              const struct captokens_handler *h)
{
        const struct token *t = &tokens[c->inside];
        size_t used = 0;

        while (used < len && c->held < t->len && data[used] == t->text[c->held]) {
                used++;
                c->held++;
        }
        if (c->held == t->len)
                token_found(c, h);
        else if (used < len)
                captokens_flush(c, h);
        return used;
}

/* How many bytes at the end of data are a proper prefix of the token. */
static size_t prefix_at_end(const struct token *t, const char *data, size_t len)
{
        size_t window = len < t->len - 1 ? len : t->len - 1;
        const char *begin = memrchr(data + len - window, '<', window);

        if (!begin)
                return 0;
        size_t n = (size_t)(data + len - begin);
        return memcmp(begin, t->text, n) == 0 ? n : 0;
}

void captokens_feed(struct captokens *c, const char *data, size_t len,
                    const struct captokens_handler *h)
{
        while (len > 0) {
                if (c->held) {
                        size_t used = go_on_with_held(c, data, len, h);
                        data += used;
                        len -= used;
                        continue;
                }
                const struct token *t = &tokens[c->inside];
                const char *at = memmem(data, len, t->text, t->len);
                size_t held = at ? 0 : prefix_at_end(t, data, len);
                size_t text = at ? (size_t)(at - data) : len - held;
                if (text)
                        h->on_text(h->arg, c->inside, data, text);
                data += text + (at ? t->len : held);
                len -= text + (at ? t->len : held);
                c->held = held;
                if (at)
                        token_found(c, h);
        }
}

void captokens_flush(struct captokens *c, const struct captokens_handler *h)
{
        size_t held = c->held;

        c->held = 0;
        if (held)
                h->on_text(h->arg, c->inside, tokens[c->inside].text, held);
}
