/* status, pid, avail, version: what there is (compat 21.4). */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/state.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/infos.h"
#include "ctl/commands/names.h"
#include "ctl/render/render.h"

/* ---- status */

struct listing {
        const struct info **items; /* owned array, borrowed items */
        size_t count, cap;
        bool failed;
};

static void listing_add(struct listing *l, const struct info *info)
{
        if (l->count == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 32;
                const struct info **items = realloc(l->items, cap * sizeof *items);
                if (!items) {
                        l->failed = true;
                        return;
                }
                l->items = items;
                l->cap = cap;
        }
        l->items[l->count++] = info;
}

static void list_word(struct ctl *c, const char *word, const struct infos *infos, struct listing *l)
{
        AUTO_NAMESPEC n = { 0 };
        size_t before = l->count;

        if (!namespec_split(word, &n)) {
                l->failed = true;
                return;
        }
        bool exact = false;
        for (size_t i = 0; i < infos->count && !exact; i++)
                exact = name_is_exact(word, infos->items[i].group, infos->items[i].name);
        for (size_t i = 0; i < infos->count; i++)
                if ((exact ? name_is_exact : name_selects)(word, infos->items[i].group,
                                                           infos->items[i].name))
                        listing_add(l, &infos->items[i]);
        if (l->count > before)
                return;
        if (n.process)
                ctl_fail(c, EXIT_UNREACHABLE, "%s: ERROR (no such process)", word);
        else
                ctl_fail(c, EXIT_UNREACHABLE, "%s: ERROR (no such group)", n.group);
}

static void list_words(struct ctl *c, const struct strlist *words, const struct infos *infos,
                       struct listing *l)
{
        if (!words->count || strlist_has(words, "all")) {
                for (size_t i = 0; i < infos->count; i++)
                        listing_add(l, &infos->items[i]);
                return;
        }
        for (size_t i = 0; i < words->count; i++)
                list_word(c, words->items[i], infos, l);
}

static bool status_is_down(int64_t state)
{
        return state == STATE_STOPPED || state == STATE_EXITED || state == STATE_FATAL ||
               state == STATE_UNKNOWN;
}

static void put_listing(struct ctl *c, const struct listing *l, bool details)
{
        struct status_row *rows = calloc(l->count ? l->count : 1, sizeof *rows);
        AUTO_STRLIST names = STRLIST_INIT;
        AUTO_BUF text = BUF_INIT;

        for (size_t i = 0; rows && i < l->count; i++) {
                const struct info *info = l->items[i];
                AUTO_BUF name = BUF_INIT;
                namespec_put(&name, info->group, info->name);
                if (!strlist_add(&names, buf_str(&name)))
                        break;
                rows[i] = (struct status_row){ names.items[i], info->state, info->description,
                                               info->more };
        }
        int width = rows ? status_width(rows, names.count) : 0;
        int64_t now = clock_wall_ms();
        for (size_t i = 0; i < names.count; i++) {
                status_line(&text, &rows[i], width, c->colour);
                if (details)
                        status_detail(&text, rows[i].more, width, now);
        }
        if (!rows || l->failed || names.count < l->count || text.failed)
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        fputs(buf_str(&text), c->out);
        free(rows);
}

void cmd_status(struct ctl *c, const struct args *a)
{
        bool details = a->verbose || c->tty_out;
        struct listing l = { 0 };
        AUTO_INFOS infos = INFOS_INIT;

        if (!infos_fetch(c, &a->words, details, &infos)) {
                if (c->exit_code == EXIT_NOT_RUNNING || c->exit_code == EXIT_NOT_UP)
                        c->exit_code = EXIT_UNREACHABLE;
                return;
        }
        list_words(c, &a->words, &infos, &l);
        put_listing(c, &l, details);
        for (size_t i = 0; i < l.count; i++)
                if (status_is_down(l.items[i]->code))
                        c->exit_code = EXIT_NOT_UP;
        free(l.items);
}

/* ---- pid */

static void pid_of_all(struct ctl *c)
{
        AUTO_REPLY r = REPLY_INIT;

        if (!CALL0(&c->session, &r, "supervisor.getAllProcessInfo")) {
                ctl_report(c, &r);
                return;
        }
        for (size_t i = 0; i < r.value->count; i++)
                ctl_say(c, "%lld", (long long)xval_int(r.value->items[i], "pid"));
}

static void pid_of(struct ctl *c, const char *name)
{
        AUTO_REPLY r = REPLY_INIT;

        if (!CALL(&c->session, &r, "supervisor.getProcessInfo", XARG_STR(name))) {
                if (reply_is_fault(&r, FAULT_BAD_NAME))
                        ctl_fail(c, EXIT_GENERIC, "No such process %s", name);
                else
                        ctl_report(c, &r);
                return;
        }
        int64_t pid = xval_int(r.value, "pid");
        ctl_fail(c, pid ? 0 : EXIT_NOT_RUNNING, "%lld", (long long)pid);
}

void cmd_pid(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;
        AUTO_STRLIST names = STRLIST_INIT;

        if (strlist_has(&a->words, "all")) {
                pid_of_all(c);
                return;
        }
        if (a->words.count) {
                if (ctl_expand(c, &a->words, true, &names))
                        for (size_t i = 0; i < names.count; i++)
                                pid_of(c, names.items[i]);
                return;
        }
        if (CALL0(&c->session, &r, "supervisor.getPID"))
                ctl_say(c, "%lld", (long long)xval_int(r.value, NULL));
        else
                ctl_report(c, &r);
}

/* ---- avail, version */

void cmd_avail(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;

        (void)a;
        if (!CALL0(&c->session, &r, "supervisor.getAllConfigInfo")) {
                if (reply_is_fault(&r, FAULT_SHUTDOWN_STATE))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: supervisor shutting down");
                else
                        ctl_report(c, &r);
                return;
        }
        for (size_t i = 0; i < r.value->count; i++) {
                const struct xval *info = r.value->items[i];
                AUTO_BUF name = BUF_INIT;
                namespec_put(&name, xval_str(info, "group"), xval_str(info, "name"));
                ctl_say(c, "%-32s %-9s %-9s %lld:%lld", buf_str(&name),
                        xval_int(info, "inuse") ? "in use" : "avail",
                        xval_int(info, "autostart") ? "auto" : "manual",
                        (long long)xval_int(info, "group_prio"),
                        (long long)xval_int(info, "process_prio"));
        }
}

void cmd_version(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;

        (void)a;
        if (CALL0(&c->session, &r, "supervisor.getSupervisorVersion"))
                ctl_say(c, "%s", xval_str(r.value, NULL));
        else
                ctl_report(c, &r);
}
