/* start, stop, restart, signal, clear: orders for many processes at the same time (compat 21.4).
 *
 * Every name is a call of its own on a connection of its own. All are under way together; what
 * came of them is printed in the order in which the names were given (compat 23, row 36). */
#include <string.h>

#include "base/fault.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/names.h"
#include "ctl/render/progress.h"

#define AT_ONCE 64 /* calls under way together: a daemon may have few connections to give */

struct fault_word {
        int code;
        const char *text;
        int exit; /* 0: no error for the exit code */
};

struct verb {
        const char *one, *group, *all; /* methods; group NULL: there is none */
        const char *done;
        int bad_group_exit;
        const struct fault_word *faults; /* ends with code 0 */
};

static const struct fault_word start_faults[] = {
        { FAULT_BAD_NAME, "no such process", EXIT_GENERIC },
        { FAULT_NO_FILE, "no such file", EXIT_GENERIC },
        { FAULT_NOT_EXECUTABLE, "file is not executable", EXIT_GENERIC },
        { FAULT_ALREADY_STARTED, "already started", 0 },
        { FAULT_SPAWN_ERROR, "spawn error", EXIT_NOT_RUNNING },
        { FAULT_ABNORMAL_TERMINATION, "abnormal termination", EXIT_NOT_RUNNING },
        { 0 },
};
static const struct fault_word stop_faults[] = {
        { FAULT_BAD_NAME, "no such process", EXIT_GENERIC },
        { FAULT_NOT_RUNNING, "not running", 0 },
        { 0 },
};
static const struct fault_word signal_faults[] = {
        { FAULT_BAD_NAME, "no such process", EXIT_GENERIC },
        { FAULT_BAD_SIGNAL, "bad signal name", EXIT_GENERIC },
        { FAULT_NOT_RUNNING, "not running", EXIT_NOT_RUNNING },
        { 0 },
};
static const struct fault_word clear_faults[] = {
        { FAULT_BAD_NAME, "no such process", EXIT_GENERIC },
        { FAULT_FAILED, "failed", EXIT_GENERIC },
        { 0 },
};

static const struct verb verb_start = { "supervisor.startProcess",
                                        "supervisor.startProcessGroup",
                                        "supervisor.startAllProcesses",
                                        "started",
                                        EXIT_USAGE,
                                        start_faults };
static const struct verb verb_stop = { "supervisor.stopProcess",
                                       "supervisor.stopProcessGroup",
                                       "supervisor.stopAllProcesses",
                                       "stopped",
                                       EXIT_GENERIC,
                                       stop_faults };
static const struct verb verb_signal = { "supervisor.signalProcess",
                                         "supervisor.signalProcessGroup",
                                         "supervisor.signalAllProcesses",
                                         "signalled",
                                         EXIT_GENERIC,
                                         signal_faults };
static const struct verb verb_clear = { "supervisor.clearProcessLogs",
                                        NULL,
                                        "supervisor.clearAllProcessLogs",
                                        "cleared",
                                        EXIT_GENERIC,
                                        clear_faults };

/* ---- what came of it */

static void say_outcome(struct ctl *c, const struct verb *v, const char *name, int code,
                        const char *text)
{
        if (code == FAULT_SUCCESS) {
                ctl_say(c, "%s: %s", name, v->done);
                return;
        }
        for (const struct fault_word *f = v->faults; f->code; f++) {
                if (f->code != code)
                        continue;
                ctl_fail(c, f->exit, "%s: ERROR (%s)", name, f->text);
                return;
        }
        if (code == FAULT_FAILED)
                ctl_fail(c, EXIT_GENERIC, "%s", text);
        else
                ctl_fail(c, EXIT_GENERIC, "%s: ERROR (%s)", name, text);
}

static void say_list(struct ctl *c, const struct verb *v, const struct xval *list)
{
        for (size_t i = 0; i < list->count; i++) {
                const struct xval *item = list->items[i];
                AUTO_BUF name = BUF_INIT;
                namespec_put(&name, xval_str(item, "group"), xval_str(item, "name"));
                say_outcome(c, v, buf_str(&name), (int)xval_int(item, "status"),
                            xval_str(item, "description"));
        }
}

static bool known_fault(const struct verb *v, int code)
{
        for (const struct fault_word *f = v->faults; f->code; f++)
                if (f->code == code)
                        return true;
        return code == FAULT_FAILED;
}

