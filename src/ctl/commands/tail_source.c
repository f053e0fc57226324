/* One log of the daemon's: its bytes in their order, each once, whatever happens to connections,
 * files and the daemon in between. The offset is what makes that so: it counts the bytes that came,
 * and every question says it. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands/tail.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"
#include "wire/percent.h"

#define PAGE_BYTES    (16 << 20) /* an answer of this size is not all there is */
#define DEFAULT_LINES 10
#define BUSY_TRIES    100
#define BUSY_MS       20

struct tail_source *tail_source_new(struct tail_out *to, const char *name, bool is_stderr)
{
        struct tail_source *s = calloc(1, sizeof *s);

        if (!s)
                return NULL;
        s->name = strdup(name);
        s->is_stderr = is_stderr;
        s->lines = (struct tail_lines){ .to = to, .name = s->name, .is_stderr = is_stderr };
        if (s->name)
                return s;
        free(s);
        return NULL;
}

void tail_source_free(struct tail_source *s)
{
        if (!s)
                return;
        http_free(s->stream);
        tail_lines_release(&s->lines);
        free(s->name);
        free(s);
}

static void tail_source_note(const struct tail_source *s, const char *text)
{
        struct ctl *c = s->lines.to->ctl;

        fflush(c->out);
        fprintf(c->err, "tail: %s %s: %s\n", s->name, s->is_stderr ? "stderr" : "stdout", text);
}

/* ---- questions */

static void tail_source_put_path(struct buf *out, const struct tail_source *s)
{
        buf_puts(out, "/v1/logs/");
        percent_encode(s->name, out);
        buf_puts(out, s->is_stderr ? "/stderr" : "/stdout");
}

static void put_offset(struct buf *out, const struct tail_source *s)
{
        buf_printf(out, "?offset=%" PRId64, s->offset);
        if (*s->life)
                buf_printf(out, "&life=%s", s->life);
}

/* What the head of an answer says of the bytes behind it. */
static void take_head(struct tail_source *s, const struct http_answer *a, bool first)
{
        AUTO_BUF offset = BUF_INIT, life = BUF_INIT, since = BUF_INIT;
        int64_t at = s->offset;

        if (http_header(a, "x-log-offset", &offset))
                at = strtoll(buf_str(&offset), NULL, 10);
        if (!first && at > s->offset)
                tail_source_note(s, "some of it was rotated away before it could be read");
        s->offset = at;
        if (http_header(a, "x-log-life", &life) && life.len < sizeof s->life)
                memcpy(s->life, buf_str(&life), life.len + 1);
        if (http_header(a, "x-log-since", &since) && !s->lines.to->vague)
                tail_source_note(
                    s, "its lines carry no time: some may be older than --since says (so may "
                       "others' be)");
        s->lines.to->vague = s->lines.to->vague || since.len;
}

/* Refused: the bytes that the offset counts cannot be had. Go on where the daemon says. */
static void begin_anew(struct tail_source *s, int64_t at)
{
        if (s->offset != at) /* else nothing had come by the old count either */
                tail_source_note(
                    s,
                    "it is counted anew, by another daemon or for another process: going on with "
                    "what came since; the last lines before that may be missing");
        tail_lines_end(&s->lines);
        s->offset = at;
        s->life[0] = '\0';
}

enum judged { JUDGED_AGAIN, JUDGED_LATER, JUDGED_NOTHING, JUDGED_STOP };

static enum judged tail_source_judge(struct ctl *c, struct tail_source *s, const struct reply *r)
{
        const char *code = r->kind == REPLY_PROBLEM ? json_text(r->json, "code") : "";
        bool astray = strcmp(code, "MOVED_AWAY") == 0;

        if (strcmp(code, "GONE") == 0 && *s->life) {
                begin_anew(s, json_int(r->json, "offset"));
                return JUDGED_AGAIN;
        }
        if (strcmp(code, "BUSY") == 0)
                return JUDGED_LATER;
        if (astray && !s->missing)
                tail_source_note(
                    s, "its file was moved away: waiting for the daemon to begin another one "
                       "(SIGUSR2)");
        s->missing = astray || strcmp(code, "NO_FILE") == 0;
        s->gone = strcmp(code, "BAD_NAME") == 0;
        if (s->missing || s->gone)
                return JUDGED_NOTHING;
        v1_fail(c, r, "tail of several logs");
        return JUDGED_STOP;
}

static bool pause_a_little(struct ctl *c)
{
        struct err e;

        return http_wait_fd(-1, 0, c->session.wait.interrupt_fd, BUSY_MS, &e) == 0;
}

/* ---- pages: answers that end */

static enum tail_got tail_source_connect_to(struct ctl *c, const char *path, struct http **out,
                                            struct reply *r)
{
        *out = session_get(&c->session, r, path, NULL);
        if (*out)
                return TAIL_GOT;
        return r->kind == REPLY_DOWN ? TAIL_DOWN : TAIL_STOP;
}

