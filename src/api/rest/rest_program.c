/* /v1/programs: fleets, and their size. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/rest/batch.h"
#include "api/rest/rest.h"
#include "api/rest/routes.h"
#include "api/rest/view.h"
#include "model/fleet/registry.h"

void rest_program_list(struct request *r, const char *name)
{
        const struct registry *reg = &r->sup->registry;
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        (void)name;
        json_writer_open(&j, '{');
        json_writer_key(&j, "programs");
        json_writer_open(&j, '[');
        for (int g = 0; g < reg->group_count; g++)
                for (int i = 0; i < reg->groups[g]->fleet_count; i++)
                        view_program(&j, &reg->groups[g]->fleets[i]);
        json_writer_close(&j, ']');
        json_writer_close(&j, '}');
        rest_reply(r, 200, &text);
}

static struct fleet *rest_program_find(struct request *r, const char *name)
{
        bool ambiguous = false;
        struct fleet *f = registry_fleet(&r->sup->registry, name, &ambiguous);

        if (!f && ambiguous)
                rest_error(r, 409, "BAD_NAME", "%s is in several groups: name it GROUP:%s", name,
                           name);
        else if (!f)
                rest_fault(r, FAULT_BAD_NAME, name);
        return f;
}

void rest_program(struct request *r, const char *name)
{
        const struct fleet *f = rest_program_find(r, name);
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        if (!f)
                return;
        view_program(&j, f);
        rest_reply(r, 200, &text);
}

/* ---- scaling */

struct scaling {
        struct scale_answer done;
        char program[]; /* as asked for */
};

/* The numbers of a fleet's workers at one time, so that those who came later are known. */
struct roster {
        int *numbers; /* owned */
        int count;
};

static bool roster_take(struct roster *r, const struct fleet *f)
{
        *r = (struct roster){ .numbers = calloc((size_t)f->count + 1, sizeof *r->numbers) };
        for (int i = 0; r->numbers && i < f->count; i++)
                if (f->procs[i]->state != PS_RETIRING) /* wanted again, it is a new one */
                        r->numbers[r->count++] = f->procs[i]->number;
        return r->numbers != NULL;
}

static bool roster_has(const struct roster *r, int number)
{
        for (int i = 0; i < r->count; i++)
                if (r->numbers[i] == number)
                        return true;
        return false;
}

/* Those who came and are not up, and why. */
static void put_failed(struct json_writer *j, const struct batch *b)
{
        json_writer_open(j, '[');
        for (int i = 0; i < b->results.count; i++) {
                const struct result *item = &b->results.items[i];
                enum fault f = batch_fault(item);
                if (f == FAULT_NONE)
                        continue;
                json_writer_open(j, '{');
                view_key_text(j, "name", item->name);
                view_key_text(j, "code", fault_name(f));
                view_key_text(j, "state", item->state);
                view_key_text(j, "detail", item->detail ? item->detail : item->spawnerr);
                json_writer_close(j, '}');
        }
        json_writer_close(j, ']');
}

static void answer_scaled(struct batch *b)
{
        const struct scaling *s = b->arg;
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        if (b->results.timed_out) {
                rest_error(b->request, 504, fault_name(FAULT_TIMEOUT),
                           "scaled from %d to %d, but not all workers are there yet", s->done.was,
                           s->done.replicas);
                return;
        }
        json_writer_open(&j, '{');
        view_key_text(&j, "program", s->program);
        view_key_int(&j, "was", s->done.was);
        view_key_int(&j, "replicas", s->done.replicas);
        json_writer_key(&j, "failed");
        put_failed(&j, b);
        json_writer_close(&j, '}');
        rest_reply(b->request, b->results.wait ? 200 : 202, &text);
}

/* Did a worker that has just come fail before anybody could wait for it? */
static bool has_failed(const struct process *p)
{
        enum pstate shown = process_shown(p->state);

        return shown == PS_BACKOFF || shown == PS_FATAL || shown == PS_UNKNOWN;
}

/* Workers that came are waited for until they are up or have failed, those that go until they are
 * gone. */
static void await_fleet(struct results *r, struct fleet *f, const struct roster *before)
{
        for (int i = 0; i < f->count; i++) {
                struct process *p = f->procs[i];
                if (p->state == PS_STARTING)
                        results_await(r, i, p, WAIT_FOR_STARTED);
                else if (p->state == PS_RETIRING)
                        results_await(r, i, p, WAIT_FOR_STOPPED);
                else if (has_failed(p) && !roster_has(before, p->number))
                        results_done(r, i, p, FAULT_SPAWN_ERROR, p->spawnerr);
                else
                        results_done(r, i, p, FAULT_NONE, NULL);
        }
}

static void answer_when_scaled(struct request *r, struct fleet *f, const char *name,
                               struct scale_answer done, const struct roster *before, bool wait,
                               double timeout_s)
{
        struct batch *b = batch_new(r, BATCH_OWN, f->procs, wait ? f->count : 0);
        struct scaling *s = b ? malloc(sizeof *s + strlen(name) + 1) : NULL;

        if (!s) {
                if (b)
                        batch_drop(b);
                rest_error(r, 503, "BUSY", "scaled, but out of memory to wait for it");
                return;
        }
        s->done = done;
        strcpy(s->program, name);
        b->arg = s;
        b->on_finished = answer_scaled;
        if (wait)
                await_fleet(&b->results, f, before);
        batch_run(b, wait, timeout_s);
}

/* Exactly one of replicas and by. False: answered already. */
static bool wanted_size(struct request *r, const json_t *body, bool *relative, int *value)
{
        const json_t *replicas = json_object_get(body, "replicas");
        const json_t *by = json_object_get(body, "by");
        const json_t *v = replicas ? replicas : by;

        *relative = !replicas;
        if (!v || (replicas && by)) {
                rest_error(r, 400, "BAD_REQUEST", "say either replicas or by");
                return false;
        }
        if (!json_is_integer(v)) {
                rest_error(r, 400, "BAD_REQUEST", "%s has to be a whole number",
                           *relative ? "by" : "replicas");
                return false;
        }
        if (json_integer_value(v) > INT_MAX / 2 || json_integer_value(v) < INT_MIN / 2) {
                rest_error(r, 400, "OUT_OF_RANGE", "%s: %lld is more than any fleet can have",
                           *relative ? "by" : "replicas", (long long)json_integer_value(v));
                return false;
        }
        *value = (int)json_integer_value(v);
        return true;
}

void rest_program_scale(struct request *r, const char *name)
{
        struct scale_answer done = { 0 };
        struct roster before;
        struct err why = { 0 };
        bool relative, wait;
        int value;
        double timeout_s;
        struct fleet *f = NULL;
        json_t *body = rest_body(r);

        if (!body)
                return;
        supervisor_settle(r->sup);
        if (wanted_size(r, body, &relative, &value) && rest_wait(r, body, &wait, &timeout_s))
                f = rest_program_find(r, name);
        json_decref(body);
        if (!f)
                return;
        if (!roster_take(&before, f)) {
                rest_error(r, 503, "BUSY", "out of memory");
                return;
        }
        enum fault fault = order_scale(r->sup, f, relative, value, &r->caller, &done, &why);
        if (fault == FAULT_NONE)
                answer_when_scaled(r, f, name, done, &before, wait, timeout_s);
        else if (why.code == ERR_NOMEM)
                rest_error(r, 503, "BUSY", "%s", why.text);
        else if (fault == FAULT_FAILED)
                rest_error(r, 422, fault_name(fault), "%s", why.text);
        else
                rest_fault(r, fault, why.text);
        free(before.numbers);
}
