/* The prompt: reads lines with libedit on a terminal and plainly elsewhere, and runs each as a
 * command. History and completion are connected here. */
#include "ctl/shell.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/commands/complete.h"
#include "ctl/render/render.h"

#define HISTORY_LINES 1000

/* ---- without a terminal */

static void plain_loop(struct ctl *c)
{
        AUTO_BUF line = BUF_INIT;

        while (!c->leave) {
                fprintf(c->out, "%s> ", c->prompt);
                fflush(c->out);
                if (input_line(&c->in, &line) != INPUT_LINE) {
                        fputc('\n', c->out);
                        return;
                }
                ctl_run(c, buf_str(&line));
        }
}

/* ---- with one */

struct shell {
        struct ctl *ctl;
        EditLine *el;
        History *history;
        char prompt[128];
        bool interrupted;
};

static struct shell *shell_of(EditLine *el)
{
        struct shell *s = NULL;

        el_get(el, EL_CLIENTDATA, &s);
        return s;
}

static char *on_prompt(EditLine *el)
{
        return shell_of(el)->prompt;
}

/* One character for libedit: waits for the keyboard and for Ctrl-C. */
static int on_getchar(EditLine *el, wchar_t *out)
{
        struct shell *s = shell_of(el);
        mbstate_t state = { 0 };
        struct err e = { 0 };
        char byte;

        for (;;) {
                if (http_wait_fd(s->ctl->in.fd, POLLIN, s->ctl->in.interrupt_fd, -1, &e) < 0) {
                        s->interrupted = true;
                        return -1;
                }
                ssize_t n = read(s->ctl->in.fd, &byte, 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return (int)n;
                size_t len = mbrtowc(out, &byte, 1, &state);
                if (len == (size_t)-2)
                        continue; /* the rest of the character is still to come */
                if (len == (size_t)-1)
                        *out = (wchar_t)(unsigned char)byte;
                return 1;
        }
}

static void show_candidates(struct ctl *c, const struct strlist *candidates)
{
        AUTO_BUF text = BUF_INIT;

        columns_put(&text, (const char *const *)candidates->items, candidates->count, 79);
        fprintf(c->out, "\n%s", buf_str(&text));
        fflush(c->out);
}

/* Insert what all candidates have in common behind what is typed, and a blank when it is the only
 * one. False: nothing to insert. */
static bool insert_rest(EditLine *el, const struct strlist *candidates, size_t typed)
{
        AUTO_BUF rest = BUF_INIT;

        buf_put(&rest, candidates->items[0] + typed, complete_common(candidates) - typed);
        if (candidates->count == 1)
                buf_putc(&rest, ' ');
        return rest.len && !rest.failed && el_insertstr(el, rest.data) == 0;
}

static unsigned char on_tab(EditLine *el, int ch)
{
        struct shell *s = shell_of(el);
        const LineInfo *li = el_line(el);
        size_t cursor = (size_t)(li->cursor - li->buffer), start = 0;
        AUTO_BUF line = BUF_INIT;
        AUTO_STRLIST candidates = STRLIST_INIT;
        struct known known = { 0 };

        (void)ch;
        buf_put(&line, li->buffer, cursor);
        if (complete_wants_names(buf_str(&line), cursor))
                known_fetch(s->ctl, &known);
        bool ok = complete_line(buf_str(&line), cursor, &known, &candidates, &start);
        known_release(&known);
        if (!ok || !candidates.count)
                return CC_REFRESH_BEEP;
        if (insert_rest(el, &candidates, cursor - start))
                return CC_REFRESH;
        show_candidates(s->ctl, &candidates);
        return CC_REDISPLAY;
}

static bool shell_open(struct shell *s)
{
        HistEvent ev;

        setlocale(LC_CTYPE, ""); /* characters of several bytes are typed as one */
        s->el = el_init("supervisorctl", stdin, s->ctl->out, s->ctl->err);
        s->history = history_init();
        if (!s->el || !s->history)
                return false;
        history(s->history, &ev, H_SETSIZE, HISTORY_LINES);
        history(s->history, &ev, H_SETUNIQUE, 1);
        if (s->ctl->history_file)
                history(s->history, &ev, H_LOAD, s->ctl->history_file);
        el_set(s->el, EL_CLIENTDATA, s);
        el_set(s->el, EL_PROMPT, on_prompt);
        el_set(s->el, EL_EDITOR, "emacs");
        el_set(s->el, EL_SIGNAL, 0);
        el_set(s->el, EL_GETCFN, on_getchar);
        el_set(s->el, EL_HIST, history, s->history);
        el_set(s->el, EL_ADDFN, "offer", "Complete the word", on_tab);
        el_set(s->el, EL_BIND, "^I", "offer", NULL);
        el_set(s->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
        return true;
}

static void shell_close(struct shell *s)
{
        HistEvent ev;

        if (s->history && s->ctl->history_file)
                history(s->history, &ev, H_SAVE, s->ctl->history_file);
        if (s->history)
                history_end(s->history);
        if (s->el)
                el_end(s->el);
}

static void edit_loop(struct shell *s)
{
        struct ctl *c = s->ctl;
        HistEvent ev;
        int count;

        while (!c->leave) {
                const char *line = el_gets(s->el, &count);
                if (!line || count <= 0) {
                        fputc('\n', c->out);
                        return;
                }
                AUTO_BUF text = BUF_INIT;
                buf_put(&text, line, strcspn(line, "\n"));
                if (text.len)
                        history(s->history, &ev, H_ENTER, buf_str(&text));
                ctl_run(c, buf_str(&text));
        }
}

void shell_run(struct ctl *c)
{
        struct shell s = { .ctl = c };

        ctl_run(c, "status");
        if (!c->tty_in || !c->tty_out) {
                plain_loop(c);
                return;
        }
        snprintf(s.prompt, sizeof s.prompt, "%s> ", c->prompt);
        if (shell_open(&s))
                edit_loop(&s);
        else
                plain_loop(c);
        shell_close(&s);
}
