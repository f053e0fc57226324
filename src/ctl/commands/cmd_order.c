/* start, stop, restart, signal, clear: orders for many processes at the same time (compat 21.4).
 *
 * Every name is a call of its own on a connection of its own. All are under way together; what
 * came of them is printed in the order in which the names were given (compat 23, row 36). */
#include <stdlib.h>
#include <string.h>

#include "ctl/commands/commands.h"
#include "ctl/commands/names.h"
#include "ctl/render/progress.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"
#include "wire/percent.h"

#define AT_ONCE 64 /* calls under way together: a daemon may have few connections to give */

struct refusal_word {
        const char *code, *text;
        int exit; /* 0: no error for the exit code */
};

struct verb {
        const char *area, *path; /* /v1/AREA/NAME/PATH */
        const char *done;
        const char *idle; /* what in a group is passed over: there is nothing to do; "": none */
        int bad_group_exit;
        const struct refusal_word *refusals; /* ends with a NULL code */
};

static const struct refusal_word start_refusals[] = {
        { "BAD_NAME", "no such process", EXIT_GENERIC },
        { "NO_FILE", "no such file", EXIT_GENERIC },
        { "NOT_EXECUTABLE", "file is not executable", EXIT_GENERIC },
        { "ALREADY_STARTED", "already started", 0 },
        { "SPAWN_ERROR", "spawn error", EXIT_NOT_RUNNING },
        { "ABNORMAL_TERMINATION", "abnormal termination", EXIT_NOT_RUNNING },
        { "SHUTDOWN_STATE", "abnormal termination", EXIT_NOT_RUNNING }, /* before it was up */
        { NULL, NULL, 0 },
};
static const struct refusal_word stop_refusals[] = {
        { "BAD_NAME", "no such process", EXIT_GENERIC },
        { "NOT_RUNNING", "not running", 0 },
        { NULL, NULL, 0 },
};
static const struct refusal_word signal_refusals[] = {
        { "BAD_NAME", "no such process", EXIT_GENERIC },
        { "BAD_SIGNAL", "bad signal name", EXIT_GENERIC },
        { "NOT_RUNNING", "not running", EXIT_NOT_RUNNING },
        { NULL, NULL, 0 },
};
static const struct refusal_word clear_refusals[] = {
        { "BAD_NAME", "no such process", EXIT_GENERIC },
        { "FAILED", "failed", EXIT_GENERIC },
        { NULL, NULL, 0 },
};

static const struct verb verb_start = { "processes",       "start",    "started",
                                        "ALREADY_STARTED", EXIT_USAGE, start_refusals };
static const struct verb verb_stop = { "processes",   "stop",       "stopped",
                                       "NOT_RUNNING", EXIT_GENERIC, stop_refusals };
static const struct verb verb_signal = { "processes",   "signal",     "signalled",
                                         "NOT_RUNNING", EXIT_GENERIC, signal_refusals };
static const struct verb verb_clear = {
        "logs", "clear", "cleared", "", EXIT_GENERIC, clear_refusals
};

/* ---- what came of it */

/* answer: a result, or a problem. */
static void say_outcome(struct ctl *c, const struct verb *v, const char *name, const char *code,
                        const json_t *answer)
{
        AUTO_BUF text = BUF_INIT;

        if (strcmp(code, "OK") == 0) {
                ctl_say(c, "%s: %s", name, v->done);
                return;
        }
        for (const struct refusal_word *f = v->refusals; f->code; f++) {
                if (strcmp(f->code, code) != 0)
                        continue;
                ctl_fail(c, f->exit, "%s: ERROR (%s)", name, f->text);
                return;
        }
        ctl_put_problem(&text, answer, name);
        if (strcmp(code, "FAILED") == 0)
                ctl_fail(c, EXIT_GENERIC, "%s", buf_str(&text));
        else
                ctl_fail(c, EXIT_GENERIC, "%s: ERROR (%s)", name, buf_str(&text));
}

/* What the verb did to one of a word's processes. The stop that a restart begins with is told by
 * what ran before. */
static void say_result(struct ctl *c, const struct verb *v, bool whole, const json_t *result)
{
        const json_t *ran = v == &verb_stop ? json_object_get(result, "was_running") : NULL;
        const char *code = json_text(result, "code");

        if (ran)
                code = json_is_true(ran) ? "OK" : "NOT_RUNNING";
        if (!whole || strcmp(code, v->idle) != 0)
                say_outcome(c, v, json_text(result, "name"), code, result);
}

static bool known_refusal(const struct verb *v, const char *code)
{
        for (const struct refusal_word *f = v->refusals; f->code; f++)
                if (strcmp(f->code, code) == 0)
                        return true;
        return strcmp(code, "FAILED") == 0;
}

static void say_reply(struct ctl *c, const struct verb *v, const char *word, const struct reply *r)
{
        const json_t *results = json_object_get(r->json, "results");
        const char *code = json_text(r->json, "code");
        AUTO_NAMESPEC n = { 0 };
        AUTO_BUF name = BUF_INIT;

        if (!namespec_split(word, &n)) {
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
                return;
        }
        bool whole = !n.process || strcmp(word, "all") == 0;
        namespec_put(&name, n.group, n.process ? n.process : n.group);
        for (size_t i = 0; i < json_array_size(results); i++)
                say_result(c, v, whole, json_array_get(results, i));
        if (r->kind == REPLY_VALUE)
                return;
        if (reply_is(r, "BAD_NAME") && !n.process)
                ctl_fail(c, v->bad_group_exit, "%s: ERROR (no such group)", n.group);
        else if (r->kind == REPLY_PROBLEM && known_refusal(v, code))
                say_outcome(c, v, buf_str(&name), code, r->json);
        else
                ctl_report(c, r);
}

