/* /v1/processes: looking, and orders. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/rest/batch.h"
#include "api/rest/rest.h"
#include "api/rest/routes.h"
#include "api/rest/view.h"
#include "base/signame.h"
#include "base/vec.h"
#include "engine/persist/state.h"
#include "model/fleet/registry.h"
#include "version.h"
#include "wire/percent.h"

/* What a NAME in a path means. */
struct named {                  /* within one call */
        struct process **procs; /* owned */
        int count;
        bool many; /* a pattern: answered with a list, however many it fits */
};

static bool is_pattern(const char *name)
{
        size_t len = strlen(name);

        return strcmp(name, "all") == 0 || strpbrk(name, "*?[") ||
               (len > 0 && name[len - 1] == ':');
}

static struct process **rest_process_match(const struct registry *reg, const char *pattern,
                                           int *count)
{
        AUTO_BUF whole = BUF_INIT;
        size_t len = strlen(pattern);

        if (len == 0 || pattern[len - 1] != ':')
                return registry_match(reg, pattern, count);
        buf_printf(&whole, "%s*", pattern); /* "group:" is the whole group */
        *count = -1;
        return whole.failed ? NULL : registry_match(reg, whole.data, count);
}

/* All, or a group that is there, without any process: nothing is to be done, and that is no error.
 */
static bool is_empty_fleet(const struct registry *reg, const char *name)
{
        AUTO_BUF group = BUF_INIT;
        size_t len = strcspn(name, ":");

        if (strcmp(name, "all") == 0)
                return true;
        if (name[len] != ':' || (name[len + 1] && strcmp(name + len, ":*") != 0))
                return false;
        buf_put(&group, name, len);
        return !group.failed && registry_group(reg, buf_str(&group));
}

/* False: answered already. */
static bool rest_process_find(struct request *r, const char *name, struct named *out)
{
        struct process *p = registry_process(&r->sup->registry, name);

        *out = (struct named){ .count = p ? 1 : 0 };
        if (p) {
                out->procs = malloc(sizeof *out->procs);
                if (out->procs)
                        out->procs[0] = p;
                else
                        out->count = -1;
        } else if (is_pattern(name)) {
                out->many = true;
                out->procs = rest_process_match(&r->sup->registry, name, &out->count);
        }
        if (out->count == 0 && is_empty_fleet(&r->sup->registry, name)) {
                out->many = true;
                return true;
        }
        if (out->count > 0)
                return true;
        free(out->procs);
        if (out->count < 0)
                rest_error(r, 503, "BUSY", "out of memory");
        else
                rest_fault(r, FAULT_BAD_NAME, name);
        return false;
}

/* ---- looking */

static void put_list(struct json_writer *j, const struct supervisor *s,
                     struct process *const *procs, int count, uint64_t fields)
{
        struct moment now = clock_now();

        json_writer_open(j, '{');
        json_writer_key(j, "processes");
        json_writer_open(j, '[');
        for (int i = 0; i < count; i++)
                view_process(j, s, procs[i], now, fields);
        json_writer_close(j, ']');
        view_key_text(j, "state", view_daemon_state(s->daemon_state));
        view_key_text(j, "rpc_version", s->config->has_rpcinterface ? RPC_API_VERSION : NULL);
        if (state_trouble(s))
                view_key_text(j, "statedir_error", state_trouble(s));
        view_logs_error(j, s, false);
        json_writer_close(j, '}');
}

/* Each once, in the order of `status`. */
static void sort_once(struct named *n)
{
        int unique = 0;

        if (n->count > 1)
                qsort(n->procs, (size_t)n->count, sizeof *n->procs, batch_by_name);
        for (int i = 0; i < n->count; i++)
                if (unique == 0 || n->procs[unique - 1] != n->procs[i])
                        n->procs[unique++] = n->procs[i];
        n->count = unique;
}

static bool add_matches(const struct registry *reg, const char *pattern, struct named *to)
{
        int count = 0;
        struct process **found = rest_process_match(reg, pattern, &count);

        bool fine =
            count >= 0 && vec_reserve(&to->procs, (size_t)to->count, (size_t)count, sizeof *found);
        if (fine && count) {
                memcpy(to->procs + to->count, found, (size_t)count * sizeof *found);
                to->count += count;
        }
        free(found);
        return fine;
}

/* What the query's names fit; without any, everything. False: no memory. */
static bool find_listed(const struct request *r, struct named *out)
{
        const struct registry *reg = &r->sup->registry;
        const char *at = r->query;
        AUTO_BUF glob = BUF_INIT;
        bool fine = true, asked = false;

        *out = (struct named){ 0 };
        while (fine && query_next(&at, "name", &glob)) {
                asked = true;
                fine = !glob.failed && add_matches(reg, buf_str(&glob), out);
                buf_reset(&glob);
        }
        if (!asked)
                out->procs = registry_all(reg, &out->count);
        if (fine && out->count >= 0 && asked)
                sort_once(out);
        return fine && out->count >= 0;
}

/* Which fields the query asks for. False: answered already. */
static bool wanted_fields(struct request *r, uint64_t *fields)
{
        AUTO_BUF names = BUF_INIT, wrong = BUF_INIT, all = BUF_INIT;

        request_param(r, "fields", &names);
        if (view_fields(buf_str(&names), fields, &wrong))
                return true;
        view_field_names(&all);
        rest_error(r, 400, "BAD_REQUEST", "fields: a process has no '%s'; it has %s",
                   buf_str(&wrong), buf_str(&all));
        return false;
}

static void answer_list(struct request *r, const struct named *n, uint64_t fields)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        put_list(&j, r->sup, n->procs, n->count, fields);
        rest_reply(r, 200, &text);
}

