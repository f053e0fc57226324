/* /logtail/... and /mainlogtail: the last bytes of a log, then what is added (compat 19.1). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/http/server.h"
#include "api/rest/log_stream.h"
#include "engine/core/startup.h"
#include "logs/mainlog/mainlog.h"
#include "model/fleet/registry.h"

#define TAIL_BYTES 1024

static bool is_main(const struct request *r)
{
        return strncmp(r->path, "/mainlogtail", 12) == 0;
}

static void logtail_put_head(const struct request *r, const struct log_part *part, struct buf *head)
{
        time_t at = (time_t)(part->mtime_ms / 1000);
        struct tm tm;
        char line[80];

        if (gmtime_r(&at, &tm) &&
            strftime(line, sizeof line, "Last-Modified: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm))
                buf_puts(head, line);
        if (!is_main(r))
                buf_puts(head, "X-Accel-Buffering: no\r\n");
}

static void logtail_refuse(struct request *r, const struct log_part *part)
{
        reply_error_page(r, part && part->result == TAIL_SILENT ? 504 : 404);
}

static void logtail_send_tail(struct request *r, const char *path, uid_t owner)
{
        struct log_stream_how how = {
                .ask = { .path = path,
                         .from = { .from = FROM_TAIL,
                                   .value = TAIL_BYTES,
                                   .owner = owner,
                                   .here_only = true },
                         .marks = true },
                .type = "text/plain;charset=utf-8",
                .put_head = logtail_put_head,
                .refuse = logtail_refuse,
        };

        if (path)
                log_stream_begin(r, &how);
        else
                logtail_refuse(r, NULL);
}

/* "/logtail/NAMESPEC[/CHANNEL]"; the path is decoded. */
static const char *path_asked_for(const struct request *r, uid_t *owner)
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
        *owner = p ? log_owner_of(p, is_stderr) : 0;
        return p ? log_path_of(p, is_stderr) : NULL;
}

void logtail_handle(struct request *r)
{
        uid_t owner = user_owner(&r->sup->config->settings.user);
        const char *path;

        if (strcmp(r->method, "GET") != 0) {
                reply_error_page(r, 400);
                return;
        }
        if (is_main(r))
                path =
                    startup_of(r->sup)->mainlog ? mainlog_path(startup_of(r->sup)->mainlog) : NULL;
        else
                path = path_asked_for(r, &owner);
        logtail_send_tail(r, path, owner);
}
