/* /logtail/... and /mainlogtail: the last bytes of a log, then what is added (compat 19.1). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/log_stream.h"
#include "api/server.h"
#include "logs/mainlog.h"
#include "model/registry.h"

#define TAIL_BYTES 1024

static void send_tail(struct request *r, const char *path, const char *extra)
{
        struct stat st;
        struct tm tm;
        char head[200] = "";

        if (!log_readable(path, &st)) {
                reply_error_page(r, 404);
                return;
        }
        if (gmtime_r(&st.st_mtime, &tm))
                strftime(head, sizeof head, "Last-Modified: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        strncat(head, extra, sizeof head - strlen(head) - 1);
        struct log_stream_how how = {
                .back = TAIL_BYTES, .type = "text/plain;charset=utf-8", .extra = head, .marks = true
        };
        if (!log_stream_begin(r, path, &how))
                reply_error_page(r, 404);
}

/* "/logtail/NAMESPEC[/CHANNEL]"; the path is decoded. */
static const char *path_asked_for(const struct request *r)
{
        AUTO_BUF name = BUF_INIT;
        const char *at = r->path + strlen("/logtail");

        if (*at++ != '/')
                return NULL;
        size_t len = strcspn(at, "/");
        const char *channel = at[len] == '/' ? at + len + 1 : "stdout";
        bool is_stderr = strcmp(channel, "stderr") == 0;

        buf_put(&name, at, len);
        if (name.failed || (!is_stderr && strcmp(channel, "stdout") != 0))
                return NULL;
        const struct process *p = registry_process(&r->sup->registry, buf_str(&name));
        return p ? log_path_of(p, is_stderr) : NULL;
}

void logtail_handle(struct request *r)
{
        if (strcmp(r->method, "GET") != 0)
                reply_error_page(r, 400);
        else if (strncmp(r->path, "/mainlogtail", 12) == 0)
                send_tail(r, r->sup->mainlog ? mainlog_path(r->sup->mainlog) : NULL, "");
        else
                send_tail(r, path_asked_for(r), "X-Accel-Buffering: no\r\n");
}