void rest_process_list(struct request *r, const char *name)
{
        struct named n;
        uint64_t fields;

        (void)name;
        if (!wanted_fields(r, &fields))
                return;
        if (find_listed(r, &n))
                answer_list(r, &n, fields);
        else
                rest_error(r, 503, "BUSY", "out of memory");
        free(n.procs);
}

void rest_process(struct request *r, const char *name)
{
        struct named n;
        uint64_t fields;
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        if (!wanted_fields(r, &fields) || !rest_process_find(r, name, &n))
                return;
        if (n.many) {
                answer_list(r, &n, fields);
        } else {
                assert(n.procs); /* one was found */
                view_process(&j, r->sup, n.procs[0], clock_now(), fields);
                rest_reply(r, 200, &text);
        }
        free(n.procs);
}

/* ---- orders that take time */

static struct batch *batch_for(struct request *r, const struct named *n)
{
        struct batch *b = batch_new(r, n->many ? BATCH_RESULTS : BATCH_PROCESS, n->procs, n->count);

        if (!b)
                rest_error(r, 503, "BUSY", "out of memory");
        return b;
}

static void rest_process_carry_out(struct request *r, const struct operation_kind *kind,
                                   const char *name)
{
        struct named n;
        bool wait;
        double timeout_s;
        json_t *body = rest_body(r);

        if (!body)
                return;
        bool fine = rest_wait(r, body, &wait, &timeout_s) && rest_process_find(r, name, &n);
        json_decref(body);
        if (!fine)
                return;
        batch_order(r, n.many ? BATCH_RESULTS : BATCH_PROCESS, kind, n.procs, n.count, wait,
                    timeout_s);
        free(n.procs);
}

void rest_process_start(struct request *r, const char *name)
{
        rest_process_carry_out(r, &operation_start, name);
}

void rest_process_stop(struct request *r, const char *name)
{
        rest_process_carry_out(r, &operation_stop, name);
}

void rest_process_restart(struct request *r, const char *name)
{
        rest_process_carry_out(r, &operation_restart, name);
}

/* ---- orders that are done at once */

#define BAD_SIGNAL "signal has to be a name (\"HUP\") or a number"

static int signal_of(const json_t *v)
{
        if (json_is_string(v))
                return signame_parse(json_string_value(v));
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 999)
                return -1;
        char digits[8];
        snprintf(digits, sizeof digits, "%d", (int)json_integer_value(v));
        return signame_parse(digits);
}

void rest_process_signal(struct request *r, const char *name)
{
        struct named n;
        json_t *body = rest_body(r);

        if (!body)
                return;
        int sig = signal_of(json_object_get(body, "signal"));
        json_decref(body);
        if (!rest_process_find(r, name, &n))
                return;
        struct batch *b = batch_for(r, &n);
        for (int i = 0; b && i < n.count; i++) {
                enum fault f = process_can_signal(n.procs[i]) || !n.many ? FAULT_BAD_SIGNAL
                                                                         : FAULT_NOT_RUNNING;
                if (sig >= 0)
                        f = order_signal(r->sup, n.procs[i], sig, &r->caller);
                results_done(&b->results, i, n.procs[i], f,
                             f == FAULT_BAD_SIGNAL ? BAD_SIGNAL : NULL);
        }
        free(n.procs);
        if (b)
                batch_run(b, true, REST_TIMEOUT_S);
}

static void answer_nothing(struct batch *b)
{
        if (b->results.items[0].fault == FAULT_NONE)
                reply(b->request, 204, NULL, NULL, NULL, 0);
        else
                rest_fault(b->request, b->results.items[0].fault, b->results.items[0].name);
}

static void batch_answers_nothing(struct batch *b)
{
        b->answer = BATCH_OWN;
        b->on_finished = answer_nothing;
}

void rest_log_clear(struct request *r, const char *name)
{
        struct named n;

        if (!rest_process_find(r, name, &n))
                return;
        struct batch *b = batch_for(r, &n);
        for (int i = 0; b && i < n.count; i++)
                results_done(&b->results, i, n.procs[i],
                             order_clear_log(r->sup, n.procs[i], &r->caller), NULL);
        free(n.procs);
        if (!b)
                return;
        if (!n.many && !b->lines)
                batch_answers_nothing(b);
        batch_await_logs(b);
        batch_run(b, true, REST_TIMEOUT_S);
}

void rest_log_rotate(struct request *r, const char *name)
{
        struct named n;

        if (!rest_process_find(r, name, &n))
                return;
        struct batch *b = batch_for(r, &n);
        for (int i = 0; b && i < n.count; i++)
                results_done(&b->results, i, n.procs[i],
                             order_rotate_log(r->sup, n.procs[i], &r->caller), NULL);
        free(n.procs);
        if (b)
                batch_run(b, true, REST_TIMEOUT_S);
}

void rest_process_stdin(struct request *r, const char *name)
{
        struct named n;
        json_t *body = rest_body(r);
        const json_t *data = body ? json_object_get(body, "data") : NULL;

        if (!body)
                return;
        if (!json_is_string(data))
                rest_error(r, 400, "BAD_REQUEST", "data has to be a string");
        if (!json_is_string(data) || !rest_process_find(r, name, &n)) {
                json_decref(body);
                return;
        }
        struct batch *b = batch_for(r, &n);
        for (int i = 0; b && i < n.count; i++)
                results_done(&b->results, i, n.procs[i],
                             order_stdin(r->sup, n.procs[i], json_string_value(data),
                                         json_string_length(data), &r->caller),
                             NULL);
        json_decref(body);
        free(n.procs);
        if (!b)
                return;
        if (!n.many)
                batch_answers_nothing(b);
        batch_run(b, true, REST_TIMEOUT_S);
}
