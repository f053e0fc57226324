/* The JSON API: one table of routes, and what all of its answers have in common. */
#include "api/rest/rest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/http/conn.h"
#include "api/rest/events.h"
#include "api/rest/view.h"
#include "engine/order/lookup.h"
#include "engine/order/upgrade.h"
#include "wire/percent.h"

/* ---- answers */

static void rest_answer(struct request *r, int status, const char *type, struct buf *value)
{
        buf_putc(value, '\n');
        if (value->failed)
                reply_error_page(r, 503);
        else
                reply_body(r, status, type, NULL, value);
}

void rest_reply(struct request *r, int status, struct buf *value)
{
        rest_answer(r, status, "application/json", value);
}

/* errors: NULL where the problem has no such member. */
static void rest_problem(struct request *r, int status, const char *code, const char *detail,
                         const struct diags *errors, const int64_t *offset)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        json_writer_open(&j, '{');
        view_key_int(&j, "status", status);
        view_key_text(&j, "title", http_reason(status));
        view_key_text(&j, "detail", detail && *detail ? detail : NULL);
        view_key_text(&j, "code", code);
        if (offset)
                view_key_int(&j, "offset", *offset);
        if (errors) {
                json_writer_key(&j, "errors");
                view_diags(&j, errors, DIAG_ERROR);
        }
        json_writer_close(&j, '}');
        rest_answer(r, status, "application/problem+json", &text);
}

void rest_error(struct request *r, int status, const char *code, const char *fmt, ...)
{
        AUTO_BUF detail = BUF_INIT;
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&detail, fmt, ap);
        va_end(ap);
        rest_problem(r, status, code, buf_str(&detail), NULL, NULL);
}

void rest_error_at(struct request *r, int status, const char *code, int64_t offset,
                   const char *detail)
{
        rest_problem(r, status, code, detail, NULL, &offset);
}

