/* Supervisor's commands with --json: the same orders over /v1, and its objects as they come
 * (doc/api.md). */
#include <string.h>

#include "base/state.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"

static bool json_is_down(const json_t *process)
{
        int64_t code = json_int(process, "statecode");

        return code == STATE_STOPPED || code == STATE_EXITED || code == STATE_FATAL ||
               code == STATE_UNKNOWN;
}

static bool is_unhealthy(const json_t *process)
{
        return strcmp(json_text(process, "health"), "unhealthy") == 0;
}

/* Exit codes as those of the plain command. */
static void print_processes(struct ctl *c, const struct args *a,
                            bool (*is_bad)(const json_t *process))
{
        json_t *doc = v1_processes(c, &a->words, NULL, EXIT_UNREACHABLE);

        if (!doc)
                return;
        v1_print(c, doc);
        const json_t *list = json_object_get(doc, "processes");
        for (size_t i = 0; i < json_array_size(list); i++)
                if (is_bad(json_array_get(list, i)))
                        c->exit_code = EXIT_NOT_UP;
        json_decref(doc);
}

void json_status(struct ctl *c, const struct args *a)
{
        print_processes(c, a, json_is_down);
        if (c->exit_code == EXIT_NOT_RUNNING) /* no daemon: status has a code of its own */
                c->exit_code = EXIT_UNREACHABLE;
}

void json_health(struct ctl *c, const struct args *a)
{
        print_processes(c, a, is_unhealthy);
}

static void print_path(struct ctl *c, const char *path, const char *what)
{
        AUTO_REPLY r = REPLY_INIT;

        if (session_json(&c->session, &r, path, NULL))
                v1_print(c, r.json);
        else
                v1_fail(c, &r, what);
}

void json_pid(struct ctl *c, const struct args *a)
{
        if (!a->words.count) {
                print_path(c, "/v1/info", "pid");
                return;
        }
        json_t *doc = v1_processes(c, &a->words, NULL, EXIT_GENERIC);
        if (!doc)
                return;
        v1_print(c, doc);
        const json_t *list = json_object_get(doc, "processes");
        for (size_t i = 0; i < json_array_size(list); i++)
                if (!json_int(json_array_get(list, i), "pid") && !strlist_has(&a->words, "all"))
                        c->exit_code = EXIT_NOT_RUNNING;
        json_decref(doc);
}

void json_version(struct ctl *c, const struct args *a)
{
        (void)a;
        print_path(c, "/v1/info", "version");
}

void json_avail(struct ctl *c, const struct args *a)
{
        (void)a;
        print_path(c, "/v1/programs", "avail");
}

/* ---- orders */

static void result_codes(struct ctl *c, const json_t *results, const char *what)
{
        for (size_t i = 0; i < json_array_size(results); i++) {
                const json_t *item = json_array_get(results, i);
                if (json_is_true(json_object_get(item, "ok")))
                        continue;
                int code = v1_exit_code(what, json_text(item, "code"));
                if (code)
                        c->exit_code = code;
        }
}

/* One name's answer as items of a results list: a list as it is, a PROCESS as one that worked, a
 * problem as one that did not. */
static void add_results(json_t *results, const char *name, const struct reply *r)
{
        json_t *list = json_object_get(r->json, "results");

        if (json_is_array(list))
                json_array_extend(results, list);
        else if (r->kind == REPLY_VALUE)
                json_array_append_new(results, json_pack("{s:s, s:b, s:s, s:n}", "name", name, "ok",
                                                         1, "code", "OK", "detail"));
        else
                json_array_append_new(results, json_pack("{s:s, s:b, s:s, s:s}", "name", name, "ok",
                                                         0, "code", json_text(r->json, "code"),
                                                         "detail", json_text(r->json, "detail")));
}

static void print_results(struct ctl *c, json_t *results, const char *what)
{
        json_t *doc = json_pack("{s:O}", "results", results);

        v1_print(c, doc);
        result_codes(c, results, what);
        json_decref(doc);
}

/* Of one name the document as it came; also where it cannot be asked. */
static void print_one(struct ctl *c, const char *name, const struct reply *r, const char *what)
{
        if (r->kind != REPLY_VALUE) {
                v1_fail(c, r, what);
                return;
        }
        if (!r->json) { /* 204: it worked, and the daemon has nothing to say */
                json_t *results = json_array();
                add_results(results, name, r);
                print_results(c, results, what);
                json_decref(results);
                return;
        }
        v1_print(c, r->json);
        result_codes(c, json_object_get(r->json, "results"), what);
}

void json_order(struct ctl *c, const struct args *a)
{
        const char *what = a->cmd->name;
        size_t first = a->cmd->completes == COMP_SIGNAL; /* the signal stands before the names */
        json_t *results = json_array();
        bool several = a->words.count - first > 1, talks = true;

        for (size_t i = first; i < a->words.count && talks; i++) {
                AUTO_REPLY r = REPLY_INIT;
                const char *name = a->words.items[i];
                v1_post(c, &r, a->cmd->area, name, what,
                        first ? json_pack("{s:s}", "signal", a->words.items[0]) : v1_patience());
                talks = r.kind == REPLY_VALUE || r.kind == REPLY_PROBLEM;
                if (!several || !talks)
                        print_one(c, name, &r, what);
                else
                        add_results(results, name, &r);
        }
        if (several && talks)
                print_results(c, results, what);
        json_decref(results);
}
