/* The protocol of event listeners as a machine over bytes (compat 17.2): the same news however the
 * bytes are cut. Never reads or writes a descriptor. */
#include "model/unit/listener_proto.h"

#include <string.h>

static const char ready_token[] = "READY\n";
static const char ready_line[] = "READY";
static const char result_token[] = "RESULT ";
static const char ok_body[] = "OK";

#define PAUSE_MS     500 /* after the second refusal; doubles */
#define PAUSE_MAX_MS 60000

#define LENGTH(literal) (sizeof(literal) - 1)

void listener_proto_begin(struct listener_proto *lp)
{
        *lp = (struct listener_proto){ .state = LISTENER_ACKNOWLEDGED };
}

void listener_proto_sent(struct listener_proto *lp)
{
        *lp = (struct listener_proto){ .state = LISTENER_BUSY,
                                       .unsure = lp->unsure,
                                       .body = lp->body };
}

const char *listener_state_name(enum listener_state s)
{
        switch (s) {
        case LISTENER_READY:
                return "READY";
        case LISTENER_BUSY:
                return "BUSY";
        case LISTENER_ACKNOWLEDGED:
                return "ACKNOWLEDGED";
        case LISTENER_UNKNOWN:
                break;
        }
        return "UNKNOWN";
}

static void listener_proto_take(const char **data, size_t *len, size_t n)
{
        *data += n;
        *len -= n;
}

static enum listener_news listener_proto_give_up(struct listener_proto *lp, enum listener_news why)
{
        lp->state = LISTENER_UNKNOWN;
        return why;
}

static enum listener_news read_ready(struct listener_proto *lp, const char **data, size_t *len)
{
        while (*len) {
                if (**data != ready_token[lp->matched])
                        return listener_proto_give_up(lp, LISTENER_BROKE);
                listener_proto_take(data, len, 1);
                if (++lp->matched < LENGTH(ready_token))
                        continue;
                lp->state = LISTENER_READY;
                lp->matched = 0;
                return LISTENER_IS_READY;
        }
        return LISTENER_QUIET;
}

/* Digits, with blanks around them and a plus sign in front: what Python's int() reads, so that a
 * listener may send it. */
static bool read_length(const char *text, size_t *out)
{
        size_t value = 0;

        text += strspn(text, " \t\r");
        if (*text == '+')
                text++;
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || text[digits + strspn(text + digits, " \t\r")] != '\0')
                return false;
        for (; digits; digits--, text++) {
                value = value * 10 + (size_t)(*text - '0');
                if (value > LISTENER_RESULT_MAX) /* stays there: beyond bounds, not wrapped */
                        value = LISTENER_RESULT_MAX + 1;
        }
        *out = value;
        return true;
}

static enum listener_news listener_proto_repeated(struct listener_proto *lp)
{
        *lp = (struct listener_proto){ .state = lp->state, .body = lp->body };
        return LISTENER_REPEATED;
}

static enum listener_news finish_body(struct listener_proto *lp)
{
        bool ok = lp->body_is_ok && lp->body_len == LENGTH(ok_body);

        if (lp->state != LISTENER_BUSY)
                return listener_proto_repeated(lp);
        *lp = (struct listener_proto){ .state = LISTENER_ACKNOWLEDGED, .body = lp->body };
        return ok ? LISTENER_OK : LISTENER_FAIL;
}

static enum listener_news finish_ready(struct listener_proto *lp)
{
        if (lp->state != LISTENER_ACKNOWLEDGED)
                return listener_proto_repeated(lp);
        *lp = (struct listener_proto){ .state = LISTENER_READY, .body = lp->body };
        return LISTENER_IS_READY;
}

static enum listener_news finish_line(struct listener_proto *lp)
{
        lp->line[lp->line_len] = '\0';
        if (lp->unsure && strcmp(lp->line, ready_line) == 0)
                return finish_ready(lp);
        if (strlen(lp->line) != lp->line_len || /* a NUL in it */
            strncmp(lp->line, result_token, LENGTH(result_token)) != 0 ||
            !read_length(lp->line + LENGTH(result_token), &lp->body_len))
                return listener_proto_give_up(lp, LISTENER_BAD_LINE);
        if (lp->body_len > LISTENER_RESULT_MAX || lp->state == LISTENER_READY)
                return listener_proto_give_up(lp, LISTENER_BROKE);
        lp->in_body = true;
        lp->body_seen = 0;
        lp->body_is_ok = true;
        if (lp->body)
                buf_reset(lp->body);
        return lp->body_len == 0 ? finish_body(lp) : LISTENER_QUIET;
}

