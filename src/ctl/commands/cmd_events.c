/* events: what happens, as it happens (doc/api.md, Events). */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sanitize.h"
#include "base/unconst.h"
#include "ctl/commands/event_line.h"
#include "ctl/commands/follow.h"
#include "ctl/render/render.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"
#include "wire/percent.h"
#include "wire/sse.h"

/* ---- one line */

static void put_time(struct buf *out, const char *at)
{
        int64_t ms = stamp_parse(at);
        time_t s = (time_t)(ms / 1000);
        struct tm tm;
        char text[16];

        if (ms < 0 || !localtime_r(&s, &tm) || !strftime(text, sizeof text, "%H:%M:%S", &tm))
                buf_puts(out, "-");
        else
                buf_printf(out, "%s.%03d", text, (int)(ms % 1000));
}

static void events_put_value(struct buf *out, const json_t *v)
{
        if (json_is_string(v)) {
                buf_puts(out, json_string_value(v));
        } else if (json_is_object(v) && *json_text(v, "text")) {
                buf_puts(out, json_text(v, "text"));
        } else if (json_is_array(v)) {
                buf_printf(out, "%zu", json_array_size(v));
        } else {
                char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
                buf_puts(out, text ? text : "?");
                free(text);
        }
}

/* Said in their place already, or of no interest to people. */
static bool is_plain_field(const char *key)
{
        static const char *const others[] = { "seq",  "at", "type", "name",    "program",
                                              "from", "to", "was",  "replicas" };

        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                if (strcmp(others[i], key) == 0)
                        return false;
        return true;
}

static bool says_nothing(const json_t *v)
{
        return json_is_null(v) || (json_is_string(v) && !*json_string_value(v)) ||
               (json_is_array(v) && json_array_size(v) == 0);
}

static void events_put_change(struct buf *out, const json_t *event, const char *from,
                              const char *to)
{
        const json_t *a = json_object_get(event, from), *b = json_object_get(event, to);

        if (!b)
                return;
        buf_puts(out, "  ");
        if (a && !json_is_null(a)) {
                events_put_value(out, a);
                buf_puts(out, " -> ");
        }
        events_put_value(out, b);
}

void event_line_put(struct buf *out, const json_t *event)
{
        const char *name = json_text(event, "name"), *program = json_text(event, "program");

        put_time(out, json_text(event, "at"));
        buf_printf(out, "  %s", json_text(event, "type"));
        if (*name || *program)
                buf_printf(out, "  %s", *name ? name : program);
        events_put_change(out, event, "from", "to");
        events_put_change(out, event, "was", "replicas");
        for (void *at = json_object_iter(unconst(event)); at;
             at = json_object_iter_next(unconst(event), at)) {
                const char *key = json_object_iter_key(at);
                const json_t *value = json_object_iter_value(at);
                if (!is_plain_field(key) || says_nothing(value))
                        continue;
                buf_printf(out, "  %s=", key);
                events_put_value(out, value);
        }
        sanitize(out, 0); /* one event, one line */
}

/* ---- the stream */

struct watch {
        struct ctl *ctl;
        bool json;
};

static bool cmd_events_on_event(void *arg, const char *type, const char *data)
{
        struct watch *w = arg;
        FILE *out = w->ctl->out;
        AUTO_BUF line = BUF_INIT;

        (void)type;
        if (w->json) {
                fprintf(out, "%s\n", data);
        } else {
                json_t *event = json_loads(data, 0, NULL);
                if (!event)
                        return true;
                event_line_put(&line, event);
                fprintf(out, "%s\n", buf_str(&line));
                json_decref(event);
        }
        return fflush(out) == 0;
}

static void events_put_path(struct buf *out, const struct args *a)
{
        buf_puts(out, "/v1/events");
        for (size_t i = 0; i < a->words.count; i++) {
                buf_puts(out, i ? "," : "?types=");
                percent_encode(a->words.items[i], out);
        }
}

void cmd_events(struct ctl *c, const struct args *a)
{
        struct watch w = { c, a->json };
        struct sse s = { .on_event = cmd_events_on_event, .arg = &w };
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF path = BUF_INIT;

        /* Asked first in words that every daemon can refuse: a stream cannot ask for a password. */
        if (!session_json(&c->session, &r, "/v1/info", NULL)) {
                v1_fail(c, &r, "events");
                return;
        }
        events_put_path(&path, a);
        if (follow(c, "events", buf_str(&path), "text/event-stream", sse_feed, &s) && !a->json)
                ctl_say(c, "%s", "");
        sse_release(&s);
}
