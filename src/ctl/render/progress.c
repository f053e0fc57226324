/* The line that says what a command waits for: asked on a connection of its own, twice a second. */
#include "ctl/render/progress.h"

#include <string.h>

#include "base/state.h"
#include "ctl/commands/names.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"

#define TICK_MS 500

static bool is_meant(const struct strlist *words, const json_t *process)
{
        for (size_t i = 0; i < words->count; i++)
                if (strcmp(words->items[i], "all") == 0 ||
                    process_fits(name_is_exact, words->items[i], process))
                        return true;
        return false;
}

static bool on_the_way(int64_t state)
{
        return state == STATE_STARTING || state == STATE_STOPPING || state == STATE_BACKOFF;
}

bool progress_line(struct buf *out, const json_t *processes, const struct strlist *words)
{
        const json_t *first = NULL;
        size_t count = 0;

        for (size_t i = 0; i < json_array_size(processes); i++) {
                const json_t *p = json_array_get(processes, i);
                if (!on_the_way(json_int(p, "statecode")) || !is_meant(words, p))
                        continue;
                count++;
                first = first ? first : p;
        }
        if (!first)
                return false;
        buf_puts(out, "waiting for ");
        process_put_name(out, first);
        buf_printf(out, " (%s)", json_text(first, "state"));
        if (count > 1)
                buf_printf(out, " and %zu more", count - 1);
        return true;
}

static void on_tick(void *arg)
{
        struct progress *p = arg;
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF line = BUF_INIT;
        struct session side = p->ctl->session; /* the same daemon, without ticking in the tick */

        side.wait = p->before;
        side.ask = NULL;
        if (!session_json(&side, &r, "/v1/processes?fields=" NAME_FIELDS ",state,statecode",
                          NULL) ||
            !progress_line(&line, v1_items(r.json), p->words))
                return;
        progress_clear(p);
        fputs(buf_str(&line), p->ctl->out);
        fflush(p->ctl->out);
        p->shown = (int)line.len;
}

void progress_begin(struct progress *p, struct ctl *c, const struct strlist *words)
{
        *p = (struct progress){ .words = words,
                                .ctl = c->tty_out ? c : NULL,
                                .before = c->session.wait };
        if (!p->ctl)
                return;
        c->session.wait.tick_ms = TICK_MS;
        c->session.wait.on_tick = on_tick;
        c->session.wait.arg = p;
}

void progress_clear(struct progress *p)
{
        if (!p->shown)
                return;
        fprintf(p->ctl->out, "\r%*s\r", p->shown, "");
        p->shown = 0;
}

void progress_end(struct progress *p)
{
        progress_clear(p);
        if (p->ctl)
                p->ctl->session.wait = p->before;
}
