/* reread, add, remove, update (compat 21.4). */
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "ctl/commands/commands.h"

struct word {
        const char *name, *what; /* borrowed */
};

static int config_by_name(const void *a, const void *b)
{
        return strcmp(((const struct word *)a)->name, ((const struct word *)b)->name);
}

/* The three lists of reloadConfig: added, changed, removed. */
enum { ADDED, CHANGED, REMOVED, LISTS };

static const struct xval *diff_list(const struct reply *r, size_t which)
{
        static const struct xval nothing = { .kind = X_ARRAY };
        const struct xval *list = xval_item(xval_item(r->value, 0), which);

        return list ? list : &nothing;
}

static void say_differences(struct ctl *c, const struct reply *r)
{
        static const char *const words[LISTS] = { "available", "changed", "disappeared" };
        size_t count = 0, total = 0;

        for (size_t i = 0; i < LISTS; i++)
                total += diff_list(r, i)->count;
        struct word *all = calloc(total ? total : 1, sizeof *all);
        for (size_t i = 0; all && i < LISTS; i++) {
                const struct xval *list = diff_list(r, i);
                for (size_t n = 0; n < list->count; n++)
                        all[count++] = (struct word){ xval_str(list->items[n], NULL), words[i] };
        }
        if (!all)
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        else if (!count)
                ctl_say(c, "No config updates to processes");
        else
                qsort(all, count, sizeof *all, config_by_name);
        for (size_t i = 0; i < count; i++)
                ctl_say(c, "%s: %s", all[i].name, all[i].what);
        free(all);
}

void cmd_reread(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;

        (void)a;
        if (CALL0(&c->session, &r, "supervisor.reloadConfig"))
                say_differences(c, &r);
        else if (reply_is_fault(&r, FAULT_SHUTDOWN_STATE))
                ctl_fail(c, EXIT_GENERIC, "ERROR: supervisor shutting down");
        else if (reply_is_fault(&r, FAULT_CANT_REREAD))
                ctl_fail(c, EXIT_GENERIC, "ERROR: %s", buf_str(&r.text));
        else
                ctl_report(c, &r);
}

void cmd_add(struct ctl *c, const struct args *a)
{
        for (size_t i = 0; i < a->words.count; i++) {
                const char *name = a->words.items[i];
                AUTO_REPLY r = REPLY_INIT;
                if (CALL(&c->session, &r, "supervisor.addProcessGroup", XARG_STR(name)))
                        ctl_say(c, "%s: added process group", name);
                else if (reply_is_fault(&r, FAULT_SHUTDOWN_STATE))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: shutting down");
                else if (reply_is_fault(&r, FAULT_ALREADY_ADDED))
                        ctl_say(c, "ERROR: process group already active");
                else if (reply_is_fault(&r, FAULT_BAD_NAME))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: no such process/group: %s", name);
                else
                        ctl_report(c, &r);
        }
}

void cmd_remove(struct ctl *c, const struct args *a)
{
        for (size_t i = 0; i < a->words.count; i++) {
                const char *name = a->words.items[i];
                AUTO_REPLY r = REPLY_INIT;
                if (CALL(&c->session, &r, "supervisor.removeProcessGroup", XARG_STR(name)))
                        ctl_say(c, "%s: removed process group", name);
                else if (reply_is_fault(&r, FAULT_STILL_RUNNING))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: process/group still running: %s", name);
                else if (reply_is_fault(&r, FAULT_BAD_NAME))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: no such process/group: %s", name);
                else
                        ctl_report(c, &r);
        }
}

/* ---- update */

static bool config_wanted(const struct strlist *only, const char *name)
{
        return !only->count || strlist_has(only, "all") || strlist_has(only, name);
}

static bool config_listed(const struct xval *list, const char *name)
{
        for (size_t i = 0; i < list->count; i++)
                if (strcmp(xval_str(list->items[i], NULL), name) == 0)
                        return true;
        return false;
}

static bool group_exists(const struct xval *infos, const char *name)
{
        for (size_t i = 0; i < infos->count; i++)
                if (strcmp(xval_str(infos->items[i], "group"), name) == 0)
                        return true;
        return false;
}

/* Groups that were asked for and that nobody knows, neither running nor new. */
static bool config_check_names(struct ctl *c, const struct strlist *only, const struct reply *diff)
{
        AUTO_REPLY infos = REPLY_INIT;

        if (!only->count || strlist_has(only, "all"))
                return true;
        if (!CALL0(&c->session, &infos, "supervisor.getAllProcessInfo")) {
                ctl_report(c, &infos);
                return false;
        }
        for (size_t i = 0; i < only->count; i++) {
                const char *name = only->items[i];
                bool known = group_exists(infos.value, name);
                for (size_t n = 0; n < LISTS; n++)
                        known = known || config_listed(diff_list(diff, n), name);
                if (!known)
                        ctl_fail(c, EXIT_GENERIC, "ERROR: no such group: %s", name);
        }
        return true;
}

/* Stop the group and say so. False: it did not work, or something of it would not stop. */
static bool stop_group(struct ctl *c, const char *name)
{
        AUTO_REPLY r = REPLY_INIT;

        if (!CALL(&c->session, &r, "supervisor.stopProcessGroup", XARG_STR(name))) {
                ctl_report(c, &r);
                return false;
        }
        ctl_say(c, "%s: stopped", name);
        for (size_t i = 0; i < r.value->count; i++) {
                if (xval_int(r.value->items[i], "status") == FAULT_SUCCESS)
                        continue;
                if (xval_int(r.value->items[i], "status") == FAULT_NOT_RUNNING)
                        continue;
                ctl_fail(c, EXIT_GENERIC, "%s: has problems; not removing", name);
                return false;
        }
        return true;
}

static bool change_group(struct ctl *c, const char *method, const char *name)
{
        AUTO_REPLY r = REPLY_INIT;

        if (CALL(&c->session, &r, method, XARG_STR(name)))
                return true;
        ctl_report(c, &r);
        return false;
}

static void update_removed(struct ctl *c, const char *name)
{
        if (!stop_group(c, name))
                return;
        if (change_group(c, "supervisor.removeProcessGroup", name))
                ctl_say(c, "%s: removed process group", name);
}

static void update_changed(struct ctl *c, const char *name)
{
        if (!stop_group(c, name))
                return;
        if (change_group(c, "supervisor.removeProcessGroup", name) &&
            change_group(c, "supervisor.addProcessGroup", name))
                ctl_say(c, "%s: updated process group", name);
}

static void update_added(struct ctl *c, const char *name)
{
        if (change_group(c, "supervisor.addProcessGroup", name))
                ctl_say(c, "%s: added process group", name);
}

void cmd_update(struct ctl *c, const struct args *a)
{
        static const struct {
                int list;
                void (*carry_out)(struct ctl *, const char *);
        } steps[] = { { REMOVED, update_removed },
                      { CHANGED, update_changed },
                      { ADDED, update_added } };
        AUTO_REPLY r = REPLY_INIT;

        if (!CALL0(&c->session, &r, "supervisor.reloadConfig")) {
                if (reply_is_fault(&r, FAULT_SHUTDOWN_STATE))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: already shutting down");
                else
                        ctl_report(c, &r);
                return;
        }
        if (!config_check_names(c, &a->words, &r))
                return;
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
                const struct xval *list = diff_list(&r, (size_t)steps[i].list);
                for (size_t n = 0; n < list->count; n++) {
                        const char *name = xval_str(list->items[n], NULL);
                        if (!config_wanted(&a->words, name))
                                continue;
                        steps[i].carry_out(c, name);
                        fflush(c->out);
                }
        }
}
