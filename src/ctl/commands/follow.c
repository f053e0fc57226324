/* One stream to the user, until it ends or Ctrl-C. */
#include "ctl/commands/follow.h"

#include <errno.h>
#include <string.h>

#include "ctl/transport/v1.h"
#include "wire/percent.h"

bool follow_print(void *arg, const char *data, size_t len)
{
        FILE *out = arg;

        return fwrite(data, 1, len, out) == len && fflush(out) == 0;
}

void log_path_put(struct buf *out, const char *name, const char *channel)
{
        buf_puts(out, "/v1/logs/");
        if (name) {
                percent_encode(name, out);
                buf_putc(out, '/');
        }
        buf_printf(out, "%s?rotated=0", name ? channel : "main");
}

static void follow_say_refused(struct ctl *c, const char *path, int status)
{
        const char *url = c->session.url.text;
        size_t len = strlen(url);

        while (len && url[len - 1] == '/')
                len--;
        fprintf(c->err, "%.*s%.*s Cannot read, status code %d\n", (int)len, url,
                (int)strcspn(path, "?"), path, status);
        c->exit_code = EXIT_GENERIC;
}

bool follow(struct ctl *c, const char *what, const char *path, const char *accept, http_sink sink,
            void *arg)
{
        AUTO_REPLY r = REPLY_INIT;
        struct err e = { 0 };
        struct http *h = session_get(&c->session, &r, path, accept);

        if (!h) {
                ctl_say_failed(c, &r);
                return false;
        }
        http_stream(h, sink, arg);
        bool ended = http_finish(h, &e);
        int status = http_answer(h)->status;
        if (ended && status != 200)
                session_judge_stream(h, &r);
        http_free(h);
        if (status == 200)
                return true;
        if (ended && what && r.kind == REPLY_PROBLEM)
                v1_fail(c, &r, what);
        else if (ended)
                follow_say_refused(c, path, status);
        return !ended && e.sys == EINTR;
}