int rest_fault_status(enum fault f)
{
        static const struct {
                enum fault fault;
                int status;
        } table[] = {
                { FAULT_BAD_NAME, 404 },      { FAULT_BAD_SIGNAL, 400 },
                { FAULT_BAD_ARGUMENTS, 400 }, { FAULT_INCORRECT_PARAMETERS, 400 },
                { FAULT_OUT_OF_RANGE, 400 },  { FAULT_SHUTDOWN_STATE, 503 },
                { FAULT_TIMEOUT, 504 },       { FAULT_CANT_REREAD, 422 },
                { FAULT_FAILED, 500 },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                if (table[i].fault == f)
                        return table[i].status;
        return 409; /* the rest say that the process is in no state for it */
}

void rest_fault(struct request *r, enum fault f, const char *detail)
{
        rest_problem(r, rest_fault_status(f), fault_name(f), detail, NULL, NULL);
}

void rest_diags(struct request *r, const struct diags *d)
{
        const struct diag *first = diags_first_error(d);

        rest_problem(r, 422, fault_name(FAULT_CANT_REREAD), first ? first->message : NULL, d, NULL);
}

/* ---- bodies */

#define JSON_EACH_BYTE 5
#define JSON_EACH_MARK 128
#define JSON_BESIDES   (1u << 20) /* the heap grows by so much where its end cannot move */

/* jansson goes on with a buffer that did not grow. So what it can need is asked for first: a text
 * three times over while its buffer grows, and a value with its place for each mark. */
static bool has_room_for(const struct buf *body)
{
        size_t marks = 1;

        for (size_t i = 0; i < body->len; i++)
                marks += strchr(",:[{\"", body->data[i]) != NULL;
        void *room = malloc(body->len * JSON_EACH_BYTE + marks * JSON_EACH_MARK + JSON_BESIDES);
        free(room);
        return room != NULL;
}

json_t *rest_body(struct request *r)
{
        json_error_t why;
        json_t *body;

        if (!has_room_for(&r->body)) {
                rest_error(r, 503, "BUSY", "out of memory");
                return NULL;
        }
        if (r->body.len == 0)
                body = json_object();
        else
                body = json_loadb(r->body.data, r->body.len,
                                  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
        /* jansson's macro asks for NULL a second time */
        if (json_is_object(body)) /* NOLINT(misc-redundant-expression) */
                return body;
        if (body)
                rest_error(r, 400, "BAD_REQUEST", "the body has to be a JSON object");
        else if (r->body.len == 0)
                rest_error(r, 503, "BUSY", "out of memory");
        else
                rest_error(r, 400, "BAD_REQUEST", "the body is no JSON: line %d: %s", why.line,
                           why.text);
        json_decref(body);
        return NULL;
}

bool rest_bool(struct request *r, const json_t *body, const char *key, bool *value)
{
        const json_t *v = json_object_get(body, key);

        if (!v || json_is_null(v))
                return true;
        if (!json_is_boolean(v)) {
                rest_error(r, 400, "BAD_REQUEST", "%s has to be true or false", key);
                return false;
        }
        *value = json_is_true(v);
        return true;
}

bool rest_wait(struct request *r, const json_t *body, bool *wait, double *timeout_s)
{
        const json_t *v = json_object_get(body, "timeout_s");

        *wait = true;
        *timeout_s = REST_TIMEOUT_S;
        if (!rest_bool(r, body, "wait", wait))
                return false;
        if (!v || json_is_null(v))
                return true;
        *timeout_s = json_number_value(v);
        if (json_is_number(v) && *timeout_s > 0 && *timeout_s <= REST_TIMEOUT_MAX_S)
                return true;
        rest_error(r, 400, "BAD_REQUEST", "timeout_s has to be seconds, above 0 and up to %d",
                   (int)REST_TIMEOUT_MAX_S);
        return false;
}

/* ---- small routes */

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

static void answer_plan(struct request *r, const struct plan *plan, bool all,
                        const struct diags *warnings)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        view_plan(&j, plan, all, warnings);
        rest_reply(r, 200, &text);
}

static void rest_reload(struct request *r, bool plan_only, bool all)
{
        struct plan plan = { 0 };
        struct diags diags = { 0 };
        enum fault f = order_apply(r->sup, plan_only, &r->caller, &plan, &diags);

        if (f == FAULT_NONE)
                answer_plan(r, &plan, all, &diags);
        else if (f == FAULT_CANT_REREAD)
                rest_diags(r, &diags);
        else
                rest_fault(r, f, NULL);
        plan_release(&plan);
        diags_release(&diags);
}

/* A request whose answer needs the configuration read, and waits for its names to be looked up. */
struct read_job {
        struct reading reading;
        struct request *request;
        void (*run)(struct request *r);
};

static void read_job_gone(struct request *r)
{
        struct read_job *job = r->state;

        r->state = NULL;
        reading_cancel(&job->reading);
        free(job);
}

static void read_job_done(void *arg)
{
        struct read_job *job = arg;
        struct request *r = job->request;
        void (*run)(struct request * r) = job->run;

        r->on_gone = NULL;
        r->state = NULL;
        free(job);
        run(r);
}

void rest_after_reading(struct request *r, void (*run)(struct request *r))
{
        struct read_job *job = calloc(1, sizeof *job);

        if (!job) {
                reply_error_page(r, 503);
                return;
        }
        *job = (struct read_job){ .reading = { .on_read = read_job_done, .arg = job },
                                  .request = r,
                                  .run = run };
        r->state = job;
        r->on_gone = read_job_gone;
        reading_begin(r->sup, &job->reading);
}

static void reload_all(struct request *r)
{
        rest_reload(r, false, true);
}

static void reload_changes(struct request *r)
{
        rest_reload(r, false, false);
}

static void post_reload(struct request *r, const char *name)
{
        bool plan_only = false, all = false;
        json_t *body = rest_body(r);

        (void)name;
        if (!body)
                return;
        bool fine = rest_bool(r, body, "plan", &plan_only) && rest_bool(r, body, "all", &all);
        json_decref(body);
        if (!fine)
                return;
        if (plan_only)
                rest_reload(r, true, all);
        else
                rest_after_reading(r, all ? reload_all : reload_changes);
}

/* ---- upgrade in place */

static void upgrade_checked(void *arg, bool ok, const char *why)
{
        struct request *r = arg;
        AUTO_BUF text = BUF_INIT;

        r->on_gone = NULL;
        if (!ok) {
                rest_error(r, 422, "CANT_UPGRADE", "%s", why);
                return;
        }
        buf_printf(&text, "{\"upgrading\":true,\"pid\":%d}", (int)getpid());
        rest_reply(r, 202, &text);
}

static void upgrade_gone(struct request *r)
{
        upgrade_forget(r->sup, r);
}

/* Only a user who could run a program anyway may name it. */
static bool may_name_binary(const struct request *r)
{
        return r->caller.known && (r->caller.uid == 0 || r->caller.uid == geteuid());
}

static void post_upgrade(struct request *r, const char *name)
{
        json_t *body = rest_body(r);
        struct err e = { 0 };

        (void)name;
        if (!body)
                return;
        const json_t *binary = json_object_get(body, "binary");
        bool given = binary && !json_is_null(binary);
        if (given && !json_is_string(binary)) {
                rest_error(r, 400, "BAD_REQUEST", "binary has to be a path");
        } else if (given && !may_name_binary(r)) {
                rest_error(r, 403, "FORBIDDEN",
                           "only the daemon's own user and root may name a binary, over the Unix "
                           "socket");
        } else if (upgrade_begin(r->sup, json_string_value(binary), &r->caller, upgrade_checked, r,
                                 &e)) {
                r->on_gone = upgrade_gone;
        } else {
                rest_error(r, 409, "CANT_UPGRADE", "%s", e.text);
        }
        json_decref(body);
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
        { POST, "/v1/reload", false, post_reload },
        { POST, "/v1/upgrade", false, post_upgrade },
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