/* ---- having many calls under way */

struct order {
        const char *word;  /* borrowed */
        struct http *call; /* owned while it is under way */
        struct reply reply;
};

struct orders {
        struct ctl *ctl; /* borrowed, like the next two */
        const struct verb *verb;
        const char *path;    /* instead of the verb's; NULL: none */
        struct order *items; /* owned */
        size_t count, done;
        char *body; /* owned */
};

static void order_send(const struct orders *o, struct order *one)
{
        AUTO_BUF path = BUF_INIT;

        buf_printf(&path, "/v1/%s/", o->verb->area);
        percent_encode(one->word, &path);
        buf_printf(&path, "/%s", o->path ? o->path : o->verb->path);
        one->call = session_send(&o->ctl->session, &one->reply, buf_str(&path), o->body);
}

static void orders_say(const struct orders *o, const struct verb *v, size_t at)
{
        say_reply(o->ctl, v, o->items[at].word, &o->items[at].reply);
        fflush(o->ctl->out);
}

/* All of them; what came of each is said in turn, unless it is to be said afterwards. */
static void orders_carry_out(struct orders *o, bool say, struct progress *p)
{
        size_t sent = 0;
        bool interrupted = false;

        for (; o->done < o->count && !interrupted; o->done++) {
                for (; sent < o->count && sent < o->done + AT_ONCE; sent++)
                        order_send(o, &o->items[sent]);
                struct order *one = &o->items[o->done];
                if (one->call)
                        session_receive(one->call, &one->reply);
                one->call = NULL;
                progress_clear(p);
                interrupted = one->reply.kind == REPLY_INTERRUPTED;
                if (say || interrupted)
                        orders_say(o, o->verb, o->done);
        }
}

static void orders_release(struct orders *o)
{
        for (size_t i = 0; i < o->count; i++) {
                http_free(o->items[i].call);
                reply_release(&o->items[i].reply);
        }
        free(o->items);
        free(o->body);
}

/* Supervisor's words: "all" among them makes the others superfluous. The body is taken over. */
static bool orders_init(struct orders *o, const struct strlist *words, size_t first, json_t *body)
{
        static const char all[] = "all";
        bool only = false, written = body != NULL;

        for (size_t i = first; i < words->count; i++)
                only = only || strcmp(words->items[i], all) == 0;
        o->count = only ? 1 : words->count - first;
        o->items = calloc(o->count + 1, sizeof *o->items);
        o->body = body ? json_dumps(body, JSON_COMPACT) : NULL;
        json_decref(body);
        for (size_t i = 0; o->items && i < o->count; i++)
                o->items[i] = (struct order){ .word = only ? all : words->items[first + i],
                                              .reply = REPLY_INIT };
        if (o->items && o->body)
                return true;
        ctl_fail(o->ctl, EXIT_GENERIC,
                 written || !o->items ? "error: out of memory"
                                      : "ERROR: what was typed is not UTF-8");
        o->count = o->items ? o->count : 0;
        return false;
}

static void order_words(struct ctl *c, const struct verb *v, const struct args *a, size_t first,
                        json_t *body)
{
        struct orders o = { .ctl = c, .verb = v };
        AUTO_STRLIST names = STRLIST_INIT;
        struct progress p;

        if (!ctl_expand(c, &a->words, v == &verb_clear, &names)) {
                json_decref(body);
                return;
        }
        progress_begin(&p, c, &names);
        if (orders_init(&o, &names, first, body))
                orders_carry_out(&o, true, &p);
        progress_end(&p);
        orders_release(&o);
}

/* ---- the commands */

void cmd_start(struct ctl *c, const struct args *a)
{
        order_words(c, &verb_start, a, 0, v1_patience());
}

void cmd_stop(struct ctl *c, const struct args *a)
{
        order_words(c, &verb_stop, a, 0, v1_patience());
}

/* One order for each word, which the daemon carries out; what stopped is said before what started.
 */
void cmd_restart(struct ctl *c, const struct args *a)
{
        struct orders o = { .ctl = c, .verb = &verb_start, .path = "restart" };
        AUTO_STRLIST names = STRLIST_INIT;
        struct progress p;

        if (!ctl_expand(c, &a->words, false, &names))
                return;
        progress_begin(&p, c, &names);
        if (orders_init(&o, &names, 0, v1_patience()))
                orders_carry_out(&o, false, &p);
        progress_end(&p);
        for (size_t i = 0; i < o.done && c->exit_code != EXIT_INTERRUPTED; i++)
                orders_say(&o, &verb_stop, i);
        for (size_t i = 0; i < o.done && c->exit_code != EXIT_INTERRUPTED; i++)
                orders_say(&o, &verb_start, i);
        orders_release(&o);
}

void cmd_signal(struct ctl *c, const struct args *a)
{
        order_words(c, &verb_signal, a, 1, json_pack("{s:s}", "signal", a->words.items[0]));
}

void cmd_clear(struct ctl *c, const struct args *a)
{
        order_words(c, &verb_clear, a, 0, json_object());
}
