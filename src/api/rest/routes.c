/* The table of the JSON API's routes, and how the row of a request is found. */
#include "api/rest/routes.h"

#include <string.h>
#include <strings.h>

#include "api/http/server.h"
#include "api/rest/events.h"
#include "api/rest/rest.h"
#include "api/rest/view.h"
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

static const struct rest_route {
        enum method method; /* GET: HEAD too, unless it streams */
        const char *path;
        bool streams;
        void (*handle)(struct request *r, const char *name);
} routes[] = {
        { GET, "/healthz", false, get_health },
        { GET, "/v1/info", false, get_info },
        { GET, "/v1/processes", false, rest_process_list },
        { GET, "/v1/processes/{}", false, rest_process },
        { POST, "/v1/processes/{}/start", false, rest_process_start },
        { POST, "/v1/processes/{}/stop", false, rest_process_stop },
        { POST, "/v1/processes/{}/restart", false, rest_process_restart },
        { POST, "/v1/processes/{}/signal", false, rest_process_signal },
        { POST, "/v1/processes/{}/stdin", false, rest_process_stdin },
        { GET, "/v1/programs", false, rest_program_list },
        { GET, "/v1/programs/{}", false, rest_program },
        { POST, "/v1/programs/{}/scale", false, rest_program_scale },
        { POST, "/v1/reload", false, rest_reload },
        { POST, "/v1/upgrade", false, rest_upgrade },
        { GET, "/v1/config/processes", false, rest_config_processes },
        { POST, "/v1/config/reread", false, rest_config_reread },
        { POST, "/v1/groups/{}/add", false, rest_group_add },
        { POST, "/v1/groups/{}/remove", false, rest_group_remove },
        { POST, "/v1/shutdown", false, rest_shutdown },
        { POST, "/v1/restart", false, rest_restart },
        { GET, "/v1/logs/main", true, rest_log_main },
        { GET, "/v1/logs/{}/stdout", true, rest_log_stdout },
        { GET, "/v1/logs/{}/stderr", true, rest_log_stderr },
        { POST, "/v1/logs/{}/rotate", false, rest_log_rotate },
        { POST, "/v1/logs/{}/clear", false, rest_log_clear },
        { GET, "/v1/events", true, get_events },
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
        return strcmp(r->method, "GET") == 0 || (!t->streams && strcmp(r->method, "HEAD") == 0);
}

/* ---- who may */

static bool is_json(const char *type)
{
        size_t len = strcspn(type, "; \t");

        return len == 16 && strncasecmp(type, "application/json", 16) == 0;
}

static bool rest_is_allowed(struct request *r, const struct rest_route *t)
{
        const char *type = request_header(r, "Content-Type");
        bool tcp = r->server->kind == SERVER_INET;

        if (t->handle == get_health)
                return true;
        if (t->method != POST)
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
        struct target_parts parts = target_split(r->target);
        AUTO_BUF name = BUF_INIT;
        const struct rest_route *other = NULL;

        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
                const struct rest_route *t = &routes[i];
                if (!rest_path_fits(t->path, parts.path, parts.path_len, &name))
                        continue;
                if (!method_fits(t, r)) {
                        other = t;
                        continue;
                }
                if (name.failed || strlen(buf_str(&name)) != name.len)
                        rest_error(r, 404, "BAD_NAME", "no such name");
                else if (rest_is_allowed(r, t))
                        t->handle(r, buf_str(&name));
                return;
        }
        if (other)
                rest_error(r, 405, "BAD_REQUEST", "%s is asked for with %s", r->path,
                           other->method == POST ? "POST" : "GET");
        else
                rest_error(r, 404, "NOT_FOUND", "there is no %s", r->path);
}