static void say_reply(struct ctl *c, const struct verb *v, const char *word, const struct reply *r)
{
        AUTO_NAMESPEC n = { 0 };
        AUTO_BUF name = BUF_INIT;

        if (r->kind == REPLY_VALUE && r->value->kind == X_ARRAY) {
                say_list(c, v, r->value);
                return;
        }
        if (!namespec_split(word, &n)) {
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
                return;
        }
        namespec_put(&name, n.group, n.process ? n.process : n.group);
        if (r->kind == REPLY_VALUE)
                say_outcome(c, v, buf_str(&name), FAULT_SUCCESS, "");
        else if (reply_is_fault(r, FAULT_BAD_NAME) && !n.process)
                ctl_fail(c, v->bad_group_exit, "%s: ERROR (no such group)", n.group);
        else if (r->kind == REPLY_FAULT && known_fault(v, r->code))
                say_outcome(c, v, buf_str(&name), r->code, buf_str(&r->text));
        else
                ctl_report(c, r);
}

/* ---- having many calls under way */

struct order {
        const struct verb *verb;
        const char *word;
        const char *signal; /* borrowed; NULL: none */
        struct http *call;  /* owned while it is under way */
        struct reply reply;
};

static void order_send(struct ctl *c, struct order *o)
{
        AUTO_NAMESPEC n = { 0 };
        struct xarg args[2];
        size_t count = 0;
        const char *method = o->verb->all;

        o->reply = REPLY_INIT;
        if (!namespec_split(o->word, &n)) {
                buf_puts(&o->reply.text, "out of memory");
                return;
        }
        if (strcmp(o->word, "all") != 0) {
                bool whole = !n.process && o->verb->group;
                method = whole ? o->verb->group : o->verb->one;
                args[count++] = XARG_STR(whole ? n.group : o->word);
        }
        if (o->signal)
                args[count++] = XARG_STR(o->signal);
        o->call = session_send(&c->session, &o->reply, method, args, count);
}

static void order_finish(struct ctl *c, struct order *o, struct progress *p)
{
        if (o->call)
                session_receive(o->call, &o->reply);
        o->call = NULL;
        progress_clear(p);
        say_reply(c, o->verb, o->word, &o->reply);
        fflush(c->out);
}

/* Supervisor's words: "all" among them makes the others superfluous. */
static size_t all_or_each(const struct strlist *words, size_t first, const char **only)
{
        *only = NULL;
        for (size_t i = first; i < words->count; i++)
                if (strcmp(words->items[i], "all") == 0)
                        *only = words->items[i];
        return *only ? 1 : words->count - first;
}

static void order_give_orders(struct ctl *c, const struct verb *v, const struct strlist *words,
                              size_t first, const char *signal)
{
        struct order slots[AT_ONCE] = { 0 };
        struct progress p;
        const char *only;
        size_t count = all_or_each(words, first, &only);
        size_t sent = 0;

        progress_begin(&p, c, words);
        for (size_t done = 0; done < count; done++) {
                for (; sent < count && sent < done + AT_ONCE; sent++) {
                        struct order *o = &slots[sent % AT_ONCE];
                        *o = (struct order){ .verb = v, .signal = signal };
                        o->word = only ? only : words->items[first + sent];
                        order_send(c, o);
                }
                struct order *o = &slots[done % AT_ONCE];
                order_finish(c, o, &p);
                bool interrupted = o->reply.kind == REPLY_INTERRUPTED;
                reply_release(&o->reply);
                if (interrupted)
                        break;
        }
        for (size_t i = 0; i < AT_ONCE; i++) {
                http_free(slots[i].call);
                reply_release(&slots[i].reply);
        }
        progress_end(&p);
}

static void order_words(struct ctl *c, const struct verb *v, const struct args *a, size_t first,
                        bool groups)
{
        AUTO_STRLIST names = STRLIST_INIT;

        if (ctl_expand(c, &a->words, groups, &names))
                order_give_orders(c, v, &names, first, first ? a->words.items[0] : NULL);
}

/* ---- the commands */

void cmd_start(struct ctl *c, const struct args *a)
{
        order_words(c, &verb_start, a, 0, false);
}

void cmd_stop(struct ctl *c, const struct args *a)
{
        order_words(c, &verb_stop, a, 0, false);
}

void cmd_restart(struct ctl *c, const struct args *a)
{
        AUTO_STRLIST names = STRLIST_INIT;

        if (!ctl_expand(c, &a->words, false, &names))
                return;
        order_give_orders(c, &verb_stop, &names, 0, NULL);
        if (c->exit_code != EXIT_INTERRUPTED)
                order_give_orders(c, &verb_start, &names, 0, NULL);
}

void cmd_signal(struct ctl *c, const struct args *a)
{
        order_words(c, &verb_signal, a, 1, false);
}

void cmd_clear(struct ctl *c, const struct args *a)
{
        order_words(c, &verb_clear, a, 0, true);
}
