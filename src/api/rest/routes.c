/* The table of the JSON API's routes, and how the row of a request is found. */
#include "api/rest/routes.h"

#include <string.h>
#include <strings.h>

#include "api/http/server.h"
#include "api/rest/events.h"
#include "api/rest/rest.h"
#include "api/rest/view.h"
#include "wire/http_parse.h"
#include "wire/percent.h"

/* ---- small ones */

static void get_health(struct request *r, const char *name)
{
        (void)name;
        reply(r, 200, "text/plain", "Cache-Control: no-store\r\n", "ok", 2);
}

static void get_info(struct request *r, const char *name)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        (void)name;
        view_info(&j, r->sup, clock_now());
        rest_reply(r, 200, &text);
}

static void get_events(struct request *r, const char *name)
{
        (void)name;
        events_handle(r);
}

/* ---- the table */

enum method { GET, POST };
enum {
        STREAMS = 1,
        LONG_BODY = 2,
        /* Refused while the daemon ends, as is all that does more than read: what was read last is
         * about to go. */
        UNTIL_END = 4,
};

static const struct rest_route {
        enum method method; /* GET: HEAD too, unless it streams */
        const char *path;
        enum right right;
        unsigned flags;
        void (*handle)(struct request *r, const char *name);
} routes[] = {
        { GET, "/healthz", RIGHT_NONE, 0, get_health },
        { GET, "/v1/info", RIGHT_READ, 0, get_info },
        { GET, "/v1/processes", RIGHT_READ, 0, rest_process_list },
        { GET, "/v1/processes/{}", RIGHT_READ, 0, rest_process },
        { POST, "/v1/processes/{}/start", RIGHT_OPERATE, 0, rest_process_start },
        { POST, "/v1/processes/{}/stop", RIGHT_OPERATE, 0, rest_process_stop },
        { POST, "/v1/processes/{}/restart", RIGHT_OPERATE, 0, rest_process_restart },
        { POST, "/v1/processes/{}/signal", RIGHT_OPERATE, 0, rest_process_signal },
        { POST, "/v1/processes/{}/stdin", RIGHT_OPERATE, LONG_BODY, rest_process_stdin },
        { GET, "/v1/programs", RIGHT_READ, 0, rest_program_list },
        { GET, "/v1/programs/{}", RIGHT_READ, 0, rest_program },
        { POST, "/v1/programs/{}/scale", RIGHT_OPERATE, 0, rest_program_scale },
        { POST, "/v1/reload", RIGHT_CONFIGURE, 0, rest_reload },
        { POST, "/v1/upgrade", RIGHT_ADMIN, 0, rest_upgrade },
        { GET, "/v1/config/processes", RIGHT_READ, UNTIL_END, rest_config_processes },
        { POST, "/v1/config/reread", RIGHT_CONFIGURE, 0, rest_config_reread },
        { POST, "/v1/groups/{}/add", RIGHT_CONFIGURE, 0, rest_group_add },
        { POST, "/v1/groups/{}/remove", RIGHT_CONFIGURE, 0, rest_group_remove },
        { POST, "/v1/shutdown", RIGHT_ADMIN, 0, rest_shutdown },
        { POST, "/v1/restart", RIGHT_ADMIN, 0, rest_restart },
        { GET, "/v1/logs/main", RIGHT_READ, STREAMS, rest_log_main },
        { GET, "/v1/logs/{}/stdout", RIGHT_READ, STREAMS, rest_log_stdout },
        { GET, "/v1/logs/{}/stderr", RIGHT_READ, STREAMS, rest_log_stderr },
        { POST, "/v1/logs/{}/rotate", RIGHT_OPERATE, 0, rest_log_rotate },
        { POST, "/v1/logs/{}/clear", RIGHT_OPERATE, 0, rest_log_clear },
        { GET, "/v1/events", RIGHT_READ, STREAMS, get_events },
        { 0 },
};

bool rest_path_fits(const char *pattern, const char *path, size_t path_len, struct buf *name)
{
        const char *end = path + path_len;

        while (*pattern) {
                if (strncmp(pattern, "{}", 2) != 0) {
                        if (path == end || *path++ != *pattern++)
                                return false;
                        continue;
                }
                const char *slash = memchr(path, '/', (size_t)(end - path));
                size_t len = (size_t)((slash ? slash : end) - path);
                if (len == 0)
                        return false;
                buf_reset(name);
                percent_decode(path, len, false, name);
                path += len;
                pattern += 2;
        }
        return path == end;
}

static bool method_fits(const struct rest_route *t, const struct request *r)
{
        if (t->method == POST)
                return strcmp(r->method, "POST") == 0;
        return strcmp(r->method, "GET") == 0 ||
               (!(t->flags & STREAMS) && strcmp(r->method, "HEAD") == 0);
}

static bool is_json(const char *type)
{
        size_t len = strcspn(type, "; \t");

        return len == 16 && strncasecmp(type, "application/json", 16) == 0;
}

/* The row of this request; NULL: *other, if it is asked for with another method. */
static const struct rest_route *routes_find(const struct request *r, struct buf *name,
                                            const struct rest_route **other)
{
        struct target_parts parts = target_split(r->target);

        *other = NULL;
        for (const struct rest_route *t = routes; t->path; t++) {
                if (!rest_path_fits(t->path, parts.path, parts.path_len, name))
                        continue;
                if (method_fits(t, r))
                        return t;
                *other = t;
        }
        return NULL;
}

struct route_row rest_row(const struct request *r)
{
        AUTO_BUF name = BUF_INIT;
        const struct rest_route *other, *t = routes_find(r, &name, &other);

        return (struct route_row){ .right = t ? t->right : RIGHT_READ,
                                   .body_max =
                                       t && t->flags & LONG_BODY ? HTTP_BODY_MAX : BODY_USUAL };
}

static bool rest_is_takeable(struct request *r, const struct rest_route *t)
{
        const char *type = request_header(r, "Content-Type");
        bool tcp = r->server->kind == SERVER_INET;

        if (t->right <= RIGHT_READ && !(t->flags & UNTIL_END))
                return true;
        /* No page can make a browser send it without asking first. Over the Unix socket, where
         * curl -d says that it is a form, there are no pages. */
        if (tcp && r->body.len > 0 && (!type || !is_json(type)))
                rest_error(r, 400, "BAD_REQUEST", "Content-Type has to be application/json");
        else if (r->sup->daemon_state != DAEMON_RUNNING)
                rest_fault(r, FAULT_SHUTDOWN_STATE, NULL);
        else
                return true;
        return false;
}

void rest_handle(struct request *r)
{
        AUTO_BUF name = BUF_INIT;
        const struct rest_route *other, *t = routes_find(r, &name, &other);

        if (t && (name.failed || strlen(buf_str(&name)) != name.len))
                rest_error(r, 404, "BAD_NAME", "no such name");
        else if (t && rest_is_takeable(r, t))
                t->handle(r, buf_str(&name));
        else if (!t && other)
                rest_error(r, 405, "BAD_REQUEST", "%s is asked for with %s", r->path,
                           other->method == POST ? "POST" : "GET");
        else if (!t)
                rest_error(r, 404, "NOT_FOUND", "there is no %s", r->path);
}