static enum listener_news read_line(struct listener_proto *lp, const char **data, size_t *len)
{
        const char *end = memchr(*data, '\n', *len);
        size_t n = end ? (size_t)(end - *data) : *len;
        size_t room = LISTENER_LINE_MAX - lp->line_len;

        memcpy(lp->line + lp->line_len, *data, n < room ? n : room);
        lp->line_len += n < room ? n : room;
        if (n > room) {
                lp->line[lp->line_len] = '\0';
                return listener_proto_give_up(lp, LISTENER_BAD_LINE);
        }
        listener_proto_take(data, len, end ? n + 1 : n);
        return end ? finish_line(lp) : LISTENER_QUIET;
}

static enum listener_news read_body(struct listener_proto *lp, const char **data, size_t *len)
{
        size_t n = lp->body_len - lp->body_seen;

        if (n > *len)
                n = *len;
        for (size_t i = 0; i < n && lp->body_is_ok; i++) {
                size_t at = lp->body_seen + i;
                lp->body_is_ok = at < LENGTH(ok_body) && (*data)[i] == ok_body[at];
        }
        if (lp->body)
                buf_put(lp->body, *data, n);
        lp->body_seen += n;
        listener_proto_take(data, len, n);
        return lp->body_seen == lp->body_len ? finish_body(lp) : LISTENER_QUIET;
}

static enum listener_news listener_proto_swallow(struct listener_proto *lp, const char **data,
                                                 size_t *len)
{
        (void)lp;
        listener_proto_take(data, len, *len);
        return LISTENER_QUIET;
}

static enum listener_news listener_proto_step(struct listener_proto *lp, const char **data,
                                              size_t *len)
{
        if (lp->state == LISTENER_UNKNOWN)
                return listener_proto_swallow(lp, data, len);
        if (lp->in_body)
                return read_body(lp, data, len);
        if (lp->state == LISTENER_BUSY || lp->unsure)
                return read_line(lp, data, len);
        if (lp->state == LISTENER_ACKNOWLEDGED)
                return read_ready(lp, data, len);
        return listener_proto_give_up(lp, LISTENER_BROKE);
}

enum listener_news listener_proto_feed(struct listener_proto *lp, const char **data, size_t *len)
{
        while (*len) {
                enum listener_news news = listener_proto_step(lp, data, len);
                if (news != LISTENER_QUIET)
                        return news;
        }
        return LISTENER_QUIET;
}

bool listener_proto_is_inside(const struct listener_proto *lp)
{
        return lp->state != LISTENER_UNKNOWN && (lp->matched || lp->line_len || lp->in_body);
}

/* ---- refusals */

int64_t listener_pause_ms(unsigned refusals)
{
        int64_t pause = refusals < 2 ? 0 : PAUSE_MS;

        while (refusals-- > 2 && pause < PAUSE_MAX_MS)
                pause *= 2;
        return pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS;
}

/* ---- supervisor_stdout */

/* The value of `key:` in a line of such pairs; its length, 0 where there is none. */
static size_t find_value(const char *line, size_t len, const char *key, const char **value_out)
{
        size_t key_len = strlen(key);

        for (const char *end = line + len; line < end; line++) {
                const char *blank = memchr(line, ' ', (size_t)(end - line));
                size_t word = (size_t)((blank ? blank : end) - line);
                if (word > key_len && memcmp(line, key, key_len) == 0 && line[key_len] == ':') {
                        *value_out = line + key_len + 1;
                        return word - key_len - 1;
                }
                line += word;
        }
        return 0;
}

static void listener_proto_put_line(struct buf *out, const char *line, size_t len)
{
        buf_put(out, line, len);
        buf_putc(out, '\n');
}

void listener_stdout_text(const char *body, size_t len, struct buf *out)
{
        const char *end = body + len, *header_end = len ? memchr(body, '\n', len) : NULL;
        size_t header = header_end ? (size_t)(header_end - body) : 0;
        const char *process = NULL, *channel = NULL;
        size_t process_len = find_value(body, header, "processname", &process);
        size_t channel_len = find_value(body, header, "channel", &channel);
        bool is_log = process_len && channel_len;

        for (const char *at = is_log ? header_end + 1 : body; at < end;) {
                const char *stop = memchr(at, '\n', (size_t)(end - at));
                if (is_log) {
                        buf_put(out, process, process_len);
                        buf_putc(out, ' ');
                        buf_put(out, channel, channel_len);
                        buf_puts(out, " | ");
                }
                listener_proto_put_line(out, at, (size_t)((stop ? stop : end) - at));
                at = stop ? stop + 1 : end;
        }
}
