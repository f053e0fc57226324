/* Capture tokens (compat 15.1). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "logs/intake/capture_tokens.h"

#define BEGIN "<!--XSUPERVISOR:BEGIN-->"
#define END   "<!--XSUPERVISOR:END-->"

/* Plain text as it is, captured text in brackets: "a[one]b". */
struct seen {
        struct buf all;
        bool inside;
};

static void on_text(void *arg, bool inside, const char *data, size_t len)
{
        struct seen *s = arg;

        if (inside && !s->inside)
                buf_putc(&s->all, '[');
        s->inside = inside;
        buf_put(&s->all, data, len);
}

static void on_end(void *arg)
{
        struct seen *s = arg;

        buf_puts(&s->all, s->inside ? "]" : "[]");
        s->inside = false;
}

/* Feed text in pieces of `step` bytes. */
static void feed(const char *text, size_t step, bool flush, const char *want)
{
        struct seen seen = { 0 };
        struct captokens c = { 0 };
        const struct captokens_handler h = { &seen, on_text, on_end };
        size_t len = strlen(text);

        for (size_t at = 0; at < len; at += step)
                captokens_feed(&c, text + at, len - at < step ? len - at : step, &h);
        if (flush)
                captokens_flush(&c, &h);
        cr_expect_str_eq(buf_str(&seen.all), want, "in steps of %zu: '%s'", step,
                         buf_str(&seen.all));
        buf_release(&seen.all);
}

Test(captokens, finds_tokens_however_they_are_split)
{
        for (size_t step = 1; step < 60; step++) {
                feed("x" BEGIN "one" END "y" BEGIN "two" END "z", step, true, "x[one]y[two]z");
                feed(BEGIN END, step, true, "[]");
                feed(BEGIN BEGIN END END, step, true, "[" BEGIN "]" END);
        }
}

Test(captokens, takes_what_only_looks_like_a_token_as_text)
{
        for (size_t step = 1; step < 40; step++) {
                feed("a<b<!c<!--X<<!--XSUPERVISOR:BEGIN->", step, true,
                     "a<b<!c<!--X<<!--XSUPERVISOR:BEGIN->");
                feed("<<" BEGIN "<<<" END "<", step, true, "<<[<<<]<");
                feed(END "plain", step, true, END "plain");
        }
}

Test(captokens, holds_back_a_prefix_only)
{
        feed("short\n", 100, false, "short\n");
        feed("short <", 100, false, "short ");
        feed("short <!--XSUP", 100, false, "short ");
        feed("short <!--XSUP", 3, true, "short <!--XSUP");
        feed("a < b", 100, false, "a < b");
}

Test(captokens, gives_out_an_unfinished_capture_as_it_comes)
{
        feed("a" BEGIN "half", 1, true, "a[half");
}

/* The same by another way: the whole text at once, token by token. */
static void reference(const char *text, struct buf *out)
{
        bool inside = false;

        for (;;) {
                const char *at = strstr(text, inside ? END : BEGIN);
                size_t n = at ? (size_t)(at - text) : strlen(text);
                buf_puts(out, inside && (n || at) ? "[" : "");
                buf_put(out, text, n);
                if (!at)
                        return;
                buf_puts(out, inside ? "]" : "");
                text = at + strlen(inside ? END : BEGIN);
                inside = !inside;
        }
}

Test(captokens, agrees_with_a_search_in_the_whole_text)
{
        static const char *const parts[] = {
                BEGIN, END, "<", "<!--", "<!--XSUPERVISOR:", "E", "x"
        };

        srand(7);
        for (int i = 0; i < 2000; i++) {
                AUTO_BUF text = BUF_INIT;
                AUTO_BUF want = BUF_INIT;
                for (int k = rand() % 12; k >= 0; k--)
                        buf_puts(&text, parts[rand() % 7]);
                reference(buf_str(&text), &want);
                feed(buf_str(&text), 1 + (size_t)rand() % 50, true, buf_str(&want));
        }
}