static enum tail_got read_page(struct ctl *c, struct tail_source *s, const char *path, bool first,
                               size_t *len_out, struct reply *r)
{
        struct http *h;
        struct err e = { 0 };
        enum tail_got got = tail_source_connect_to(c, path, &h, r);

        if (got != TAIL_GOT)
                return got;
        bool whole = http_finish(h, &e);
        const struct http_answer *a = http_answer(h);
        if (!whole) {
                got = e.sys == EINTR ? TAIL_STOP : TAIL_DOWN;
        } else if (a->status == 200) {
                take_head(s, a, first);
                tail_lines_feed(&s->lines, buf_str(&a->body), a->body.len);
                s->offset += (int64_t)a->body.len;
                *len_out = a->body.len;
        } else {
                session_judge_stream(h, r);
                got = TAIL_NOTHING;
        }
        http_free(h);
        return got;
}

/* One page, however often it has to be asked for. */
static enum tail_got next_page(struct ctl *c, struct tail_source *s, const char *query, bool first,
                               size_t *len_out, struct reply *r)
{
        for (int tries = 0; tries < BUSY_TRIES; tries++) {
                AUTO_BUF path = BUF_INIT;
                tail_source_put_path(&path, s);
                if (query)
                        buf_puts(&path, query);
                else
                        put_offset(&path, s);
                enum tail_got got = read_page(c, s, buf_str(&path), first, len_out, r);
                if (got != TAIL_NOTHING)
                        return got;
                enum judged j = tail_source_judge(c, s, r);
                if (j == JUDGED_NOTHING || j == JUDGED_STOP)
                        return j == JUDGED_STOP ? TAIL_STOP : TAIL_NOTHING;
                if (j == JUDGED_LATER && !pause_a_little(c))
                        return TAIL_STOP;
        }
        v1_fail(c, r, "tail of several logs");
        return TAIL_STOP;
}

enum tail_got tail_source_go_on(struct ctl *c, struct tail_source *s, struct reply *r)
{
        enum tail_got got = TAIL_GOT;

        for (size_t len = PAGE_BYTES; got == TAIL_GOT && len >= PAGE_BYTES;)
                got = next_page(c, s, NULL, false, &len, r);
        return got;
}

static void put_query(struct buf *out, const struct tail_ask *a)
{
        if (a->lines == 0) {
                buf_puts(out, "?lines=0");
        } else if (a->since) {
                buf_puts(out, "?since=");
                percent_encode(a->since, out);
        } else if (a->has_grep) {
                buf_printf(out, "?offset=%" PRId64, INT64_MIN / 2); /* the oldest there is */
        } else {
                buf_printf(out, "?lines=%" PRId64, a->lines < 0 ? DEFAULT_LINES : a->lines);
        }
}

enum tail_got tail_source_read(struct ctl *c, struct tail_source *s, struct reply *r)
{
        const struct tail_ask *a = s->lines.to->ask;
        AUTO_BUF query = BUF_INIT;
        size_t len = 0;

        put_query(&query, a);
        if (a->lines > 0 && (a->since || a->has_grep))
                s->lines.ring_size = (size_t)a->lines;
        enum tail_got got = next_page(c, s, buf_str(&query), true, &len, r);
        if (got == TAIL_GOT && len >= PAGE_BYTES)
                got = tail_source_go_on(c, s, r);
        if (!a->follow)
                tail_lines_end(&s->lines);
        tail_lines_show(&s->lines);
        return got;
}

/* ---- streams: answers that go on */

static bool on_bytes(void *arg, const char *data, size_t len)
{
        struct tail_source *s = arg;

        if (!s->begun)
                take_head(s, http_answer(s->stream), false);
        s->begun = true;
        tail_lines_feed(&s->lines, data, len);
        s->offset += (int64_t)len;
        return !ferror(s->lines.to->out);
}

enum tail_got tail_source_follow(struct ctl *c, struct tail_source *s, struct reply *r)
{
        AUTO_BUF path = BUF_INIT;

        tail_source_put_path(&path, s);
        put_offset(&path, s);
        buf_puts(&path, "&follow=1");
        enum tail_got got = tail_source_connect_to(c, buf_str(&path), &s->stream, r);
        if (got != TAIL_GOT)
                return got;
        s->begun = s->missing = false;
        http_stream(s->stream, on_bytes, s);
        return TAIL_GOT;
}

bool tail_source_pump(struct tail_source *s)
{
        struct err e = { 0 };
        enum http_step step = http_feed(s->stream, &e);

        if (step == HTTP_MORE)
                return true;
        http_free(s->stream);
        s->stream = NULL;
        return false;
}
